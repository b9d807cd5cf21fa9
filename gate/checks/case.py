"""What every check is given, and which protection a dataset relies on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, wraps
from typing import Any, Protocol, TypeVar

from gate.canonical import Json
from gate.change import AllowedImage, ChangeRequest, Plan
from gate.coverage import Uses, uses
from gate.evidence import Evidence, Rehearsal, Trace, Verification
from gate.fate import Pair, Row, Touched, shared_fate
from gate.inventory import Dataset, Inventory, Protection
from gate.isolation import Isolation, Relation, relate
from gate.landscape import Map, Place
from gate.policy import Policy
from gate.upkeep import Work, maintenance


@dataclass(frozen=True)
class OtherChange:
    """Another change that has begun and not ended, as far as conflicts go."""

    change: str
    state: str
    targets: frozenset[str]
    protections: frozenset[str]


class Proofs:
    """Records by the protection and the place they are about: a moved repository leaves its own behind."""

    def __init__(self, evidence: Evidence) -> None:
        self.verifications: dict[tuple[str, str], list[Verification]] = {}
        self.rehearsals: dict[tuple[str, str], list[Rehearsal]] = {}
        for read in evidence.verifications:
            self.verifications.setdefault((read.protection, read.place), []).append(read)
        for record in evidence.rehearsals:
            self.rehearsals.setdefault((record.protection, record.place), []).append(record)


@dataclass(frozen=True)
class Case:
    """Everything one decision is made from; the checks read it and nothing else."""

    request: ChangeRequest
    plan: Plan | None
    no_plan: str
    """Why no plan could be sealed; empty when there is one."""

    inventory: Inventory
    policy: Policy
    allowed: tuple[AllowedImage, ...]
    evidence: Evidence
    others: tuple[OtherChange, ...]
    now: datetime
    team: frozenset[str] = frozenset()
    """Ids of everybody who could ask for, sign or perform a change here."""

    planned: tuple[Work, ...] = ()
    """Other changes that have begun, or could begin in their windows, with those windows."""

    @cached_property
    def map(self) -> Map:
        """Where things lie, as this evidence and inventory tell it; built once for all checks."""
        return Map(self.evidence.arrays, self.inventory)

    @cached_property
    def reliances(self) -> "tuple[Reliance, ...]":
        """Every dataset at risk with the protection relied on; found once for all checks."""
        return at_risk(self)

    @cached_property
    def proofs(self) -> Proofs:
        """What is on record of each protection; told apart once for all checks."""
        return Proofs(self.evidence)

    @cached_property
    def uses(self) -> Uses:
        """What lies on which LUN; found once for all targets."""
        return uses(self.evidence)

    @cached_property
    def targets(self) -> frozenset[str]:
        """What the change touches: the arrays it names, and every array that hangs on the fabric of a switch."""
        return self.inventory.carried(self.request.targets)

    @cached_property
    def touched(self) -> Touched:
        """What the change touches: its targets, the stages of the sealed plan, and who else works in its window."""
        stages = self.plan.stages if self.plan is not None else ()
        carried = self.inventory.carried
        beside = tuple(replace(work, on=carried(work.on)) for work in self.beside)
        return Touched(self.targets, tuple(carried(stage.arrays) for stage in stages), beside)

    @cached_property
    def beside(self) -> tuple[Work, ...]:
        """Who else works in its window: other changes, and maintenance that the inventory tells of."""
        window = self.request.window
        works = (*self.planned, *maintenance(self.inventory))
        return tuple(work for work in works if work.meets(window.opens, window.closes))

    def fate_of(self, dataset: Dataset, protection: Protection, dimensions: Iterable[str]) -> tuple[Row, ...]:
        """Return how a dataset and a copy of it could be lost at once, in these dimensions."""
        isolation = self.isolation_of(dataset, protection)
        pair = Pair(dataset, protection, isolation, self.evidence, self.inventory, self.map, self.touched, self._said)
        return shared_fate(pair, dimensions)

    @cached_property
    def _said(self) -> dict[Any, Any]:
        return {}

    def isolation_of(self, dataset: Dataset, protection: Protection) -> Isolation:
        """Return how the places of a dataset and of a copy of it relate; compared once for all checks."""
        key = (dataset.id, protection.id)
        if key not in self._isolations:
            source, backup = self.evidence.datasets.get(dataset.id), self.evidence.repositories.get(protection.id)
            self._isolations[key] = relate(source, backup, self.map)
        return self._isolations[key]

    @cached_property
    def _isolations(self) -> dict[tuple[str, str], Isolation]:
        return {}

    @cached_property
    def memory(self) -> dict[Callable[..., Any], dict[Any, Any]]:
        """What was found out once for all checks, by the question."""
        return {}

    @cached_property
    def stage_of(self) -> Mapping[str, int]:
        """Array → number of the first stage of the sealed plan that touches it; empty without one."""
        stages = tuple(enumerate(self.plan.stages if self.plan is not None else ()))
        return {array: number for number, stage in reversed(stages) for array in self.inventory.carried(stage.arrays)}


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Subject = TypeVar("Subject", bound=_Named)
Found = TypeVar("Found")


def once(find: Callable[[Case, Subject], Found]) -> Callable[[Case, Subject], Found]:
    """Find a thing out once for all checks: in one case, one question about one subject has one answer."""

    @wraps(find)
    def known(case: Case, subject: Subject) -> Found:
        memory = case.memory.setdefault(known, {})
        if subject.id not in memory:
            memory[subject.id] = find(case, subject)
        found: Found = memory[subject.id]
        return found

    return known


@dataclass(frozen=True)
class Reliance:
    """One dataset at risk and the protection the case relies on for it; None when it has none."""

    dataset: Dataset
    protection: Protection | None
    isolation: Isolation | None


def stale(case: Case, at: datetime) -> str:
    """Say why a reading of that time may not be used now; empty when it may."""
    age = case.now - at
    if age < timedelta(0):
        return "the reading lies in the future"
    if age > case.policy.evidence_max_age:
        return f"the reading is {span(age)} old, limit {span(case.policy.evidence_max_age)}"
    return ""


def stale_place(case: Case, trace: Trace, place: Place) -> str:
    """Say why a place may not be relied on now: it is as fresh as the trace and as its arrays' own answers."""
    if old := stale(case, trace.at):
        return old
    for name in sorted(place.arrays):
        reading = case.evidence.arrays.get(name)
        if reading is not None and (old := stale(case, reading.at)):
            return f"{name}: {old}"
    return ""


