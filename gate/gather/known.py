"""Which of the records that earlier gatherings left may stand beside what was found now."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime

from gate.evidence import Rehearsal, Trace, Verification, maintenance_of, software_of
from gate.inventory import Inventory
from gate.landscape import Map
from gate.rotation import spoilt
from gate.upkeep import ended, maintenance, over

Reads = Mapping[tuple[str, str], tuple[Verification, ...]]
"""Protection and place → its reads, oldest first; those of one moment as they came."""

EARLIER = 3
"""Reads of one repository that go with the evidence, so that counts can be compared with those before (our choice)."""


def since(
    reads: tuple[Verification, ...], repositories: dict[str, Trace], settled: dict[str, datetime], where: Map
) -> tuple[Verification, ...]:
    """Leave out what was read before the storage under it was as it is now: it is read again (BK-12)."""
    begins = {
        name: max((settled[one] for one in _under(name, trace, where) if one in settled), default=None)
        for name, trace in repositories.items()
    }
    kept = []
    for read in reads:
        since = begins.get(read.protection)
        if since is None or read.at >= since:
            kept.append(read)
    return tuple(kept)


def maintained(inventory: Inventory, repositories: dict[str, Trace], where: Map, now: datetime) -> dict[str, datetime]:
    """Return when the last maintenance of each copy was over that the inventory tells of (BK-12)."""
    works = over(maintenance(inventory), now)
    found = {
        maintenance_of(one.id): ended(one, where.locate(repositories.get(one.id)), works)
        for one in inventory.protections
    }
    return {name: at for name, at in found.items() if at is not None}


def _under(protection: str, trace: Trace, where: Map) -> tuple[str, ...]:
    return protection, software_of(protection), maintenance_of(protection), *where.locate(trace).arrays


def reads(known: Iterable[Verification]) -> Reads:
    """Return the reads of every repository in every place it lay in."""
    found: dict[tuple[str, str], list[Verification]] = {}
    for record in known:
        found.setdefault((record.protection, record.place), []).append(record)
    return {key: tuple(sorted(records, key=lambda record: record.at)) for key, records in found.items()}


def with_earlier(found: tuple[Verification, ...], known: Reads) -> tuple[Verification, ...]:
    """
    Return what was found with the reads before it of the same repository in the same place: the last few, and every
    one that found this very backup damaged, so that no number of good answers pushes a bad one out.
    """
    kept: list[Verification] = []
    for record in found:
        there = known.get((record.protection, record.place), ())
        before = bisect_left(there, record.at, key=lambda one: one.at)
        least = max(before - EARLIER, 0)
        kept += [*_spoilt_before(there, least, record.backup), *there[least:before], record]
    return tuple(kept)


def _spoilt_before(there: tuple[Verification, ...], end: int, backup: str) -> list[Verification]:
    """Return the reads of a backup that found it damaged; its reads follow one another, and newer ones come after."""
    found: list[Verification] = []
    while end and there[end - 1].backup == backup:
        end -= 1
        if spoilt(there[end]):
            found.insert(0, there[end])
    return found


def latest(rehearsals: tuple[Rehearsal, ...], repositories: dict[str, Trace]) -> tuple[Rehearsal, ...]:
    """Keep the latest rehearsal of each protection made from where its repository lies now."""
    newest: dict[str, Rehearsal] = {}
    for record in sorted(rehearsals, key=lambda record: record.at):
        if record.protection in repositories and record.place == repositories[record.protection].place:
            newest[record.protection] = record
    return tuple(newest.values())
