"""
Keeping the ledger: putting it back, handing it to another key, a new epoch, forgetting what may be forgotten.

These are for whoever keeps the data directory, on its own machine and not over HTTP: they need its files, some of them
with the gate stopped, and a stolen session must not be able to erase anything. Each says in an entry what was done.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from gate.canonical import Json, encode, utc
from gate.control.views import View
from gate.errors import BadInput, NotThere, Refused
from gate.export import complete
from gate.export.blobs import PRUNED, REPLY, named
from gate.ledger import checkpoint as heads
from gate.ledger import commitment, note, proof
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.entry import Actor, Blob, Draft
from gate.people import People
from gate.people.enrolled import NOBODY
from gate.settings import Settings, read_file
from gate.store import Ledger
from gate.store.restore import ended, first_changed, restore
from gate.store.rings import ring_in

SHELL = Actor("gate", "shell")
"""Whoever works on the data directory itself: the operating system knows who, the gate does not."""

LARGEST_COMPANION = 256 << 20
Open = Callable[[Sequence[Draft]], Ledger]


@contextmanager
def stopped(settings: Settings) -> Iterator[None]:
    """Hold the driver's lock, so that no gate runs on this data directory meanwhile; Refused when one does."""
    handle = os.open(settings.data / "driver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("a gate is running on this data directory", hint="stop sangate serve first") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def loose(settings: Settings, file: Path) -> Iterator[Path]:
    """Give the log with its companions beside it: `file` itself, or a complete archive unpacked for as long as that."""
    try:
        with file.open("rb") as begun:
            start = begun.read(2)
    except OSError as problem:
        raise BadInput(f"the export cannot be read: {problem.strerror}", place=str(file)) from None
    if start == b"\x1f\x8b":
        raise BadInput("the export is compressed", place=str(file), hint="gunzip it first; what lies beside it stays")
    if start != b"PK":
        yield file
        return
    with TemporaryDirectory(prefix="recover-", dir=settings.data) as folder:
        yield complete.unpack(file, Path(folder))


def recover(settings: Settings, vkey: note.VerifierKey, file: Path, signed: str, opened: Open, now: datetime) -> View:
    """
    Put back what the ledger lacks from NAME.jsonl and what lies beside it, and enter that it was done.

    `signed` is a checkpoint of this ledger that covers exactly the file. `opened` opens the ledger afterwards.
    """
    head = _head(signed, vkey)
    rotated = {one.index: one.signed for one in _rotations(file.with_suffix(".rotations"))}
    seen = settings.ledger_key.with_name(settings.ledger_key.name + ".seen")
    try:
        start = restore(settings.ledger_db, seen, lambda: _lines(file), head, signed, rotated, now)
    except (BadInput, Refused) as problem:
        leaves = file.with_suffix(".leaves")
        bad = first_changed(_lines(file), leaves.read_bytes(), head) if leaves.is_file() else None
        if bad is None:
            raise
        said = f"entry {bad} of the export was changed: its bytes are not those that were signed"
        raise BadInput(said, hint=problem.hint) from None
    ledger = opened(())
    try:
        blobs = _blobs(ledger, file.with_suffix(".blobs"))
        values = _values(ledger, file.with_suffix(".private.jsonl"))
        missing = ledger.missing
        if not missing:
            data: dict[str, Json] = {
                "reason": "put back from an export",
                "start": start,
                "size": head.size,
                "missing": 0,
            }
            ledger.append(Draft("log.recovered", SHELL, None, data))
        return {"start": start, "size": head.size, "missing": missing, "blobs": blobs, "private": values}
    finally:
        ledger.close()


def new_epoch(settings: Settings, known: str, reason: str, opened: Open, now: datetime) -> View:
    """
    End the log that lies here and begin the next one; config.yaml must name it already.

    `known` is the newest checkpoint of the old log that anybody holds, or empty. The old file and key are put aside.
    """
    key = settings.ledger_key
    seen = key.with_name(key.name + ".seen")
    origin, size, most, newest = ended(settings.ledger_db, seen)
    base, _, epoch = origin.rpartition("/")
    if not epoch.isdigit() or settings.config.ledger.origin != f"{base}/{int(epoch) + 1}":
        following = f"{base}/{int(epoch) + 1}" if epoch.isdigit() else f"{origin}/2"
        raise Refused(f"the log here is {origin}", hint=f"write into config.yaml first: ledger: origin: {following}")
    if known:
        head = heads.read(note.read(known).text)
        if head.origin != origin:
            raise BadInput(f"that is a checkpoint of {head.origin}, the log here is {origin}")
        newest, most = (known, head.size) if head.size >= most else (newest, most)
    taken = _taken_away(settings, now)
    for path in (settings.ledger_db, key, seen):
        if path.exists():
            path.rename(path.with_name(f"{path.name}.epoch-{epoch}"))
    missing = most - size
    first: dict[str, Json] = {"origin": settings.config.ledger.origin, "previous": newest, "missing": missing}
    second: dict[str, Json] = {"reason": reason, "from": origin, "size": size, "missing": missing}
    beginning = [Draft("log.opened", SHELL, None, first), Draft("log.recovered", SHELL, None, second)]
    for name, person in sorted(taken.items()):  # what was taken away stays so, for whoever follows the new log alone
        again: dict[str, Json] = {"person": person, "fingerprint": name, "reason": f"revoked in {origin}"}
        beginning.append(Draft("key.revoked", SHELL, None, again))
    ledger = opened(tuple(beginning))
    try:
        signed = ledger.checkpoint(keep=True)
        return {"from": origin, "size": size, "missing": missing, "checkpoint": signed, "vkey": ledger.vkey}
    finally:
        ledger.close()


def _taken_away(settings: Settings, now: datetime) -> dict[str, str]:
    """Return the keys that were taken away, also by entries that are lost: fingerprint → whose it was, where known."""
    ring, owners = ring_in(settings.ledger_db), People(settings.working_db, lambda: now).owners()
    lost = {name: ring.keys[name].person if name in ring.keys else "" for name in owners if owners[name] == NOBODY}
    return lost | {name: ring.keys[name].person for name in ring.revoked}


def redact(ledger: Ledger, index: int, field: str, reason: str) -> View:
    """Forget the value of a field that is kept outside the log; the entry that says so comes first."""
    found = next(iter(ledger.entries(index, index + 1)), None) if index >= 0 else None
    if found is None or field not in found.private:
        raise NotThere(f"entry {index} has no field {field} outside the log")
    said = any(
        one.kind == "redaction.made" and one.data["entry"] == index and one.data["field"] == field
        for one in ledger.entries(index)
    )
    if not said:
        ledger.append(Draft("redaction.made", SHELL, None, {"entry": index, "field": field, "reason": reason}))
    return {"entry": index, "field": field, "deleted": ledger.forget(index, field)}


def clear(settings: Settings) -> None:
    """Remove exports that a page has made, and what a killed recovery left: what is forgotten may be in them."""
    for one in settings.data.glob("exports/*"):
        one.unlink(missing_ok=True)
    for left in settings.data.glob("recover-*"):
        shutil.rmtree(left, ignore_errors=True)


def prune_blobs(ledger: Ledger, older_than: timedelta, reason: str, now: datetime) -> View:
    """
    Remove replies that only older entries, or evidence of theirs, name; Refused under a hold. A blob lists them.

    Nothing else may be removed: plans, verdicts, evidence and requests stay.
    """
    if held(ledger):
        raise Refused("removing replies is on hold", hint="sangate ledger free-blobs, when whoever asked for it agrees")
    before = now - older_than
    names: dict[str, set[str]] = {}
    newest: dict[str, str] = {}
    for time, name, digest, _ in named(ledger, ledger.size()):
        names.setdefault(digest, set()).add(name)
        newest[digest] = max(time, newest.get(digest, ""))
    old = sorted(digest for digest in newest if newest[digest] < utc(before) and names[digest] == {REPLY})
    there = [one for one in old if ledger.get_blob(one) is not None]
    if not there:
        return {"count": 0, "size": 0}
    listed = encode(list(there))
    blob = Blob(PRUNED, ledger.put_blob(listed), len(listed))
    size = sum(len(ledger.get_blob(one) or b"") for one in there)
    data: dict[str, Json] = {"before": utc(before), "count": len(there), "size": size, "reason": reason}
    ledger.append(Draft("blobs.pruned", SHELL, None, data, (blob,)))
    for one in there:
        ledger.drop_blob(one)
    return {"count": len(there), "size": size}


def held(ledger: Ledger) -> bool:
    """Say whether a hold forbids to remove blobs: the last word on it in the ledger counts."""
    state = False
    for item in ledger.entries():
        if item.kind in ("blobs.held", "blobs.freed"):
            state = item.kind == "blobs.held"
    return state


def _head(signed: str, vkey: note.VerifierKey) -> Checkpoint:
    try:
        return heads.verify(signed, vkey)
    except ValueError as problem:
        hint = "if its key was changed after this copy of the data directory was made, put the newest key back first"
        raise BadInput(f"the checkpoint is not of this ledger's key: {problem}", hint=hint) from None


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(1 << 17), b"")):
            if not line.endswith(b"\n"):
                raise BadInput(f"entry {number} has no end", place=str(file))
            yield line[:-1]


