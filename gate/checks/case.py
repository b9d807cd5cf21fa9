"""What every check is given, and which copy of a dataset the case relies on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from gate.canonical import Json
from gate.change import AllowedImage, AllowedPart, ChangeRequest, Plan
from gate.checks.copies import Copy
from gate.checks.fleet import Fleet
from gate.evidence import Evidence, Trace
from gate.fate.pair import Touched
from gate.inventory import Dataset, Inventory, Protection
from gate.isolation import Isolation
from gate.landscape import Map, Place
from gate.lazy import lazy
from gate.policy import Policy
from gate.upkeep import Work


@dataclass(frozen=True)
class OtherChange:
    """Another change that has begun and not ended, as far as conflicts go."""

    change: str
    state: str
    targets: frozenset[str]
    protections: frozenset[str]


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

    allowed_parts: tuple[AllowedPart, ...] = ()
    shared: Fleet | None = field(default=None, compare=False, repr=False)
    """What other cases over the same inventory and evidence have found out; counts only where it is of these."""

    @lazy
    def fleet(self) -> Fleet:
        """What is known of the whole fleet: what was handed in if it is of these very values, else found anew."""
        given = self.shared
        same = (
            given is not None
            and given.inventory is self.inventory
            and given.evidence is self.evidence
            and given.policy is self.policy
            and given.now == self.now
        )
        return given if given is not None and same else Fleet(self.inventory, self.evidence, self.policy, self.now)

    @property
    def map(self) -> Map:
        """Where things lie, as this evidence and inventory tell it."""
        return self.fleet.map

    @lazy
    def reliances(self) -> "tuple[Reliance, ...]":
        """Every dataset at risk with the protection relied on; found once for all checks."""
        return at_risk(self)

    @lazy
    def at_risk(self) -> "tuple[tuple[str, Copy | None], ...]":
        """The same by the dataset's name."""
        return tuple((one.dataset.id, one.copy) for one in self.reliances)

    @lazy
    def targets(self) -> frozenset[str]:
        """What the change touches: the arrays it names, and every array that hangs on the fabric of a switch."""
        return self.inventory.carried(self.request.targets)

    @lazy
    def touched(self) -> Touched:
        """What the change touches: its targets, the stages of the sealed plan, and who else works in its window."""
        stages = self.plan.stages if self.plan is not None else ()
        carried = self.inventory.carried
        beside = tuple(replace(work, on=carried(work.on)) for work in self.beside)
        return Touched(self.targets, tuple(carried(stage.arrays) for stage in stages), beside)

    @lazy
    def beside(self) -> tuple[Work, ...]:
        """Who else works in its window: other changes, and maintenance that the inventory tells of."""
        window = self.request.window
        planned = tuple(work for work in self.planned if work.meets(window.opens, window.closes))
        return planned + self.fleet.upkeep_in(window.opens, window.closes)

    @lazy
    def stage_of(self) -> Mapping[str, int]:
        """Array → number of the first stage of the sealed plan that touches it; empty without one."""
        stages = tuple(enumerate(self.plan.stages if self.plan is not None else ()))
        return {array: number for number, stage in reversed(stages) for array in self.inventory.carried(stage.arrays)}

    def copies_of(self, dataset: Dataset) -> tuple[Copy, ...]:
        """Return one dataset with each of its protections, in inventory order; what is known of them is kept."""
        if dataset.id not in self._copies:
            protections = self.inventory.protections_of(dataset.id)
            self._copies[dataset.id] = tuple(
                Copy(self.fleet, dataset, protection, self.touched) for protection in protections
            )
        return self._copies[dataset.id]

    @lazy
    def _copies(self) -> dict[str, tuple[Copy, ...]]:
        return {}

    @lazy
    def held(self) -> dict[str, Any]:
        """Dataset → which copy of it is held fast, as `fastness` found it."""
        return {}

    @lazy
    def lacks(self) -> dict[str, Any]:
        """Protection → what its copy lacks, as `proven` found it; None where it lacks nothing."""
        return {}

    @lazy
    def proofs(self) -> dict[str, Any]:
        """Protection → what its copy was answered to each of those questions, as `proven` told it."""
        return {}

    @lazy
    def limits(self) -> dict[tuple[str, ...], Mapping[str, Json]]:
        """What `limits_s` returned, by the names it was asked for."""
        return {}


class Reliance(NamedTuple):
    """One dataset at risk and the copy of it that the case relies on; None when it has none."""

    dataset: Dataset
    copy: Copy | None

    @property
    def protection(self) -> Protection | None:
        """What makes that copy."""
        return self.copy.protection if self.copy is not None else None

    @property
    def isolation(self) -> Isolation | None:
        """How it and the data relate."""
        return self.copy.isolation if self.copy is not None else None


def stale(case: Case, at: datetime) -> str:
    """Say why a reading of that time may not be used now; empty when it may."""
    return case.fleet.stale(at)


def stale_place(case: Case, trace: Trace, place: Place) -> str:
    """Say why a place may not be relied on now: it is as fresh as the trace and as its arrays' own answers."""
    return case.fleet.stale_place(trace, place)


def limits_s(case: Case, *names: str) -> Mapping[str, Json]:
    """Return limits of the policy in seconds: what was signed under one limit was not signed under a wider one."""
    if names not in case.limits:
        told: dict[str, Json] = {f"{name}_s": int(getattr(case.policy, name).total_seconds()) for name in names}
        case.limits[names] = told
    return case.limits[names]


def at_risk(case: Case) -> tuple[Reliance, ...]:
    """
    Return every dataset that lies on a target, or might, with the one copy all backup checks then judge.

    Where a dataset lay some time ago says nothing: a stale trace puts it at risk like one that leads nowhere.

    The copy is that of the first protection, in inventory order, that holds a backup and is measured to lie off the
    dataset's array and off every target; failing that the first one. One choice for all checks: two halves of two
    backups do not make a whole one.
    """
    lying, datasets = case.fleet.lying, case.inventory.datasets
    on_targets = (position for target in case.targets for position in lying.on.get(target, ()))
    return tuple(
        Reliance(datasets[position], _relied_on(case, datasets[position]))
        for position in sorted({*lying.anywhere, *on_targets})
    )


def _relied_on(case: Case, dataset: Dataset) -> Copy | None:
    copies = case.copies_of(dataset)
    for copy in copies:
        isolation = copy.isolation
        apart = isolation.apart and isolation.backup.arrays.isdisjoint(case.targets)
        reading = case.evidence.backups.get(copy.id)
        if apart and reading is not None and reading.runs:
            return copy
    return copies[0] if copies else None
