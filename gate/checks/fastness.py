"""
Which copy of a dataset is held fast: the one that the questions about immutability are asked of.

It lies off the dataset's own place and off every target, and what holds it survives a firmware fault. It may be
another copy than the one the restore would be made from: one of them must be left whatever happens. So it must be
worth having as well: recent, whole, read and rehearsed like any copy that counts (`proven`), and locked as the backup
that was proven, not as one before it.
"""

from datetime import datetime, timedelta
from typing import TypeAlias

from gate.checks.answer import Answer
from gate.checks.case import Case, stale
from gate.checks.copies import Copy
from gate.checks.proven import lack, proofs
from gate.evidence import Immutability
from gate.finding import FAILED, UNKNOWN, first
from gate.immutability import survives
from gate.inventory import Dataset
from gate.sentence import span

Held: TypeAlias = tuple[Copy, Immutability]


def held_copy(case: Case, dataset: Dataset) -> Held | Answer:
    """Return the first copy, in inventory order, that a firmware fault of the targets cannot reach or undo."""
    found: Held | Answer | None = case.held.get(dataset.id)
    if found is None:
        found = case.held[dataset.id] = _held_copy(case, dataset)
    return found


def _held_copy(case: Case, dataset: Dataset) -> Held | Answer:
    why: list[str] = []
    unknown = False
    for copy in case.copies_of(dataset):
        record, trace = case.evidence.immutability.get(copy.id), copy.repository
        if record is None or trace is None:
            why.append(f"{copy.id}: nobody tried what holds it")
            unknown = True
        elif record.problem:
            why.append(f"{copy.id}: {record.problem}")
            unknown = True
        elif not survives(record).array_firmware:
            why.append(f"{copy.id}: {record.mechanism} ends with the storage under it")
        elif record.place != trace.place:
            why.append(f"{copy.id} lies elsewhere than when it was tried")
        elif not copy.isolation.apart or not copy.isolation.backup.arrays.isdisjoint(case.targets):
            why.append(f"{copy.id} is not measured to lie apart from data and targets")
        elif lacking := lack(case, copy):
            lacks, answer = lacking
            why.append(f"{copy.id} is held, but {lacks}: {answer.because}")
            unknown = unknown or answer.outcome is UNKNOWN
        elif isinstance(copy.run, Answer) or record.backup != copy.run.id:
            why.append(f"{copy.id}: what holds it was read of another backup than the newest")
            unknown = True
        else:
            return copy, record
    outcome = UNKNOWN if unknown else FAILED
    return Answer(outcome, "; ".join(why) or "no protection makes backups of it")


def tried(case: Case, record: Immutability) -> str:
    """Say why a trial may not be used now; empty when it may."""
    age, limit = case.now - record.at, case.policy.sentinel_max_age
    if age < timedelta(0):
        return stale(case, record.at)
    return f"it was last tried {span(age)} ago, limit {span(limit)}" if age > limit else ""


def worth_until(case: Case, copy: Copy) -> datetime | None:
    """Return when the first of the proofs expires by which a copy is worth holding."""
    return first(*(proof.until for proof in proofs(case, copy)))