def _rotations(file: Path) -> list[proof.Proof]:
    if not file.is_file():
        return []
    first = proof.FIRST + "\n"
    parts = read_file(file, LARGEST_COMPANION).decode("utf-8", "replace").split(first)[1:]
    try:
        return [proof.read(first + part) for part in parts]
    except ValueError as problem:
        raise BadInput(str(problem), place=str(file)) from None


def _blobs(ledger: Ledger, folder: Path) -> int:
    """Put back every blob that belongs to the log and the folder has, its digest checked; return how many."""
    count = 0
    for _, _, digest, _ in named(ledger, ledger.size()):
        file = folder / digest[7:9] / digest[9:]
        if not file.is_file() or ledger.get_blob(digest) is not None:
            continue
        if ledger.put_blob(file.read_bytes()) != digest:
            raise BadInput(f"blob {digest} was changed", place=str(file))
        count += 1
    return count


def _values(ledger: Ledger, file: Path) -> int:
    """Put back what was disclosed, each value checked against its entry; return how many."""
    count = 0
    for line in _lines(file) if file.is_file() else ():
        try:
            told = commitment.read(line)
        except ValueError as problem:
            raise BadInput(str(problem), place=str(file)) from None
        for item in ledger.entries(told.index, told.index + 1):
            if not commitment.opens(told, item.private.get(told.field, "")):
                raise BadInput(f"what is told of entry {told.index} is not what it committed to", place=str(file))
            ledger.put_back(told)
            count += 1
    return count
