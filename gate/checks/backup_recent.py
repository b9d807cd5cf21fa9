"""Was a backup of every dataset at risk finished recently enough?"""

from gate.checks.answer import Answer
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import kept, over_datasets
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


@kept
def ask(case: Case, copy: Copy) -> Answer:
    """Judge the newest run of one protection."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    raw = copy.read_from
    limit, rpo = case.policy.backup_max_age, copy.dataset.rpo
    if rpo and rpo < limit:
        limit = rpo
    age = case.now - run.finished_at
    if age > limit:
        return Answer(FAILED, f"backup {run.id} is {span(age)} old, limit {span(limit)}", evidence=raw)
    return Answer(
        PASSED,
        ("backup {} finished {} ago, limit {}", run.id, age, limit),
        {"protection": copy.id, **limits_s(case, "backup_max_age"), "limit_s": int(limit.total_seconds())},
        raw,
        copy.expiry(run.finished_at + limit),
    )
