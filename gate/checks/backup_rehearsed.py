"""Was a restore from this repository rehearsed and compared recently enough?"""

from datetime import timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Rehearsal
from gate.finding import FAILED, PASSED, Check, Finding, Weight, When
from gate.inventory import Dataset
from gate.sentence import span

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one protection's last rehearsal."""
    record = copy.rehearsal
    if isinstance(record, Answer):
        return record
    if not record.passed:
        return Answer(FAILED, f"the rehearsal of {record.backup}: {record.because}", evidence=record.raw)
    if record.level not in ENOUGH:
        because = f"the rehearsal of {record.backup} reached {record.level}, V6 is needed: {record.because}"
        return Answer(FAILED, because, evidence=record.raw)
    if missed := _not_compared(record, copy.dataset):
        return Answer(FAILED, f"the rehearsal of {record.backup} did not compare {missed}", evidence=record.raw)
    limit, age = limit_of(case, copy.dataset), case.now - record.at
    if age > limit:
        return Answer(FAILED, f"the rehearsal is {span(age)} old, limit {span(limit)}", evidence=record.raw)
    return partial(_passed, case, copy, record, age, limit)


def _passed(case: Case, copy: Copy, record: Rehearsal, age: timedelta, limit: timedelta) -> Answer:
    limits = limits_s(case, "tier1_rehearsal_max_age" if copy.dataset.tier == 1 else "rehearsal_max_age")
    relied = {"protection": copy.id, "level": record.level, "place": record.place, **limits}
    told = ("{} was restored and compared {} ago in {} s, limit {}", record.backup, age, record.seconds, limit)
    until = copy.expiry(record.at + limit)
    return Answer(PASSED, told, relied, record.raw, until)


def _not_compared(record: Rehearsal, dataset: Dataset) -> str:
    """Name what a comparison of the whole dataset would have held; a table may have joined the inventory since."""
    if record.reference_at is None:
        return "with any reference"
    compared = {table.table for table in record.tables}
    missed = [table for table in dataset.tables if table not in compared]
    if missed:
        return ", ".join(missed)
    return "" if any(table.rows for table in record.tables) else "a single row"
