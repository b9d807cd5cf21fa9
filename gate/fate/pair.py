"""A dataset and a copy of it, and what evidence, inventory and change tell of the two."""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.evidence import Evidence
from gate.inventory import Appliance, Array, Dataset, Inventory, Medium, Protection
from gate.isolation import Isolation
from gate.landscape import Map, Place
from gate.lazy import lazy
from gate.upkeep import Work, under

PLANES = {
    "admin": "admins",
    "identity-provider": "identity_provider",
    "management-network": "management_network",
    "power": "power",
    "fabric": "fabrics",
}
"""Dimension → field of the plane that every array and protection declares."""


@dataclass(frozen=True)
class Touched:
    """What a change touches, as far as shared fate goes."""

    targets: frozenset[str] = frozenset()
    waves: tuple[frozenset[str], ...] = ()
    """Stages of the plan in order; () before there is one."""

    works: tuple[Work, ...] = ()
    """What others do, or may do, in the same window."""

    @lazy
    def stages(self) -> Mapping[str, tuple[int, ...]]:
        """Array → numbers of the stages that touch it."""
        found: dict[str, tuple[int, ...]] = {}
        for number, wave in enumerate(self.waves):
            for array in wave:
                found[array] = (*found.get(array, ()), number)
        return found

    def stages_of(self, place: Place) -> frozenset[int]:
        """Return the numbers of the stages that touch a place."""
        known = self._stages_of.get(place.arrays)
        if known is None:
            found = frozenset(number for array in place.arrays for number in self.stages.get(array, ()))
            known = self._stages_of[place.arrays] = found
        return known

    @lazy
    def _stages_of(self) -> dict[frozenset[str], frozenset[int]]:
        return {}


UNTOUCHED = Touched()


@dataclass(frozen=True)
class Said:
    """What is declared, and whether everything that should declare it does."""

    names: frozenset[str]
    whole: bool


@dataclass(frozen=True)
class Under:
    """What inventory and readings say of all that a place lies on."""

    partners: Mapping[str, str | None]
    """Array → its partner."""

    partnered: frozenset[str | None]
    sites: Said
    planes: Mapping[str, Said]
    """Field of the plane → what is declared there."""

    levels: frozenset[tuple[str | None, str | None]]
    """Model and version of each array that answered."""


class Surroundings:
    """What evidence and inventory tell besides the pair itself; what lies under a place is found once for all pairs."""

    def __init__(self, evidence: Evidence, inventory: Inventory, where: Map) -> None:
        self.evidence = evidence
        self.inventory = inventory
        self.where = where
        self._under: dict[tuple[bool, frozenset[tuple[str, str]]], Under] = {}

    @lazy
    def tools(self) -> tuple[Place, ...]:
        """Where that lies which a recovery needs."""
        return tuple(self.where.locate(trace) for trace in self.evidence.tools.values())

    @lazy
    def needed(self) -> frozenset[str]:
        """Ids of everything whose upkeep is upkeep of what a recovery needs."""
        listed = ({one.id, one.host} for one in self.inventory.recovery_tools)
        return frozenset().union(*listed, *({element.name for element in place.elements} for place in self.tools))

    def under(self, place: Place) -> Under:
        """Return what is said of all that a place lies on."""
        key = (place.known, place.keys)
        if key not in self._under:
            self._under[key] = self._find(place)
        return self._under[key]

    def _find(self, place: Place) -> Under:
        entries = _entries(place, self.inventory)
        listed = [entry for entry in entries if entry is not None]
        partners = {entry.id: entry.partner for entry in listed if isinstance(entry, Array)}
        planes = {}
        for name in PLANES.values():
            told = [said(entry, name) for entry in listed]
            planes[name] = Said(frozenset().union(*told), place.known and all(told))
        sites = Said(frozenset(entry.site for entry in listed), place.known and None not in entries)
        readings = [self.evidence.arrays[name] for name in place.arrays if name in self.evidence.arrays]
        levels = frozenset((one.model, one.version) for one in readings)
        return Under(dict(sorted(partners.items())), frozenset(partners.values()), sites, planes, levels)


class Pair:
    """A dataset and one of its protections, with everything that their shared fate is read from."""

    def __init__(
        self,
        dataset: Dataset,
        protection: Protection,
        isolation: Isolation,
        around: Surroundings,
        change: Touched = UNTOUCHED,
    ) -> None:
        self.dataset = dataset
        self.protection = protection
        self.isolation = isolation
        self.around = around
        self.change = change
        self.here = isolation.source
        """Where the data lie."""

        self.there = isolation.backup
        """Where the copy lies."""

        self.under_data = around.under(self.here)
        self.under_copy = around.under(self.there)

    @lazy
    def worked_on(self) -> list[tuple[Work, list[str]]]:
        """Who works in the same window on the backup program, its host, the storage, or what a recovery needs."""
        if not self.change.works:
            return []
        touched = under(self.protection, self.there) | self.around.needed
        return [(work, sorted(work.on & touched)) for work in self.change.works if work.on & touched]

    @lazy
    def luns(self) -> tuple[list[str], list[str]]:
        """LUNs of the data, and of the copy."""
        evidence = self.around.evidence
        data, kept = evidence.datasets.get(self.dataset.id), evidence.repositories.get(self.protection.id)
        return [leaf.lun for leaf in data.leaves] if data else [], [leaf.lun for leaf in kept.leaves] if kept else []


def said(entry: Array | Appliance | Protection, name: str) -> tuple[str, ...]:
    """Return what one entry of the inventory declares; nothing when it does not."""
    found: str | tuple[str, ...] | None = getattr(entry.plane, name)
    return found if isinstance(found, tuple) else (found,) if found else ()


def _entries(place: Place, inventory: Inventory) -> list[Array | Appliance | None]:
    """Return the inventory's entry of each element; None for one that has none, such as an object service."""
    return [
        (inventory.array(one.name) if inventory.has_array(one.name) else None)
        if one.kind == Medium.ARRAY
        else inventory.appliance(one.name)
        for one in place.elements
    ]
