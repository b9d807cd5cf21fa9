"""
PostgreSQL's write-ahead log as a list of segments: is it whole from a backup's start to the newest segment?

A segment is named by timeline, log and segment in 8 hexadecimal digits each; a log holds 4 GiB, so how many segments
it has depends on their size (PostgreSQL 15 manual, 30.5 and 69). After a promotion the log goes on in a new timeline,
whose history file says where it left the old one; the segment of that place is read from the new one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from gate.backups.answers import Unread, shown
from gate.evidence import Log

SEGMENT_NAME = re.compile(r"[0-9A-F]{24}")
HISTORY = re.compile(r"([0-9A-F]{8})\.history")
LSN = re.compile(r"([0-9A-F]{1,8})/([0-9A-F]{1,8})")
LOG = 1 << 32
"""Bytes of the log that share the second eight digits."""

USUAL_SIZE = 1 << 24
SIZES = (USUAL_SIZE, *(1 << power for power in range(20, 31) if 1 << power != USUAL_SIZE))
"""What initdb --wal-segsize allows: powers of two from 1 MiB to 1 GiB, the usual one first."""


@dataclass(frozen=True, order=True)
class Segment:
    """One piece of the log; `number` counts from the log's first byte."""

    number: int
    timeline: int


@dataclass(frozen=True)
class Continuity:
    """What was found, and how far the log reaches without a gap."""

    log: Log
    because: str
    stop: str = ""
    at: datetime | None = None
    """When the last segment before a gap, or of all, came into the archive."""


def position(lsn: str, what: str) -> int:
    """Return the byte that a place such as `0/3000028` stands for."""
    found = LSN.fullmatch(lsn)
    if found is None:
        raise Unread(f"{what}: {shown(lsn)} is no place in the log")
    return (int(found[1], 16) << 32) + int(found[2], 16)


def segment(name: str, size: int) -> Segment:
    """Read a name; ValueError when it is none, or lies beyond the end of its log."""
    if not SEGMENT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no segment")
    timeline, log, within = (int(name[at : at + 8], 16) for at in (0, 8, 16))
    if within >= LOG // size:
        raise ValueError(f"{name} does not exist with segments of {size} bytes")
    return Segment(log * (LOG // size) + within, timeline)


def spelled(one: Segment, size: int) -> str:
    """Return the name."""
    log, within = divmod(one.number, LOG // size)
    return f"{one.timeline:08X}{log:08X}{within:08X}"


def size_of(names: Mapping[str, str], what: str) -> int:
    """
    Return the size of a segment, from names and a place in each that the same tool told; Unread when none fits.

    A place is counted to the segment that ends there: a backup stops at the first byte that it does not need.
    """
    for size in SIZES:
        if all(_holds(name, place, size, what) for name, place in names.items()):
            return size
    raise Unread(f"{what}: segments and places in the log do not fit together")


def _holds(name: str, place: str, size: int, what: str) -> bool:
    try:
        return segment(name, size).number == (position(place, what) - 1) // size
    except ValueError:
        return False


def branches(timeline: int, history: str, size: int, what: str) -> tuple[Segment, ...]:
    """
    Return the ways of the log to a timeline, oldest first: from which segment on each is read.

    A line of a history file is `PARENT<TAB>LSN<TAB>REASON`: there the parent was left.
    """
    found: list[Segment] = []
    start = 0
    for line in filter(None, (line.strip() for line in history.splitlines())):
        parts = line.split("\t")
        if len(parts) < 2 or not parts[0].isdecimal():
            raise Unread(f"{what}: the history of timeline {timeline} holds {shown(line)}")
        found.append(Segment(start, int(parts[0])))
        start = position(parts[1], what) // size
    found.append(Segment(start, timeline))
    if sorted(found) != found or len({one.timeline for one in found}) < len(found):
        raise Unread(f"{what}: the history of timeline {timeline} does not go forward")
    return tuple(found)


def continuity(
    present: Mapping[str, datetime | None], start: str, stop: str, way: Sequence[Segment], size: int
) -> Continuity:
    """
    Say whether every segment from `start` to the newest one there is present; `stop` is the last the backup needs.

    `present` maps the names found in the archive to the time at which they came there.
    """
    first, last = segment(start, size), segment(stop, size)
    if first.timeline != _timeline(way, first.number) or last.timeline != _timeline(way, last.number):
        return Continuity(Log.GAP, f"the log has gone on in timeline {way[-1].timeline}, which leaves the backup aside")
    there = {one: name for name in present if (one := _read(name, size)) and one.timeline == _timeline(way, one.number)}
    newest = max((one.number for one in there), default=-1)
    before: Segment | None = None
    for number in count(first.number):
        one = Segment(number, _timeline(way, number))
        if one in there:
            before = one
            continue
        reached = spelled(before, size) if before else ""
        at = present[there[before]] if before else None
        if number > max(newest, last.number):
            return Continuity(Log.COMPLETE, f"every segment from {start} to {reached} is there", reached, at)
        missing = spelled(one, size)
        return Continuity(Log.GAP, f"segment {missing} of the log is missing after {start}", reached, at)
    raise AssertionError("the numbers of segments do not end")


def _read(name: str, size: int) -> Segment | None:
    try:
        return segment(name, size)
    except ValueError:
        return None


def _timeline(way: Iterable[Segment], number: int) -> int:
    """Return in which timeline the segment of a number is read."""
    return [one.timeline for one in way if one.number <= number][-1]
