"""
Which copy of a dataset is held fast: the one that the questions about immutability are asked of.

It lies off the dataset's own place and off every target, and what holds it survives a firmware fault. It may be
another copy than the one the restore would be made from: one of them must be left whatever happens.
"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, once, span, stale
from gate.checks.proof import Trouble
from gate.evidence import Immutability
from gate.finding import Outcome
from gate.immutability import survives
from gate.inventory import Dataset, Protection
from gate.isolation import Relation


def held_copy(case: Case, reliance: Reliance) -> tuple[Protection, Immutability] | Trouble:
    """Return the first copy, in inventory order, that a firmware fault of the targets cannot reach or undo."""
    return _held_copy(case, reliance.dataset)


@once
def _held_copy(case: Case, dataset: Dataset) -> tuple[Protection, Immutability] | Trouble:
    why: list[str] = []
    unknown = False
    for protection in case.inventory.protections_of(dataset.id):
        record = case.evidence.immutability.get(protection.id)
        trace = case.evidence.repositories.get(protection.id)
        isolation = case.isolation_of(dataset, protection)
        if record is None or trace is None:
            why.append(f"{protection.id}: nobody tried what holds it")
            unknown = True
        elif record.problem:
            why.append(f"{protection.id}: {record.problem}")
            unknown = True
        elif not survives(record).array_firmware:
            why.append(f"{protection.id}: {record.mechanism} ends with the storage under it")
        elif record.place != trace.place:
            why.append(f"{protection.id} lies elsewhere than when it was tried")
        elif isolation.relation is not Relation.DIFFERENT or isolation.backup.arrays & case.targets:
            why.append(f"{protection.id} is not measured to lie apart from data and targets")
        else:
            return protection, record
    outcome = Outcome.UNKNOWN if unknown else Outcome.FAILED
    return Trouble(outcome, "; ".join(why) or "no protection makes backups of it")


def tried(case: Case, record: Immutability) -> str:
    """Say why a trial may not be used now; empty when it may."""
    age, limit = case.now - record.at, case.policy.sentinel_max_age
    if age < timedelta(0):
        return stale(case, record.at)
    return f"it was last tried {span(age)} ago, limit {span(limit)}" if age > limit else ""
