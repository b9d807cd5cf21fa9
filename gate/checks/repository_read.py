"""Was every object that the repository holds read within a month?"""

from datetime import datetime
from functools import partial

from gate import rotation
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Verification
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import by_number, several, span

CHECK = Check(
    name="repository-read",
    question="Was every object that a restore could need read within a month, if need be in parts?",
    meaning="Deduplicated backups share old objects: a part that nobody reads rots under all of them.",
    way_out="Read more of the repository in a day (read_parts), or all of it once: check the change again.",
    threshold="policy.full_read_max_age, 30 d, from the oldest of the reads that together cover all there is now",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-10",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Look for a full read, at once or in parts, of each repository relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one repository: the newest read of what the run relied on needs."""
    run, trace = copy.run, copy.trace
    if isinstance(run, Answer):
        return run
    if isinstance(trace, Answer):
        return trace
    limit = case.policy.full_read_max_age
    reads = [one for one in copy.reads if _covers(one, run)]
    reads = [one for one in reads if one.at <= case.now]
    if not reads:
        return Answer(UNKNOWN, f"the repository of {copy.id} was never read in full where it lies now")
    record = reads[-1]
    since = record.coverage.whole_since if record.coverage else record.at
    if not record.passed or not record.complete or rotation.level(record, case.now, limit) != "V4" or since is None:
        return Answer(FAILED, f"{copy.id}: {_short(record)}", evidence=record.raw)
    age = case.now - since
    if age > limit:
        because = f"the oldest read of what {copy.id} holds is {span(age)} ago, limit {span(limit)}"
        return Answer(FAILED, because, evidence=record.raw)
    return partial(_passed, case, copy, record, since)


def _passed(case: Case, copy: Copy, record: Verification, since: datetime) -> Answer:
    age, limit = case.now - since, case.policy.full_read_max_age
    relied = {"protection": copy.id, "place": record.place, **limits_s(case, "full_read_max_age")}
    told = ("all that {} holds was read within {}, limit {}", copy.id, age, limit)
    return Answer(PASSED, told, relied, record.raw, copy.expiry(since + limit))


def _covers(record: Verification, run: BackupRun) -> bool:
    """A part belongs to the whole repository; a read of one backup says nothing of another."""
    return record.coverage is not None or record.backup == run.id


def _short(record: Verification) -> str:
    unread = record.coverage.unread if record.coverage else None
    if not unread:
        return record.because
    return f"{several(unread, 'object')} {by_number(unread, 'was', 'were')} not read within the limit"
