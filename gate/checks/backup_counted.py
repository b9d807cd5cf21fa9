"""Did the read count what it should have: something, all of it, and not much less than the last time?"""

from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Counts, Verification
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import by_number, every, several

CHECK = Check(
    name="backup-counted",
    question="Did the read see the backup relied on, find all it counted well, and count about as many as before?",
    meaning="A tool says that all is well when it looked at nothing: a removed backup, an empty list.",
    way_out="See what is missing in the repository. If much was deleted on purpose, a new full read makes a new count.",
    threshold="policy.count_drop_max_percent, 5 % fewer than the last read; every object counted must be well",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-05",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the counts of the last read of each protection's newest run."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one read's counts, and compare them with those of the read before it."""
    found = copy.run_and_read
    if isinstance(found, Answer):
        return found
    run, record = found
    counts = record.counts
    if counts is None:
        return Answer(UNKNOWN, f"the read of {run.id} counted nothing", evidence=record.raw)
    if run.id not in record.seen:
        return Answer(FAILED, f"the read did not see backup {run.id}, which is relied on", evidence=record.raw)
    if counts.total < 1:
        return Answer(FAILED, f"the read of {run.id} found no {counts.unit}", evidence=record.raw)
    if counts.ok != counts.total or counts.missing or counts.damaged:
        of, are = _number(counts), by_number(counts.ok, "is", "are")
        because = f"of {of} in {run.id} {counts.ok} {are} well, {counts.missing} missing, {counts.damaged} damaged"
        return Answer(FAILED, because, evidence=record.raw)
    before = _before(copy, record)
    least = before * (100 - case.policy.count_drop_max_percent)
    if counts.total * 100 < least:
        because = f"the read of {run.id} counted {_number(counts)}, the one before {before}"
        return Answer(FAILED, because, evidence=record.raw)
    return partial(_passed, case, copy, record, counts, before)


def _number(counts: Counts) -> str:
    return several(counts.total, counts.unit.removesuffix("s"))


def _passed(case: Case, copy: Copy, record: Verification, counts: Counts, before: int) -> Answer:
    relied: dict[str, Json] = {
        "protection": copy.id,
        "count_drop_max_percent": case.policy.count_drop_max_percent,
    }
    count = (
        "{} of {} {} well",
        every(counts.total, counts.unit.removesuffix("s")),
        record.backup,
        by_number(counts.total, "is", "are"),
    )
    told = ("{}, {} before", count, before) if before else count
    return Answer(PASSED, told, relied, record.raw, copy.expiry())


def _before(copy: Copy, record: Verification) -> int:
    """Return what the last good read before this one counted in the same unit and share; 0 when there was none."""
    parts = record.coverage.buckets if record.coverage else 1
    for earlier in reversed(copy.reads):
        if earlier.counts is None or record.counts is None or earlier.counts.unit != record.counts.unit:
            continue
        share = earlier.coverage.buckets if earlier.coverage else 1
        if earlier.at < record.at and earlier.passed and share == parts:
            return earlier.counts.total
    return 0
