"""Was the restored copy equal to references older than the backup, and, where tables only grow, to an old one?"""

from datetime import timedelta
from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Comparison, Rehearsal
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.inventory import Dataset
from gate.sentence import several, span

CHECK = Check(
    name="rehearsal-compared",
    question="Did the restored copy equal a reference older than the backup, and its growing tables one much older?",
    meaning="A copy of wrong values equals today's wrong values. Only a reference from before the damage shows it.",
    way_out="Record references of the dataset regularly, then rehearse again. A difference is damage until explained.",
    threshold="the reference is older than the backup's start; for append_only tables a second one is older than the "
    "rehearsal by policy.old_reference_min_age, 7 d",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-09",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the comparisons of the newest rehearsal of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one rehearsal's comparisons."""
    record = copy.rehearsal
    if isinstance(record, Answer):
        return record
    if not record.compared or record.compared[0].reference_at != record.reference_at:
        because = f"the rehearsal of {record.backup} was compared with no reference"
        return Answer(FAILED, because, evidence=record.raw)
    if differing := [said for one in record.compared for said in one.differing]:
        because = f"backup {record.backup} differs from a reference: {', '.join(differing)}"
        return Answer(FAILED, because, evidence=record.raw)
    started = _started(case, copy, record)
    if started is None:
        because = f"it is not known when backup {record.backup} began, so not whether the reference is older"
        return Answer(UNKNOWN, because, evidence=record.raw)
    if started <= timedelta(0):
        because = f"the reference is younger than the beginning of backup {record.backup}"
        return Answer(FAILED, because, evidence=record.raw)
    if missed := _not_held_against(record.compared[0], copy.dataset.tables):
        return Answer(FAILED, f"{missed} was compared with no reference", evidence=record.raw)
    if missed := _too_young(case, record, copy.dataset):
        old = span(case.policy.old_reference_min_age)
        because = f"{missed} only grows and was compared with no reference that is {old} older than the rehearsal"
        return Answer(FAILED, because, evidence=record.raw)
    return partial(_passed, case, copy, record)


def _passed(case: Case, copy: Copy, record: Rehearsal) -> Answer:
    grows: list[Json] = [one.table for one in copy.dataset.append_only]
    relied: dict[str, Json] = {
        "protection": copy.id,
        "append_only": grows,
        **limits_s(case, "old_reference_min_age"),
    }
    told = ("{} equals {} older than it", record.backup, several(len(record.compared), "reference"))
    return Answer(PASSED, told, relied, record.raw, copy.expiry())


def _started(case: Case, copy: Copy, record: Rehearsal) -> timedelta | None:
    """Return by how much the first reference is older than the beginning of the rehearsed backup; None: not known."""
    reading = case.evidence.backups.get(copy.id)
    run = next((one for one in reading.runs if one.id == record.backup), None) if reading else None
    if run is None or run.started_at is None:
        return None
    return run.started_at - record.compared[0].reference_at


def _not_held_against(comparison: Comparison, tables: tuple[str, ...]) -> str:
    return ", ".join(table for table in tables if table not in comparison.tables)


def _too_young(case: Case, record: Rehearsal, dataset: Dataset) -> str:
    if not dataset.append_only:
        return ""
    old = [one for one in record.compared if record.at - one.reference_at >= case.policy.old_reference_min_age]
    held = {table for one in old for table in one.tables}
    return ", ".join(one.table for one in dataset.append_only if one.table not in held)
