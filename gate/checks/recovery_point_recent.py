"""How much would be lost: is the latest moment that can be brought back recent enough?"""

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, run_of
from gate.evidence import Log
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="recovery-point-recent",
    question="Is the latest moment to which the data can be brought back within the recovery point objective?",
    meaning="A backup is a moment, not a day. What was written after its recovery point is gone for good.",
    way_out="Let the log be shipped, or a backup run; or set the dataset's rpo to what its owner really accepts.",
    threshold="the dataset's rpo, at least policy.recovery_point_floor, 15 min; without an rpo nothing is known",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-02",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the recovery point of the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one protection: a copy without a log brings back what was there when it began."""
    run = run_of(case, protection)
    if isinstance(run, Trouble):
        return run.answer
    raw, rpo = case.evidence.backups[protection.id].raw, reliance.dataset.rpo
    if rpo is None:
        return Answer(Outcome.UNKNOWN, "the inventory sets no rpo: nobody said how much may be lost", evidence=raw)
    point = run.recovery_point_at or (run.started_at if run.log is Log.NOT_NEEDED else None)
    if point is None:
        return Answer(Outcome.UNKNOWN, f"the recovery point of backup {run.id} is not known", evidence=raw)
    limit = max(rpo, case.policy.recovery_point_floor)
    lost = case.now - point
    if -lost > case.policy.clock_skew_max:
        return Answer(Outcome.UNKNOWN, f"the recovery point of backup {run.id} lies in the future", evidence=raw)
    if lost > limit:
        because = f"{span(lost)} would be lost with backup {run.id}, limit {span(limit)}"
        return Answer(Outcome.FAILED, because, evidence=raw)
    relied = {"protection": protection.id, **limits_s(case, "recovery_point_floor")}
    relied["rpo_s"] = int(rpo.total_seconds())
    because = f"{span(lost)} would be lost with backup {run.id}, limit {span(limit)}"
    return Answer(Outcome.PASSED, because, relied, raw, expiry(case, protection, point + limit))
