"""Was a backup of every dataset at risk finished recently enough?"""

from datetime import timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun
from gate.finding import FAILED, PASSED, Check, Finding, Weight, When
from gate.sentence import span

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge the newest run of one protection."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    limit = case.policy.backup_max_age
    limit = min(copy.dataset.rpo or limit, limit)
    age = case.now - run.finished_at
    if age > limit:
        return Answer(FAILED, f"backup {run.id} is {span(age)} old, limit {span(limit)}", evidence=copy.read_from)
    return partial(_passed, case, copy, run, age, limit)


def _passed(case: Case, copy: Copy, run: BackupRun, age: timedelta, limit: timedelta) -> Answer:
    return Answer(
        PASSED,
        ("backup {} finished {} ago, limit {}", run.id, age, limit),
        {"protection": copy.id, **limits_s(case, "backup_max_age"), "limit_s": int(limit.total_seconds())},
        copy.read_from,
        copy.expiry(run.finished_at + limit),
    )
