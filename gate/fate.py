"""
Everything through which a dataset and a copy of it could be lost at once: one row a dimension, as a person would ask.

Pure comparison; what a row weighs is for the checks. "Same" follows from any evidence; what nobody measured or
declared is `unknown`, never `different` (backup-evidence 2.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.evidence import Evidence, Provenance
from gate.inventory import Appliance, Array, Dataset, Inventory, Medium, Plane, Protection
from gate.isolation import Isolation, Relation, copied
from gate.landscape import Map, Place

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

    protections: frozenset[str] = frozenset()
    """Protections whose backup software is changed in the same window."""


UNTOUCHED = Touched()


def shared_fate(
    dataset: Dataset,
    protection: Protection,
    isolation: Isolation,
    evidence: Evidence,
    inventory: Inventory,
    where: Map,
    change: Touched = UNTOUCHED,
) -> tuple[Row, ...]:
    """Compare a dataset and one of its protections in every dimension; the rows come in a fixed order."""
    here, there = isolation.source, isolation.backup
    provenance = _weakest(here, there)
    rows = [
        Row("array", here.words or "not known", there.words or "not known", isolation.relation, provenance,
            isolation.because),
        _change_set(here, there, change),
        _wave(here, there, change),
        _copy(dataset, protection, evidence, where),
        _partner(here, there, inventory),
        _software(protection, change),
        _firmware(here, there, evidence),
    ]  # fmt: skip
    source, backup = _planes(here, inventory), [protection.plane, *_planes(there, inventory)]
    for dimension, field in PLANES.items():
        rows.append(_declared(dimension, _said(source, field), _said(backup, field)))
    rows += [
        _declared("site", _sites(here, inventory), _sites(there, inventory)),
        _hosts(dataset, protection, inventory),
    ]
    return tuple(rows) + recovery_tools(here, evidence, where, change.targets)


def recovery_tools(source: Place, evidence: Evidence, where: Map, targets: Iterable[str] = ()) -> tuple[Row, ...]:
    """Say of everything that a recovery needs besides the copies whether it would be lost with the data."""
    rows = []
    for name, trace in sorted(evidence.tools.items()):
        place = where.locate(trace)
        shared = [one.words for one in place.elements if one.key in source.keys or one.name in set(targets)]
        verdict = SAME if shared else DIFFERENT if place.known and source.known else UNKNOWN
        because = f"{name} lies on {' and '.join(shared)}" if shared else "" if place.known else place.because
        rows.append(Row(f"recovery tool {name}", source.words, place.words, verdict, _weakest(source, place), because))
    return tuple(rows)


def _change_set(here: Place, there: Place, change: Touched) -> Row:
    both = [sorted(place.arrays & change.targets) for place in (here, there)]
    verdict = SAME if both[1] else DIFFERENT if there.known else UNKNOWN
    told = f"the change touches {' and '.join(both[1])}" if both[1] else ""
    words = [", ".join(one) or "not touched" for one in both]
    return Row("change-set", words[0], words[1], verdict, _weakest(here, there), told)


def _wave(here: Place, there: Place, change: Touched) -> Row:
    """Name the stages in which each is touched; sharing one is what must never be."""
    stages = [[number for number, wave in enumerate(change.waves) if place.arrays & wave] for place in (here, there)]
    shared = set(stages[0]) & set(stages[1])
    words = [", ".join(_stage(number) for number in one) or "in no stage" for one in stages]
    known = there.known and (here.known or not stages[1])
    verdict = SAME if shared else DIFFERENT if known and change.waves else UNKNOWN
    return Row("wave", words[0], words[1], verdict, _weakest(here, there), "" if change.waves else "no plan is sealed")


def _stage(number: int) -> str:
    return "canary" if number == 0 else f"wave-{number}"


def _copy(dataset: Dataset, protection: Protection, evidence: Evidence, where: Map) -> Row:
    """A snapshot shares blocks with its source, a mirror copies damage: neither is a backup (IS-03)."""
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


def _partner(here: Place, there: Place, inventory: Inventory) -> Row:
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


def _software(protection: Protection, change: Touched) -> Row:
    touched = protection.id in change.protections
    words = f"{protection.tool} is changed in the same window" if touched else ""
    return Row("backup-software", "", protection.tool, SAME if touched else DIFFERENT, Provenance.DECLARED, words)


def _firmware(here: Place, there: Place, evidence: Evidence) -> Row:
    """One code level on both ends: the same fault may sleep in both."""
    runs = [
        {(one.model, one.version) for name in place.arrays if (one := evidence.arrays.get(name)) is not None}
        for place in (here, there)
    ]
    known = here.known and there.known and all(None not in pair for pair in (*runs[0], *runs[1]))
    words = [", ".join(sorted(f"{model or '?'} {version or '?'}" for model, version in one)) for one in runs]
    shared = {pair for pair in runs[0] & runs[1] if None not in pair}
    return Row("firmware", words[0], words[1], SAME if shared else DIFFERENT if known else UNKNOWN, Provenance.MEASURED)


def _hosts(dataset: Dataset, protection: Protection, inventory: Inventory) -> Row:
    """Compare hosts and, where both are declared, the hypervisor clusters under them."""
    here, there = dataset.host, protection.host
    if here == there:
        return Row("host", here, there, SAME, Provenance.INVENTORY, "production runs on the backup host")
    clusters = [inventory.host(name).cluster for name in (here, there)]
    if clusters[0] and clusters[0] == clusters[1]:
        return Row("host", here, there, SAME, Provenance.DECLARED, f"both run on the cluster {clusters[0]}")
    return Row("host", here, there, DIFFERENT, Provenance.INVENTORY)


@dataclass(frozen=True)
class _Said:
    """What is declared, and whether everything that should declare it does."""

    names: frozenset[str]
    whole: bool


def _declared(dimension: str, here: _Said, there: _Said) -> Row:
    words = [", ".join(sorted(one.names)) or "not declared" for one in (here, there)]
    if shared := sorted(here.names & there.names):
        return Row(dimension, words[0], words[1], SAME, Provenance.DECLARED, f"both have {' and '.join(shared)}")
    if here.whole and there.whole:
        return Row(dimension, words[0], words[1], DIFFERENT, Provenance.DECLARED)
    return Row(dimension, words[0], words[1], UNKNOWN, Provenance.DECLARED, "not everything that has one declares it")


def _planes(place: Place, inventory: Inventory) -> list[Plane]:
    return [entry.plane for entry in _entries(place, inventory) if entry is not None]


def _entries(place: Place, inventory: Inventory) -> list[Array | Appliance | None]:
    """Return the inventory's entry of each element; None for one that has none, such as an object service."""
    return [
        (inventory.array(one.name) if inventory.has_array(one.name) else None)
        if one.kind == Medium.ARRAY
        else inventory.appliance(one.name)
        for one in place.elements
    ]


def _said(planes: list[Plane], field: str) -> _Said:
    said = [getattr(plane, field) for plane in planes]
    names = {name for one in said if one for name in (one if isinstance(one, tuple) else (one,))}
    return _Said(frozenset(names), bool(said) and all(said))


def _sites(place: Place, inventory: Inventory) -> _Said:
    entries = _entries(place, inventory)
    found = frozenset(entry.site for entry in entries if entry is not None)
    return _Said(found, place.known and None not in entries)


def _weakest(*places: Place) -> Provenance:
    order = list(Provenance)
    found = [order.index(one.provenance) for place in places for one in place.elements]
    return order[max(found, default=len(order) - 1)]
