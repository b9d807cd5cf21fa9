"""
Does a backup survive what may happen to the array its original lies on?

"Same" may be concluded from any evidence, "different" only from measured identity: an array lists the LUN as its own
volume or tells its target ports as its own, and answers with the serial on record; or a port, address or service that
was measured belongs to something that the inventory names. That two LUNs have different names proves nothing, disjoint
ports prove nothing, and what could not be found out is `unknown` (backup-evidence 2.2, IS-01, IS-02; ADR 0022).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from gate.evidence import Leaf, Trace
from gate.landscape import Element, Map, Place
from gate.sentence import Sentence, spell

__all__ = ["DIFFERENT", "SAME", "UNKNOWN", "Element", "Isolation", "Map", "Place", "Relation", "relate"]


class Relation(StrEnum):
    """How what lies under two paths relates."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


SAME, DIFFERENT, UNKNOWN = Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN


class Isolation(NamedTuple):
    """The relation of where a dataset and where its repository lie, with the shared element where there is one."""

    relation: Relation
    sentence: Sentence
    source: Place
    backup: Place
    shared_ports: tuple[str, ...] = ()
    attestable: bool = False
    """The relation is unknown only because the inventory alone names a place: two people may attest it."""

    @property
    def apart(self) -> bool:
        """Whether the two are measured to lie on different things."""
        return self.relation is DIFFERENT

    @property
    def because(self) -> str:
        """The sentence, put together."""
        return spell(self.sentence)


def relate(source: Trace | None, backup: Trace | None, where: Map) -> Isolation:
    """Compare where a dataset and its repository lie; every doubt is `unknown`."""
    here, there = where.locate(source), where.locate(backup)
    if source is not None and backup is not None and not _apart(source, backup):
        shared = _shared(source, backup)
        return Isolation(SAME, shared.because, here, there, shared.ports)
    if not here.keys.isdisjoint(there.keys):
        named = " and ".join(dict.fromkeys(one.words for one in here.elements if one.key in there.keys))
        return Isolation(SAME, f"both lie on {named}", here, there)
    if not (here.known and there.known):
        missing = "; ".join(dict.fromkeys(place.because for place in (here, there) if not place.known))
        return Isolation(UNKNOWN, missing, here, there)
    if not (here.counts and there.counts):
        declared = [element.words for element in (*here.elements, *there.elements) if not element.counts]
        told = f"only the inventory says that it is {' and '.join(dict.fromkeys(declared))}; nothing was measured of it"
        return Isolation(UNKNOWN, told, here, there, attestable=True)
    return Isolation(DIFFERENT, ("measured on {} and {}", here.words, there.words), here, there)


class _Shared(NamedTuple):
    because: str
    ports: tuple[str, ...] = ()


def _apart(source: Trace, backup: Trace) -> bool:
    """Whether no name on one way is on the other; the whole of a fleet is asked this, so it is quick."""
    if not source.names.isdisjoint(backup.names):
        return False
    numbers = {number for leaf in source.leaves if (number := array_number(leaf.lun))}
    return not numbers or numbers.isdisjoint(array_number(leaf.lun) for leaf in backup.leaves)


def _shared(source: Trace, backup: Trace) -> _Shared:
    """Name what both ways share without anybody's help, the plainest first."""
    if ports := _common(source.target_ports, backup.target_ports):
        return _Shared(f"both are reached through the target ports {' and '.join(ports)}", ports)
    if luns := _common(_luns(source), _luns(backup)):
        return _Shared(f"both lie on the LUN {' and '.join(luns)}")
    if addresses := _common(source.addresses, backup.addresses):
        return _Shared(f"both are served from {' and '.join(addresses)}")
    if through := _common(_through(source.leaves), _through(backup.leaves)):
        return _Shared(f"both are reached through {' and '.join(through)}", through)
    if devices := _common(_devices(source.leaves), _devices(backup.leaves)):
        return _Shared(f"both belong to the target device {' and '.join(devices)}")
    if numbers := _common(map(array_number, _luns(source)), map(array_number, _luns(backup))):
        return _Shared(f"both LUNs carry the array number {' and '.join(numbers)} in their names")
    common = _common(source.names, backup.names)
    return _Shared(f"both have {' and '.join(common)} on their way")


def copied(here: Iterable[str], there: Iterable[str], where: Map) -> str:
    """Say of two sets of LUNs which one is a snapshot, clone or mirror of another; empty when arrays tell none."""
    luns, others = tuple(here), tuple(there)
    if where.copy_of.keys().isdisjoint((*luns, *others)):
        return ""
    origins = {lun: _origins(lun, where) for lun in luns}
    for kept in others:
        theirs = _origins(kept, where)
        for lun, ours in origins.items():
            if lun in theirs or kept in ours:
                one, other = (kept, lun) if lun in theirs else (lun, kept)
                return f"the volume {one} is a snapshot, clone or mirror of {other}"
            if common := ours & theirs:
                return f"the volumes {lun} and {kept} are copies of one volume, {min(common)}"
    return ""


def _origins(lun: str, where: Map) -> set[str]:
    """Return everything that a volume is a copy of, however far back; what goes in a circle ends."""
    found: set[str] = set()
    waiting = list(where.copy_of.get(lun, ()))
    while waiting:
        one = waiting.pop()
        if one not in found and one != lun:
            found.add(one)
            waiting += where.copy_of.get(one, ())
    return found


def array_number(lun: str) -> str:
    """
    Return the part of a designator that names the array; empty where its vendor's layout is not known to us.

    Symmetrix: 12 digits after the company id 000097. Hitachi: all but the last 8 digits after 0060e8, which hold the
    LDEV (backup-evidence 2.2 (iii), not seen on a real device [M]). Good for "same" alone.
    """
    if len(lun) == 32 and lun.startswith("60000970"):
        return lun[8:20]
    if len(lun) == 32 and lun.startswith("60060e80"):
        return lun[8:24]
    return ""


def _common(here: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted((set(here) & set(there)) - {""}))


def _luns(trace: Trace) -> list[str]:
    return [leaf.lun for leaf in trace.leaves]


def _through(leaves: tuple[Leaf, ...]) -> list[str]:
    return [name for leaf in leaves for name in (*leaf.through, *leaf.target_ports)]


def _devices(leaves: tuple[Leaf, ...]) -> list[str]:
    return [name for leaf in leaves for name in leaf.devices]
