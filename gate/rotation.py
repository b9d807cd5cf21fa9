"""
Reading a repository by rotating parts: which part is due, and when the parts together are a full read.

A part is chosen by the id of an object alone (restic's `--read-data-subset=n/t`: first byte of the pack's id, modulo
t), so part n of t means the same objects on every day. A random share never counts: nobody can say what it left out.
What counts are the objects that exist now: each must have been read well, in its part or as one that had newly come,
and the oldest of those reads is the age of the whole (backup-evidence.md, section 4).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.evidence import Coverage, Verification
from gate.sentence import by_number, every, several

MOST_PARTS = 256
"""A part is chosen by one byte; more parts than its values would leave some of them empty for ever."""

ID = re.compile(rb"([0-9a-f]{64})(?:  /[^\r\n]+)?")
"""One object of a list: its id alone, or as `sha256sum` writes it with the path behind."""

Objects = Callable[[str], frozenset[str] | None]
"""Digest of a kept list → the ids in it; None when the list is gone or is none."""


def spoilt(read: Verification) -> bool:
    """Say whether a read came to its end and counted what was damaged or gone: a fact, and no fault of the asking."""
    counts = read.counts
    return read.complete and not read.passed and counts is not None and bool(counts.damaged or counts.missing)


def ids(listed: bytes) -> frozenset[str] | None:
    """Read a list of object ids, one a line; None when any line is something else or the last one has no end."""
    lines = listed.split(b"\n")
    found = [ID.fullmatch(line) for line in lines[:-1]]
    if lines[-1] or not all(found):
        return None
    return frozenset(match[1].decode() for match in found if match)


def part_of(listed: Iterable[str], bucket: int, buckets: int) -> frozenset[str]:
    """Return the ids that part `bucket` of `buckets` (counted from 1) holds."""
    return frozenset(one for one in listed if int(one[:2], 16) % buckets == bucket - 1)


def due(earlier: Sequence[Verification], buckets: int) -> int:
    """
    Return the part to read next: the one that was tried last if that failed, else the one read longest ago.

    Parts that were never read come first, in their order.
    """
    parts = [(record, record.coverage) for record in earlier if record.coverage and record.coverage.buckets == buckets]
    last, coverage = max(parts, key=lambda pair: pair[0].at, default=(None, None))
    if last is not None and coverage is not None and not _good(last):
        return coverage.bucket
    good = sorted((record.at, coverage.bucket) for record, coverage in parts if _good(record))
    read = {bucket: at for at, bucket in good}
    never = [bucket for bucket in range(1, buckets + 1) if bucket not in read]
    return never[0] if never else min(read, key=lambda bucket: (read[bucket], bucket))


def joined(record: Verification, earlier: Iterable[Verification], objects: Objects) -> Verification:
    """
    Return the record of a part with what it completes: `V4` when every object that exists now was read well.

    Only reads of the same protection in the same place count. The newest read of an object decides: one that failed
    is not made good by an older one. A record that is no part, or did not pass, comes back as it is.
    """
    coverage = record.coverage
    if coverage is None or not _good(record):
        return record
    there = [one for one in earlier if (one.protection, one.place) == (record.protection, record.place)]
    reads = sorted((one for one in (*there, record) if one.at <= record.at), key=lambda one: one.at, reverse=True)
    left = objects(coverage.objects)
    if not left:
        return replace(record, coverage=replace(coverage, whole_since=None, unread=None))
    total, spoilt, since = len(left), 0, record.at
    for read in reads:
        part = _read(read.coverage, objects) & left if read.coverage else frozenset()
        if not part:
            continue
        left -= part
        if _good(read):
            since = read.at
        else:
            spoilt += len(part)
    unread = len(left) + spoilt
    whole = replace(coverage, whole_since=None if unread else since, unread=unread)
    if unread:
        some = f"{total - unread} of {several(total, 'object')} {by_number(total - unread, 'was', 'were')} read"
        return replace(record, coverage=whole, because=f"{record.because}; {some} in the parts so far")
    all_of = f"{every(total, 'object')} that {by_number(total, 'exists now was', 'exist now were')} read"
    because = f"{record.because}; with earlier parts {all_of}"
    return replace(record, level="V4", coverage=whole, because=because)


def level(record: Verification, now: datetime, limit: timedelta) -> str:
    """
    Return what a record is worth now: parts make `V4` only while the oldest of them is inside the limit.

    `limit` is how old a full read of the whole repository may be (30 d, BK-10). The record's own age is not judged
    here.
    """
    if record.coverage is None or record.level != "V4":
        return record.level
    since = record.coverage.whole_since
    return "V4" if since is not None and now - since <= limit else "V3"


def _good(record: Verification) -> bool:
    return record.passed and record.complete


def _read(coverage: Coverage, objects: Objects) -> frozenset[str]:
    """Return the ids that one read covered; none when its list cannot be had any more."""
    listed = objects(coverage.objects)
    besides = objects(coverage.besides) if coverage.besides else frozenset()
    return part_of(listed or (), coverage.bucket, coverage.buckets) | (besides or frozenset())
