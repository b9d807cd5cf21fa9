"""Was every byte of the backup relied on read and hashed recently enough?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span, stale
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="backup-verified",
    question="Was every stored byte of the backup relied on read and compared recently enough?",
    meaning="An exit code of 0 or a line in a catalogue says nothing about the bytes. A newer backup does not inherit.",
    way_out="Check the change again: the gate reads the newest backup in full. If it is damaged, make a new one.",
    threshold="policy.verification_max_age, 24 h at level V4 (BK-04)",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Judge the newest verification of the newest run of each protection relied on, where it lies now."""
    return over_datasets(case, CHECK, _ask)


def _ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    reading = case.evidence.backups.get(protection.id)
    trace = case.evidence.repositories.get(protection.id)
    if reading is None or reading.problem or not reading.runs:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: no backup is known that could have been verified")
    if trace is None or trace.problem or trace.place is None:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: it is not known where the repository lies")
    if old := stale(case, reading.at) or stale(case, trace.at):
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old}", evidence=reading.raw)
    newest = max(reading.runs, key=lambda run: run.finished_at)
    if newest.size < 1:
        return Answer(Outcome.FAILED, f"backup {newest.id} holds no byte", evidence=reading.raw)
    records = [
        record
        for record in case.evidence.verifications
        if (record.protection, record.backup, record.place) == (protection.id, newest.id, trace.place)
    ]
    if not records:
        return Answer(Outcome.UNKNOWN, f"backup {newest.id} was never read in full where it lies now")
    record = max(records, key=lambda item: (item.at, not item.passed))
    age = case.now - record.at
    if age < timedelta(0):
        return Answer(Outcome.UNKNOWN, f"the verification of {newest.id} lies in the future", evidence=record.raw)
    if not record.passed:
        return Answer(Outcome.FAILED, f"backup {newest.id}: {record.because}", evidence=record.raw)
    if record.level != "V4":
        return Answer(Outcome.FAILED, f"backup {newest.id} reached {record.level}, V4 is needed", evidence=record.raw)
    limit = span(case.policy.verification_max_age)
    if age > case.policy.verification_max_age:
        late = f"the verification of {newest.id} is {span(age)} old, limit {limit}"
        return Answer(Outcome.FAILED, late, evidence=record.raw)
    relied = {"protection": protection.id, "level": record.level, "place": trace.place}
    limits = limits_s(case, "verification_max_age")
    because = f"backup {newest.id} was read in full {span(age)} ago, limit {limit}: {record.because}"
    return Answer(Outcome.PASSED, because, {**relied, **limits}, record.raw)
