"""
The whole log as files: the exact bytes, one entry a line, and what is needed to check them.

    NAME.jsonl (or .jsonl.gz)  every entry         NAME.leaves  its leaf hash, 32 bytes each
    NAME.checkpoint            the signed head     NAME.policy  the public key
    NAME.rotations             where the key was changed: that the old one handed over to the new
    NAME.blobs/ab/cdef…        with blobs: what the entries name, and the replies that their evidence names

With its blobs an export is all that the ledger is: `sangate ledger recover` makes a ledger of it.
"""

import gzip
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gate.errors import Outside
from gate.export.blobs import write_blobs
from gate.export.population import signed_head
from gate.ledger import checkpoint, merkle
from gate.ledger.policy import read
from gate.store import Ledger
from gate.store.stamps import Stamp, newest

MEDIA_TYPE = "application/jsonl"


def policy(trusted: str) -> str:
    """Return the C2SP tlog-policy to hand out: a ledger's own (key, witnesses, quorum), or of a bare key alone."""
    about = "# Whose word the record rests on. Hand it to the auditor by another way than the export."
    return f"{about}\n{trusted}" if trusted.endswith("\n") else f"{about}\nlog {trusted}\nquorum none\n"


@dataclass(frozen=True)
class Whole:
    """The log under one head."""

    size: int
    head: str | None
    """The signed checkpoint; None when entries are missing and no head was ever kept."""


def whole(ledger: Ledger) -> Whole:
    """Fix how much is exported. A ledger that is behind what it once signed gives what it has."""
    signed, newest = signed_head(ledger)
    if signed is None or not newest:
        return Whole(ledger.size(), signed)
    return Whole(checkpoint.verify(signed, *read(ledger.policy).keys).size, signed)


def lines(ledger: Ledger, size: int, told: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    """Yield the exact bytes of the first `size` entries, each with a line end, some hundreds in a piece."""
    done = 0
    for count, piece in ledger.lines(0, size):
        yield piece
        done += count
        told(done)


def export_log(
    ledger: Ledger,
    path: Path,
    *,
    zipped: bool = False,
    blobs: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> int:
    """Write `path` (NAME.jsonl) and what stands beside it; return the number of entries."""
    taken = whole(ledger)
    keep(path, lines(ledger, taken.size, told), taken.head, policy(ledger.policy), zipped=zipped)
    write_rotations(path, ledger.rotations())
    stamp = stamp_of(ledger, taken)
    if stamp is not None:
        write_stamp(path, stamp.signed, stamp.reply)
    if blobs:
        write_blobs(ledger, taken.size, path.with_suffix(".blobs"))
    return taken.size


def stamp_of(ledger: Ledger, taken: Whole) -> Stamp | None:
    """Return the newest time stamp, if what it is about is exported."""
    stamp = newest(ledger)
    return stamp if stamp is not None and stamp.size <= taken.size else None


def write_rotations(path: Path, rotations: Sequence[str]) -> None:
    """Write what whoever trusts an older key of the log needs beside it; nothing where the key was never changed."""
    if rotations:
        path.with_suffix(".rotations").write_text("".join(rotations), encoding="utf-8")


def write_stamp(path: Path, signed: str, reply: bytes) -> None:
    """Write the checkpoint that was stamped, and the authority's reply, beside the log."""
    path.with_suffix(".stamped").write_text(signed, encoding="utf-8")
    path.with_suffix(".tsr").write_bytes(reply)


def keep(path: Path, chunks: Iterable[bytes], head: str | None, policy_text: str, *, zipped: bool = False) -> int:
    """Write the lines that come in whole pieces, their leaves, head and policy; return how many lines there were."""
    count = 0
    try:
        with _log(path, zipped=zipped) as log, path.with_suffix(".leaves").open("wb") as leaves:
            for chunk in chunks:
                log.write(chunk)
                bodies = chunk.split(b"\n")[:-1]
                leaves.write(b"".join(map(merkle.leaf_hash, bodies)))
                count += len(bodies)
            for file in (log, leaves):
                file.flush()
                os.fsync(file.fileno())
        if head:
            path.with_suffix(".checkpoint").write_text(head, encoding="utf-8")
        path.with_suffix(".policy").write_text(policy_text, encoding="utf-8")
    except OSError as problem:
        raise Outside(f"cannot write the export {path}: {problem.strerror}") from None
    return count


def _log(path: Path, *, zipped: bool) -> IO[bytes]:
    if not zipped:
        return path.open("wb")
    made: IO[bytes] = gzip.GzipFile(path.with_name(path.name + ".gz"), "wb", 6, mtime=0)  # type: ignore[assignment]
    return made
