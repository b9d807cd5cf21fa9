"""
The tool `sqlite-copy`: each run copies the database file as a whole and writes a manifest beside it.

    REPOSITORY/20261122T010000Z/sidekick.db
    REPOSITORY/20261122T010000Z/manifest.json   {"id", "started_at", "finished_at", "size", "sha256", "error"}

`error` is empty when the copy went well; a manifest without it does not say so.

The manifest is what the tool reports; the stored file is what there is. `catalogue` reads the first, `verify`
has every byte of the second read and compares the two itself.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.told import CLOCK, clock, member, not_future, parsed
from gate.backups.tool import Tool, reading
from gate.canonical import LARGEST_INTEGER
from gate.evidence import BackupReading, BackupRun, Counts, Reply, Verification
from gate.inventory import Dataset, Protection

NEWEST = 10
"""Runs whose manifest is read; older ones are not relied on and not listed."""

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
SHA256 = re.compile(r"[0-9a-f]{64}")


def stored_file(protection: Protection, dataset: Dataset, run: str) -> str:
    """Return the path of one run's copy; ValueError when the id is none that `catalogue` returns."""
    if not RUN_ID.fullmatch(run):
        raise ValueError(f"{run!r} is no id of a sqlite-copy run")
    return f"{protection.repository}/{run}/{PurePosixPath(dataset.path).name}"


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask the backup host what the repository holds; the runs come newest first by their id.

    What cannot be read is never dropped in silence: `problem` names it, beside the runs that could be read.
    An empty repository is no problem but a fact: no runs.
    """
    log: list[Reply] = []
    runs: list[BackupRun] = []
    problems: list[str] = []
    skew: int | None = None
    host_now: datetime | None = None
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
    except Unread as unread:
        problems.append(str(unread))
    try:
        found = yield from ask(f"find {protection.repository} -mindepth 2 -maxdepth 2 -name manifest.json", log)
        ids, strange = _run_ids(protection.repository, text(found, "the list of backups"))
        problems += strange
        for run in sorted(ids, reverse=True)[:NEWEST]:
            reply = yield from ask(f"cat {protection.repository}/{run}/manifest.json", log)
            try:
                runs.append(_manifest(run, reply, host_now))
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    return reading(protection, log, runs, skew, "; ".join(problems))


def verify(
    protection: Protection, dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have the backup host read and hash every stored byte of one run, and compare digest and size with the manifest.

    The exit status alone never counts. Level `V4` only when both are equal; `V1` when the file differs from its
    manifest or is gone; `V0` when nothing was learned. Log continuity, the other half of V4, does not apply: a copy
    of the whole file needs no log to be restored. Dated by the start of the reading.
    """
    log: list[Reply] = []
    path = stored_file(protection, dataset, run.id)
    level, because, counts = "V0", "", None
    try:
        counted = yield from ask(f"stat -c %s {path}", log)
        hashed = yield from ask(f"sha256sum {path}", log)
        level = "V1" if all(reply.exit_status is not None for reply in (counted, hashed)) else "V0"
        size, digest = _size(counted), read_digest(hashed, path)
        whole = (size, digest) == (run.size, run.sha256)
        counts = Counts("files", total=1, ok=int(whole), damaged=int(not whole))
        if size != run.size:
            because = f"backup {run.id} has {size} bytes, its manifest says {run.size}"
        elif digest != run.sha256:
            because = f"backup {run.id} reads {digest}, its manifest says {run.sha256}"
        else:
            level, because = "V4", f"all {size} bytes of backup {run.id} were read and hash as its manifest says"
    except Unread as unread:
        because = f"backup {run.id} could not be read in full: {unread}"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at,
        level=level,
        passed=level == "V4",
        because=because,
        counts=counts,
        seen=(run.id,) if counts is not None else (),
        complete=counts is not None,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """Bring one run's copy back below the scratch; Unread unless it reads as its manifest says."""
    stored = stored_file(protection, dataset, run.id)
    copy = f"{place}/{PurePosixPath(stored).name}"
    output((yield from ask(f"cp {stored} {copy}", log)), "restoring")
    digest = read_digest((yield from ask(f"sha256sum {copy}", log)), copy)
    if digest != run.sha256:
        raise Unread(f"the restored file reads {digest}, the manifest says {run.sha256}")
    return copy


def _run_ids(repository: str, listing: str) -> tuple[list[str], list[str]]:
    """Return the ids of a listing, and a sentence for every line that is none."""
    ids: list[str] = []
    strange: list[str] = []
    for line in listing.splitlines():
        run = line.removeprefix(f"{repository}/").removesuffix("/manifest.json")
        if RUN_ID.fullmatch(run) and line == f"{repository}/{run}/manifest.json" and run not in ids:
            ids.append(run)
        else:
            strange.append(f"the list of backups holds {shown(line)}")
    return ids, strange


def _manifest(run: str, reply: Reply, host_now: datetime | None) -> BackupRun:
    """Read one manifest; unknown keys are left alone, since newer versions of the tool may add some."""
    what = f"the manifest of backup {run}"
    told = member(parsed(text(reply, what), what), what)
    if told.get("id") != run:
        raise Unread(f"{what} says that it belongs to {shown(str(told.get('id')))}")
    size, digest = told.get("size"), told.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= LARGEST_INTEGER:
        raise Unread(f"{what} gives no size")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise Unread(f"{what} gives no SHA-256")
    started, finished = (_moment(told.get(key), f"{what}: {key}") for key in ("started_at", "finished_at"))
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    not_future(finished, host_now, reply, what)
    error = told.get("error")
    if error is not None and not isinstance(error, str):
        raise Unread(f"{what} gives no readable error")
    return BackupRun(run, finished, size, f"sha256:{digest}", started, error=error and shown(error))


def _moment(value: object, what: str) -> datetime:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise Unread(f"{what} is no time in UTC")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise Unread(f"{what} is no time: {error}") from error


def _size(reply: Reply) -> int:
    said = text(reply, "the size")
    if not re.fullmatch(r"[0-9]{1,15}\n", said):
        raise Unread(f"the size: {reply.target} answered {shown(said)}")
    return int(said)


def read_digest(reply: Reply, path: str) -> str:
    """Read `sha256sum`'s line; the path in it must be the one that was asked for."""
    said = text(reply, "the hash")
    line = re.fullmatch(rf"({SHA256.pattern})  {re.escape(path)}\n", said)
    if not line:
        raise Unread(f"the hash: {reply.target} answered {shown(said)}")
    return f"sha256:{line[1]}"


TOOL = Tool(catalogue, verify, restore)
