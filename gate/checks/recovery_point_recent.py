"""How much would be lost: is the latest moment that can be brought back recent enough?"""

from datetime import datetime, timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Log
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import span

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

NOT_NEEDED = Log.NOT_NEEDED


def check(case: Case) -> Finding:
    """Judge the recovery point of the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one protection: a copy without a log brings back what was there when it began."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    rpo = copy.dataset.rpo
    if rpo is None:
        return Answer(UNKNOWN, "the inventory sets no rpo: nobody said how much may be lost", evidence=copy.read_from)
    point = run.recovery_point_at or (run.started_at if run.log is NOT_NEEDED else None)
    if point is None:
        return Answer(UNKNOWN, f"the recovery point of backup {run.id} is not known", evidence=copy.read_from)
    limit = max(rpo, case.policy.recovery_point_floor)
    lost = case.now - point
    if -lost > case.policy.clock_skew_max:
        return Answer(UNKNOWN, f"the recovery point of backup {run.id} lies in the future", evidence=copy.read_from)
    if lost > limit:
        because = f"{span(lost)} would be lost with backup {run.id}, limit {span(limit)}"
        return Answer(FAILED, because, evidence=copy.read_from)
    return partial(_passed, case, copy, run, rpo, point, limit)


def _passed(case: Case, copy: Copy, run: BackupRun, rpo: timedelta, point: datetime, limit: timedelta) -> Answer:
    relied = {
        "protection": copy.id,
        **limits_s(case, "recovery_point_floor"),
        "rpo_s": int(rpo.total_seconds()),
    }
    told = ("{} would be lost with backup {}, limit {}", case.now - point, run.id, limit)
    return Answer(PASSED, told, relied, copy.read_from, copy.expiry(point + limit))
