"""Was a backup of every dataset at risk finished recently enough?"""

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, run_of
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="backup-recent",
    question="Was a backup of every dataset on the targets finished recently enough?",
    meaning="What was written since the last backup is lost with the array.",
    way_out="Let the backup side run a backup now, then check the change again.",
    threshold="policy.backup_max_age, 24 h, or the dataset's rpo where that is shorter",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-01",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge the newest run of one protection."""
    run = run_of(case, protection)
    if isinstance(run, Trouble):
        return run.answer
    raw = case.evidence.backups[protection.id].raw
    limit = min(case.policy.backup_max_age, reliance.dataset.rpo or case.policy.backup_max_age)
    age = case.now - run.finished_at
    if age > limit:
        return Answer(Outcome.FAILED, f"backup {run.id} is {span(age)} old, limit {span(limit)}", evidence=raw)
    return Answer(
        Outcome.PASSED,
        f"backup {run.id} finished {span(age)} ago, limit {span(limit)}",
        {"protection": protection.id, **limits_s(case, "backup_max_age"), "limit_s": int(limit.total_seconds())},
        raw,
        expiry(case, protection, run.finished_at + limit),
    )
