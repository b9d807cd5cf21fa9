"""Was a backup of every dataset at risk finished recently enough?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span, stale
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="backup-recent",
    question="Was a backup of every dataset on the targets finished recently enough?",
    meaning="What was written since the last backup is lost with the array.",
    way_out="Let the backup side run a backup now, then check the change again.",
    threshold="policy.backup_max_age, 24 h (BK-01); policy.clock_skew_max, 60 s (BK-13)",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Judge the newest run of each protection relied on."""
    return over_datasets(case, CHECK, _ask)


def _ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    reading = case.evidence.backups.get(protection.id)
    if reading is None:
        return Answer(Outcome.UNKNOWN, f"the repository of {protection.id} was not read")
    trouble = reading.problem or stale(case, reading.at)
    if trouble:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {trouble}", evidence=reading.raw)
    if reading.clock_skew_s is None:
        return Answer(Outcome.UNKNOWN, f"{protection.host} did not tell its clock", evidence=reading.raw)
    skew = timedelta(seconds=abs(reading.clock_skew_s))
    if skew > case.policy.clock_skew_max:
        limit = span(case.policy.clock_skew_max)
        because = f"the clock of {protection.host} is off by {span(skew)}, limit {limit}"
        return Answer(Outcome.FAILED, because, evidence=reading.raw)
    if not reading.runs:
        return Answer(Outcome.FAILED, f"{protection.id} holds no backup at all", evidence=reading.raw)
    newest = max(reading.runs, key=lambda run: run.finished_at)
    age = case.now - newest.finished_at
    if age < -case.policy.clock_skew_max:
        return Answer(Outcome.UNKNOWN, f"backup {newest.id} lies in the future", evidence=reading.raw)
    limit = span(case.policy.backup_max_age)
    if age > case.policy.backup_max_age:
        return Answer(Outcome.FAILED, f"backup {newest.id} is {span(age)} old, limit {limit}", evidence=reading.raw)
    return Answer(
        Outcome.PASSED,
        f"backup {newest.id} finished {span(age)} ago, limit {limit}",
        {"protection": protection.id, **limits_s(case, "backup_max_age", "clock_skew_max")},
        reading.raw,
    )
