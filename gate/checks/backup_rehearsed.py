"""Was a restore from this repository rehearsed and compared recently enough?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, rehearsal_of
from gate.evidence import Rehearsal
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Dataset, Protection

CHECK = Check(
    name="backup-rehearsed",
    question="Was a restore from this repository rehearsed, opened and compared recently enough?",
    meaning="Only a restore shows that a backup restores; only an earlier reference shows that the content is right.",
    way_out="Rehearse the dataset: sangate evidence rehearse DATASET, or the button on its page.",
    threshold="policy.rehearsal_max_age, 7 d at level V6; policy.tier1_rehearsal_max_age, 24 h, for data of tier 1",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-07",
    waivable=True,
)
ENOUGH = ("V6", "V7")


def check(case: Case) -> Finding:
    """Judge the newest rehearsal of each protection relied on, made from where the repository lies now."""
    return over_datasets(case, CHECK, ask)


def limit_of(case: Case, dataset: Dataset) -> timedelta:
    """Return how old a rehearsal of this dataset may be."""
    if dataset.tier == 1:
        return min(case.policy.tier1_rehearsal_max_age, case.policy.rehearsal_max_age)
    return case.policy.rehearsal_max_age


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one protection's last rehearsal."""
    record = rehearsal_of(case, protection)
    if isinstance(record, Trouble):
        return record.answer
    if not record.passed:
        return Answer(Outcome.FAILED, f"the rehearsal of {record.backup}: {record.because}", evidence=record.raw)
    if record.level not in ENOUGH:
        because = f"the rehearsal of {record.backup} reached {record.level}, V6 is needed: {record.because}"
        return Answer(Outcome.FAILED, because, evidence=record.raw)
    if missed := _not_compared(record, reliance.dataset):
        return Answer(Outcome.FAILED, f"the rehearsal of {record.backup} did not compare {missed}", evidence=record.raw)
    limit, age = limit_of(case, reliance.dataset), case.now - record.at
    if age > limit:
        return Answer(Outcome.FAILED, f"the rehearsal is {span(age)} old, limit {span(limit)}", evidence=record.raw)
    relied = {"protection": protection.id, "level": record.level, "place": record.place}
    limits = limits_s(case, "tier1_rehearsal_max_age" if reliance.dataset.tier == 1 else "rehearsal_max_age")
    because = f"{record.backup} was restored and compared {span(age)} ago in {record.seconds} s, limit {span(limit)}"
    until = expiry(case, protection, record.at + limit)
    return Answer(Outcome.PASSED, because, {**relied, **limits}, record.raw, until)


def _not_compared(record: Rehearsal, dataset: Dataset) -> str:
    """Name what a comparison of the whole dataset would have held; a table may have joined the inventory since."""
    if record.reference_at is None:
        return "with any reference"
    compared = {table.table for table in record.tables}
    missed = [table for table in dataset.tables if table not in compared]
    if missed:
        return ", ".join(missed)
    return "" if any(table.rows for table in record.tables) else "a single row"
