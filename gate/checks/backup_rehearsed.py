"""Was a restore from this repository rehearsed and compared recently enough?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span, stale
from gate.checks.each import Answer, over_datasets
from gate.evidence import Rehearsal
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Dataset, Protection

CHECK = Check(
    name="backup-rehearsed",
    question="Was a restore from this repository rehearsed, opened and compared recently enough?",
    meaning="Only a restore shows that a backup restores; only an earlier reference shows that the content is right.",
    way_out="Rehearse the dataset: sangate evidence rehearse DATASET, or the button on its page.",
    threshold="policy.rehearsal_max_age, 7 d at level V6 (BK-07)",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Judge the newest rehearsal of each protection relied on, made from where the repository lies now."""
    return over_datasets(case, CHECK, _ask)


def _ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    trace = case.evidence.repositories.get(protection.id)
    if trace is None or trace.problem or trace.place is None:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: it is not known where the repository lies")
    if old := stale(case, trace.at):
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old}", evidence=trace.raw)
    records = [
        record
        for record in case.evidence.rehearsals
        if (record.protection, record.place) == (protection.id, trace.place)
    ]
    if not records:
        return Answer(Outcome.FAILED, f"no restore from the repository of {protection.id} was ever rehearsed")
    record = max(records, key=lambda item: (item.at, not item.passed))
    age = case.now - record.at
    if age < timedelta(0):
        return Answer(Outcome.UNKNOWN, "the rehearsal lies in the future", evidence=record.raw)
    if not record.passed:
        return Answer(Outcome.FAILED, f"the rehearsal of {record.backup}: {record.because}", evidence=record.raw)
    if record.level != "V6":
        because = f"the rehearsal of {record.backup} reached {record.level}, V6 is needed: {record.because}"
        return Answer(Outcome.FAILED, because, evidence=record.raw)
    if missed := _not_compared(record, reliance.dataset):
        return Answer(Outcome.FAILED, f"the rehearsal of {record.backup} did not compare {missed}", evidence=record.raw)
    limit = span(case.policy.rehearsal_max_age)
    if age > case.policy.rehearsal_max_age:
        return Answer(Outcome.FAILED, f"the rehearsal is {span(age)} old, limit {limit}", evidence=record.raw)
    relied = {"protection": protection.id, "level": record.level, "place": trace.place}
    limits = limits_s(case, "rehearsal_max_age")
    because = f"{record.backup} was restored and compared {span(age)} ago in {record.seconds} s, limit {limit}"
    return Answer(Outcome.PASSED, because, {**relied, **limits}, record.raw)


def _not_compared(record: Rehearsal, dataset: Dataset) -> str:
    """Name what a comparison of the whole dataset would have held; a table may have joined the inventory since."""
    if record.reference_at is None:
        return "with any reference"
    compared = {table.table for table in record.tables}
    missed = [table for table in dataset.tables if table not in compared]
    if missed:
        return ", ".join(missed)
    return "" if any(table.rows for table in record.tables) else "a single row"
