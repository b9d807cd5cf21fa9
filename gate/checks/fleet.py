"""What every case over one inventory and one set of evidence shares: found once, however many arrays are decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gate.coverage import Uses, uses
from gate.evidence import Evidence, Rehearsal, Trace, Verification
from gate.fate.pair import Surroundings
from gate.inventory import Inventory
from gate.landscape import Map, Place
from gate.lazy import lazy
from gate.policy import Policy
from gate.sentence import span
from gate.upkeep import Work, maintenance

Record = TypeVar("Record", Verification, Rehearsal)
Proofs = Mapping[tuple[str, str], list[Verification]]
Restores = Mapping[tuple[str, str], list[Rehearsal]]


@dataclass(frozen=True)
class Lying:
    """Where the datasets of an inventory lie now, by their positions in it."""

    on: Mapping[str, tuple[int, ...]]
    """Array → the datasets that are measured to lie on it, just now."""

    anywhere: tuple[int, ...]
    """Those of which nobody knows now where they lie: they might lie on any array."""


@dataclass(frozen=True)
class Fleet:
    """One inventory and one set of evidence, at one moment, under one policy."""

    inventory: Inventory
    evidence: Evidence
    policy: Policy
    now: datetime
    _aged: dict[frozenset[str], str] = field(default_factory=dict, compare=False)
    _upkeep_in: dict[tuple[datetime, datetime], tuple[Work, ...]] = field(default_factory=dict, compare=False)

    @lazy
    def map(self) -> Map:
        """Where things lie, as this evidence and inventory tell it."""
        return Map(self.evidence.arrays, self.inventory)

    @lazy
    def surroundings(self) -> Surroundings:
        """What is told of the things that data and copies lie on."""
        return Surroundings(self.evidence, self.inventory, self.map)

    @lazy
    def upkeep(self) -> tuple[Work, ...]:
        """The maintenance that the inventory tells of."""
        return maintenance(self.inventory)

    def upkeep_in(self, opens: datetime, closes: datetime) -> tuple[Work, ...]:
        """Return what of it has a moment in common with a window, in the inventory's order; once for each window."""
        known = self._upkeep_in.get((opens, closes))
        if known is None:
            found = tuple(work for work in self.upkeep if work.meets(opens, closes))
            known = self._upkeep_in[opens, closes] = found
        return known

    @lazy
    def uses(self) -> Uses:
        """What lies on which LUN."""
        return uses(self.evidence)

    @lazy
    def reads(self) -> Proofs:
        """Reads by the protection and the place they are about, oldest first: a moved repository leaves its own."""
        found: dict[tuple[str, str], list[Verification]] = {}
        for record in self.evidence.verifications:
            found.setdefault((record.protection, record.place), []).append(record)
        return {key: _by_age(records) for key, records in found.items()}

    @lazy
    def rehearsals(self) -> Restores:
        """Rehearsals, likewise."""
        found: dict[tuple[str, str], list[Rehearsal]] = {}
        for record in self.evidence.rehearsals:
            found.setdefault((record.protection, record.place), []).append(record)
        return {key: _by_age(records) for key, records in found.items()}

    @lazy
    def lying(self) -> Lying:
        """Tell on which array each dataset lies; a stale trace says as little as one that leads nowhere."""
        on: dict[str, list[int]] = {}
        anywhere: list[int] = []
        for position, dataset in enumerate(self.inventory.datasets):
            trace = self.evidence.datasets.get(dataset.id)
            place = self.map.locate(trace)
            if trace is None or not place.known or self.stale_place(trace, place):
                anywhere.append(position)
                continue
            for array in place.arrays:
                on.setdefault(array, []).append(position)
        return Lying({array: tuple(positions) for array, positions in on.items()}, tuple(anywhere))

    def measured(self, trace: Trace | None) -> bool:
        """Whether somebody asked for the way, and nothing of it and of where it ends is only declared."""
        return trace is not None and not trace.declared and self.map.locate(trace).counts

    @lazy
    def tools_measured(self) -> bool:
        """Whether that holds for everything that a recovery needs; every copy is asked for it."""
        return all(map(self.measured, self.evidence.tools.values()))

    @lazy
    def oldest(self) -> datetime:
        """The time before which a reading may not be relied on now."""
        return self.now - self.policy.evidence_max_age

    def stale(self, at: datetime) -> str:
        """Say why a reading of that time may not be used now; empty when it may."""
        if at > self.now:
            return "the reading lies in the future"
        if at < self.oldest:
            return f"the reading is {span(self.now - at)} old, limit {span(self.policy.evidence_max_age)}"
        return ""

    def stale_place(self, trace: Trace, place: Place) -> str:
        """Say why a place may not be relied on now: it is as fresh as the trace and as its arrays' own answers."""
        return self.stale(trace.at) or self._stale_arrays(place.arrays)

    def _stale_arrays(self, arrays: frozenset[str]) -> str:
        known = self._aged.get(arrays)
        if known is None:
            known = self._aged[arrays] = self._first_stale(arrays)
        return known

    def _first_stale(self, arrays: frozenset[str]) -> str:
        for name in sorted(arrays):
            reading = self.evidence.arrays.get(name)
            if reading is not None and (old := self.stale(reading.at)):
                return f"{name}: {old}"
        return ""


def _by_age(records: list[Record]) -> list[Record]:
    """The oldest first; of two of one moment the failed one is the later."""
    if len(records) > 1:
        records.sort(key=lambda record: (record.at, not record.passed))
    return records