def limits_s(case: Case, *names: str) -> dict[str, Json]:
    """Return limits of the policy in seconds: what was signed under one limit was not signed under a wider one."""
    return {f"{name}_s": int(getattr(case.policy, name).total_seconds()) for name in names}


def span(age: timedelta) -> str:
    """Spell a duration for a sentence: `3 d 4 h`, `12 min`, `8 s`."""
    seconds = int(abs(age).total_seconds())
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def at_risk(case: Case) -> tuple[Reliance, ...]:
    """
    Return every dataset that lies on a target, or might, with the one protection all backup checks then judge.

    Where a dataset lay some time ago says nothing: a stale trace puts it at risk like one that leads nowhere.

    It is the first protection, in inventory order, that holds a backup and is measured to lie off the dataset's array
    and off every target; failing that the first one. One choice for all checks: two halves of two backups do not make
    a whole one.
    """
    found = []
    for dataset in case.inventory.datasets:
        trace = case.evidence.datasets.get(dataset.id)
        place = case.map.locate(trace)
        elsewhere = place.known and place.arrays.isdisjoint(case.targets)
        if trace is None or not elsewhere or stale_place(case, trace, place):
            found.append(_reliance(case, dataset))
    return tuple(found)


def _reliance(case: Case, dataset: Dataset) -> Reliance:
    choices = [
        (protection, case.isolation_of(dataset, protection)) for protection in case.inventory.protections_of(dataset.id)
    ]
    for protection, isolation in choices:
        apart = isolation.relation is Relation.DIFFERENT and isolation.backup.arrays.isdisjoint(case.targets)
        reading = case.evidence.backups.get(protection.id)
        if apart and reading is not None and reading.runs:
            return Reliance(dataset, protection, isolation)
    for protection, isolation in choices:
        return Reliance(dataset, protection, isolation)
    return Reliance(dataset, None, None)
