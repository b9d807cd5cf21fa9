"""
Everything through which a dataset and a copy of it could be lost at once: one row a dimension, as a person would ask.

Pure comparison; what a row weighs is for the checks. "Same" follows from any evidence; what nobody measured or
declared is `unknown`, never `different` (backup-evidence 2.3).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from gate.evidence import Evidence, Provenance
from gate.inventory import Appliance, Array, Dataset, Inventory, Medium, Protection
from gate.isolation import Isolation, Relation, copied
from gate.landscape import Map, Place
from gate.upkeep import Work, under

PLANES = {
    "admin": "admins",
    "identity-provider": "identity_provider",
    "management-network": "management_network",
    "power": "power",
    "fabric": "fabrics",
}
"""Dimension → field of the plane that every array and protection declares."""

SAME, DIFFERENT, UNKNOWN = Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN


@dataclass(frozen=True)
class Row:
    """One dimension: what the dataset has, what the copy has, and whether that is one thing."""

    dimension: str
    source: str
    backup: str
    verdict: Relation
    provenance: Provenance
    because: str = ""


@dataclass(frozen=True)
class Touched:
    """What a change touches, as far as shared fate goes."""

    targets: frozenset[str] = frozenset()
    waves: tuple[frozenset[str], ...] = ()
    """Stages of the plan in order; () before there is one."""

    works: tuple[Work, ...] = ()
    """What others do, or may do, in the same window."""

    @cached_property
    def stages(self) -> Mapping[str, tuple[int, ...]]:
        """Array → numbers of the stages that touch it."""
        found: dict[str, tuple[int, ...]] = {}
        for number, wave in enumerate(self.waves):
            for array in wave:
                found[array] = (*found.get(array, ()), number)
        return found


UNTOUCHED = Touched()


@dataclass(frozen=True)
class _Said:
    """What is declared, and whether everything that should declare it does."""

    names: frozenset[str]
    whole: bool


@dataclass(frozen=True)
class Pair:
    """A dataset and one of its protections, with everything that their shared fate is read from."""

    dataset: Dataset
    protection: Protection
    isolation: Isolation
    evidence: Evidence
    inventory: Inventory
    where: Map
    change: Touched = UNTOUCHED
    said: dict[tuple[frozenset[tuple[str, str]], str], _Said] = field(default_factory=dict, compare=False)
    """What the things under a place declare, by their names; shared by all pairs of one case."""

    @property
    def here(self) -> Place:
        """Where the data lie."""
        return self.isolation.source

    @property
    def there(self) -> Place:
        """Where the copy lies."""
        return self.isolation.backup


def shared_fate(pair: Pair, dimensions: Iterable[str] | None = None) -> tuple[Row, ...]:
    """Compare data and copy in these dimensions, or in every one; KeyError for a dimension that is none."""
    return tuple(DIMENSIONS[name](pair) for name in (DIMENSIONS if dimensions is None else dimensions))


def _array(pair: Pair) -> Row:
    here, there, isolation = pair.here, pair.there, pair.isolation
    words = here.words or "not known", there.words or "not known"
    return Row("array", *words, isolation.relation, _weakest(here, there), isolation.because)


def _change_set(pair: Pair) -> Row:
    here, there, change = pair.here, pair.there, pair.change
    both = [sorted(place.arrays & change.targets) for place in (here, there)]
    verdict = SAME if both[1] else DIFFERENT if there.known else UNKNOWN
    told = f"the change touches {' and '.join(both[1])}" if both[1] else ""
    words = [", ".join(one) or "not touched" for one in both]
    return Row("change-set", words[0], words[1], verdict, _weakest(here, there), told)


def _wave(pair: Pair) -> Row:
    """Name the stages in which each is touched; sharing one is what must never be."""
    here, there, change = pair.here, pair.there, pair.change
    stages = [
        sorted({number for array in place.arrays for number in change.stages.get(array, ())}) for place in (here, there)
    ]
    shared = set(stages[0]) & set(stages[1])
    words = [", ".join(_stage(number) for number in one) or "in no stage" for one in stages]
    known = there.known and (here.known or not stages[1])
    verdict = SAME if shared else DIFFERENT if known and change.waves else UNKNOWN
    return Row("wave", words[0], words[1], verdict, _weakest(here, there), "" if change.waves else "no plan is sealed")


def _stage(number: int) -> str:
    return "canary" if number == 0 else f"wave-{number}"


def _copy(pair: Pair) -> Row:
    """A snapshot shares blocks with its source, a mirror copies damage: neither is a backup (IS-03)."""
    dataset, protection, evidence, where = pair.dataset, pair.protection, pair.evidence, pair.where
    source, backup = evidence.datasets.get(dataset.id), evidence.repositories.get(protection.id)
    data, kept = ([leaf.lun for leaf in trace.leaves] if trace else [] for trace in (source, backup))
    related = copied(data, kept, where)
    unlisted = [lun for lun in (*data, *kept) if not where.volume_owners(lun)]
    known = bool(data) and bool(kept or (backup and not backup.problem)) and not unlisted
    verdict = SAME if related else DIFFERENT if known else UNKNOWN
    because = related or (
        "" if known else "no array lists the volumes, so that one is no copy of the other is not known"
    )
    return Row("replication", ", ".join(data), ", ".join(kept), verdict, Provenance.TOOL_REPORTED, because)


def _partner(pair: Pair) -> Row:
    here, there, inventory = pair.here, pair.there, pair.inventory
    partners = [
        {name: inventory.array(name).partner for name in sorted(place.arrays) if inventory.has_array(name)}
        for place in (here, there)
    ]
    paired = [(one, other) for one, other in partners[0].items() if other in there.arrays]
    paired += [(other, one) for one, other in partners[1].items() if other in here.arrays]
    words = [", ".join(filter(None, one.values())) or "none" for one in partners]
    verdict = SAME if paired else DIFFERENT if here.known and there.known else UNKNOWN
    told = f"{paired[0][0]} and {paired[0][1]} are a pair: what befalls one is carried to the other" if paired else ""
    return Row("partner", words[0], words[1], verdict, Provenance.INVENTORY, told)


def _software(pair: Pair) -> Row:
    """Name who works on the backup program, its host, the storage under the copy, or what a recovery needs."""
    protection, inventory = pair.protection, pair.inventory
    tools = [pair.where.locate(trace) for trace in pair.evidence.tools.values()] if pair.change.works else []
    touched = under(protection, pair.there).union(
        *({one.id, one.host} for one in inventory.recovery_tools),
        *({element.name for element in place.elements} for place in tools),
    )
    told = "; ".join(
        f"{work.words} touches {' and '.join(sorted(work.on & touched))} in the same window"
        for work in pair.change.works
        if work.on & touched
    )
    known = not pair.change.works or (pair.there.known and all(place.known for place in tools))
    verdict = SAME if told else DIFFERENT if known else UNKNOWN
    because = told or ("" if known else "others work in the same window, and where all of it lies is not known")
    return Row("backup-software", "", protection.tool, verdict, Provenance.DECLARED, because)


def _firmware(pair: Pair) -> Row:
    """One code level on both ends: the same fault may sleep in both."""
    here, there, evidence = pair.here, pair.there, pair.evidence
    runs = [
        {(one.model, one.version) for name in place.arrays if (one := evidence.arrays.get(name)) is not None}
        for place in (here, there)
    ]
    known = here.known and there.known and all(None not in pair for pair in (*runs[0], *runs[1]))
    words = [", ".join(sorted(f"{model or '?'} {version or '?'}" for model, version in one)) for one in runs]
    shared = {pair for pair in runs[0] & runs[1] if None not in pair}
    return Row("firmware", words[0], words[1], SAME if shared else DIFFERENT if known else UNKNOWN, Provenance.MEASURED)


def _hosts(pair: Pair) -> Row:
    """Compare hosts and, where both are declared, the hypervisor clusters under them."""
    here, there, inventory = pair.dataset.host, pair.protection.host, pair.inventory
    if here == there:
        return Row("host", here, there, SAME, Provenance.INVENTORY, "production runs on the backup host")
    clusters = [inventory.host(name).cluster for name in (here, there)]
    if clusters[0] and clusters[0] == clusters[1]:
        return Row("host", here, there, SAME, Provenance.DECLARED, f"both run on the cluster {clusters[0]}")
    return Row("host", here, there, DIFFERENT, Provenance.INVENTORY)


def _plane(dimension: str, name: str, pair: Pair) -> Row:
    """Compare what is declared of all that is under the data with that of the backup system and all under the copy."""
    here, there, system = _under(pair.here, name, pair), _under(pair.there, name, pair), _said(pair.protection, name)
    here = _Said(here.names, here.whole and pair.here.known and bool(here.names))
    return _declared(dimension, here, _Said(system | there.names, there.whole and pair.there.known and bool(system)))


def _under(place: Place, name: str, pair: Pair) -> _Said:
    key = (place.keys, name)
    if key not in pair.said:
        said = [_said(entry, name) for entry in _entries(place, pair.inventory) if entry is not None]
        pair.said[key] = _Said(frozenset().union(*said), all(said))
    return pair.said[key]


def _said(entry: Array | Appliance | Protection, name: str) -> frozenset[str]:
    """Return what one entry of the inventory declares; nothing when it does not."""
    found: str | tuple[str, ...] | None = getattr(entry.plane, name)
    return frozenset(found if isinstance(found, tuple) else (found,) if found else ())


def _site(pair: Pair) -> Row:
    return _declared("site", _sites(pair.here, pair.inventory), _sites(pair.there, pair.inventory))


def _declared(dimension: str, here: _Said, there: _Said) -> Row:
    words = [", ".join(sorted(one.names)) or "not declared" for one in (here, there)]
    if shared := sorted(here.names & there.names):
        return Row(dimension, words[0], words[1], SAME, Provenance.DECLARED, f"both have {' and '.join(shared)}")
    if here.whole and there.whole:
        return Row(dimension, words[0], words[1], DIFFERENT, Provenance.DECLARED)
    return Row(dimension, words[0], words[1], UNKNOWN, Provenance.DECLARED, "not everything that has one declares it")


def _entries(place: Place, inventory: Inventory) -> list[Array | Appliance | None]:
    """Return the inventory's entry of each element; None for one that has none, such as an object service."""
    return [
        (inventory.array(one.name) if inventory.has_array(one.name) else None)
        if one.kind == Medium.ARRAY
        else inventory.appliance(one.name)
        for one in place.elements
    ]


def _sites(place: Place, inventory: Inventory) -> _Said:
    entries = _entries(place, inventory)
    found = frozenset(entry.site for entry in entries if entry is not None)
    return _Said(found, place.known and None not in entries)


def _weakest(*places: Place) -> Provenance:
    order = list(Provenance)
    found = [order.index(one.provenance) for place in places for one in place.elements]
    return order[max(found, default=len(order) - 1)]


DIMENSIONS: Mapping[str, Callable[[Pair], Row]] = {
    "array": _array,
    "change-set": _change_set,
    "wave": _wave,
    "replication": _copy,
    "partner": _partner,
    "backup-software": _software,
    "firmware": _firmware,
    **{dimension: partial(_plane, dimension, field) for dimension, field in PLANES.items()},
    "site": _site,
    "host": _hosts,
}
"""Every dimension, in the order of reading, and what compares it."""
