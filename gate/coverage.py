"""
Which volumes of an array are covered by which protection, and which are a gap.

The array's own list of volumes is the whole; what the hosts' traces ended at, what the inventory declares and the
gate's own scratch explain it, one volume after the other. A volume that nothing explains is a gap with a name: nobody
would restore it, and nobody would miss it until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gate.evidence import Evidence, Trace, Volume
from gate.inventory import Inventory


class Cover(StrEnum):
    """What explains a volume."""

    PROTECTED = "protected"
    """Data of a dataset that has an owner and a protection."""

    REPOSITORY = "repository"
    RECOVERY = "recovery"
    """What a recovery needs besides the copies."""

    SCRATCH = "scratch"
    """Where the gate itself may write: known-answer data, or what a rehearsal restores."""

    DECLARED = "declared"
    """Somebody answers for its needing no protection."""

    COPY = "copy"
    """A snapshot or mirror of a volume on the same array that is explained itself."""

    GAP = "gap"


class Row(NamedTuple):
    """One volume."""

    volume: Volume
    cover: Cover
    because: str
    datasets: tuple[str, ...] = ()
    protections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """All volumes of one array; `rows` is None when the array did not list them."""

    array: str
    rows: tuple[Row, ...] | None
    because: str = ""
    """Why there are none."""

    @property
    def gaps(self) -> tuple[Row, ...]:
        """Volumes that nothing explains."""
        return tuple(row for row in self.rows or () if row.cover is Cover.GAP)

    @property
    def percent(self) -> int | None:
        """Bytes that are no gap, of all bytes, rounded down; 100 for an array without volumes, None if not listed."""
        if self.rows is None:
            return None
        total, lost = (sum(row.volume.size for row in rows) for rows in (self.rows, self.gaps))
        if not self.gaps:
            return 100
        return min(99, (total - lost) * 100 // total) if total else 0

    @property
    def whole(self) -> bool:
        """Whether every volume is known and explained."""
        return self.rows is not None and not self.gaps


@dataclass(frozen=True)
class Uses:
    """What lies on which LUN, by designator: made once for all arrays."""

    datasets: Mapping[str, tuple[str, ...]]
    protections: Mapping[str, tuple[str, ...]]
    tools: Mapping[str, tuple[str, ...]]
    scratches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where rehearsals restore to, by protection."""


def uses(evidence: Evidence) -> Uses:
    """Turn the traces round."""
    return Uses(*map(_by_lun, (evidence.datasets, evidence.repositories, evidence.tools, evidence.scratches)))


def coverage(array: str, evidence: Evidence, inventory: Inventory, by: Uses | None = None) -> Coverage:
    """Explain every volume of one array; give `by` when many arrays are asked about."""
    reading = evidence.arrays.get(array)
    if reading is None or reading.volumes is None:
        why = next((one for one in reading.unknown if one.startswith("volumes:")), "") if reading else ""
        return Coverage(array, None, why or f"{array} did not list its volumes")
    by = by or uses(evidence)
    scratches = inventory.scratch_uids(array)
    rows: dict[str, Row] = {}
    for volume in reading.volumes:
        if volume.uid in scratches:
            rows[volume.uid] = Row(volume, Cover.SCRATCH, "the gate's own, for known-answer data")
        elif found := _used(volume, by, inventory):
            rows[volume.uid] = found
        elif says := inventory.no_backup_of(array, volume.uid):
            rows[volume.uid] = Row(volume, Cover.DECLARED, f"{says.owner}: {says.reason}")
        else:
            rows[volume.uid] = Row(volume, Cover.GAP, "no dataset, repository or declaration of the inventory names it")
    return Coverage(array, tuple(_copied(row, rows) for row in rows.values()))


def _used(volume: Volume, by: Uses, inventory: Inventory) -> Row | None:
    """Explain a volume by what the traces ended at; data come before copies of other data."""
    if names := by.datasets.get(volume.uid, ()):
        return _data(volume, names, inventory)
    if names := by.protections.get(volume.uid, ()):
        return Row(volume, Cover.REPOSITORY, f"copies made by {', '.join(names)}", (), names)
    if names := by.tools.get(volume.uid, ()):
        return Row(volume, Cover.RECOVERY, f"recovery needs it: {', '.join(names)}")
    if names := by.scratches.get(volume.uid, ()):
        return Row(volume, Cover.SCRATCH, f"rehearsals of {', '.join(names)} restore there")
    return None


def _data(volume: Volume, names: tuple[str, ...], inventory: Inventory) -> Row:
    protections: list[str] = []
    for name in names:
        try:
            dataset = inventory.dataset(name)
        except KeyError:
            return Row(volume, Cover.GAP, f"{name} lies on it and is not in the inventory", names)
        kept = [one.id for one in inventory.protections_of(name)]
        if dataset.owner is None:
            return Row(volume, Cover.GAP, f"{name} lies on it and has no owner", names, tuple(kept))
        if not kept:
            return Row(volume, Cover.GAP, f"{name} lies on it and has no protection", names)
        protections += kept
    told = f"{', '.join(names)}, protected by {', '.join(protections)}"
    return Row(volume, Cover.PROTECTED, told, names, tuple(protections))


def _copied(row: Row, rows: Mapping[str, Row]) -> Row:
    """Explain a snapshot or mirror that nothing else explains by its origin: it can be made again from there."""
    if row.cover is not Cover.GAP or row.datasets:
        return row
    origins = [rows[uid] for uid in row.volume.copy_of if uid in rows]
    if not origins or any(one.cover is Cover.GAP for one in origins):
        return row
    return Row(row.volume, Cover.COPY, f"a copy of {', '.join(one.volume.name for one in origins)}")


def _by_lun(traces: Mapping[str, Trace]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, trace in traces.items():
        for leaf in trace.leaves:
            found.setdefault(leaf.lun, []).append(name)
    return {lun: tuple(names) for lun, names in found.items()}
