"""Was every byte of the backup relied on read and hashed recently enough?"""

from datetime import timedelta
from functools import partial

from gate import rotation
from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Log, Verification
from gate.finding import FAILED, PASSED, Check, Finding, Weight, When
from gate.sentence import span

CHECK = Check(
    name="backup-verified",
    question="Was every stored byte of the backup relied on read and compared recently enough?",
    meaning="An exit code of 0 or a line in a catalogue says nothing about the bytes. A newer backup does not inherit.",
    way_out="Check the change again: the gate reads the newest backup in full. If it is damaged or was, make another.",
    threshold="policy.verification_max_age, 24 h at level V4, and no read within it that found this backup damaged; "
    "from policy.large_backup on a part read within that and all of it within policy.full_read_max_age, 30 d",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-04",
    waivable=True,
)

FULL = "V4"
BROKEN = (Log.GAP, Log.UNKNOWN)


def check(case: Case) -> Finding:
    """Judge the newest verification of the newest run of each protection relied on, where it lies now."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one protection's last read of its newest run."""
    found = copy.run_and_read
    if isinstance(found, Answer):
        return found
    run, record = found
    if run.size < 1:
        return Answer(FAILED, f"backup {run.id} holds no byte", evidence=record.raw)
    if not record.passed:
        return Answer(FAILED, f"backup {run.id}: {record.because}", evidence=record.raw)
    limit, age = case.policy.verification_max_age, case.now - record.at
    if other := _answered_otherwise(case, copy, record, limit):
        since = f"a read {span(case.now - other.at)} ago found damage ({other.because}), and none was found since"
        because = f"backup {run.id} gave two answers about the same bytes: {since}"
        return Answer(FAILED, because, evidence=(*record.raw, *other.raw))
    level = level_of(record, case, limit)
    large = run.size >= case.policy.large_backup
    if large and level == "V3":
        level = level_of(record, case, case.policy.full_read_max_age)
    if level == FULL and run.log in BROKEN:
        level = "V4-partial"
    if level != FULL:
        because = f"backup {run.id} reached {level}, V4 is needed: {record.because}"
        return Answer(FAILED, because, evidence=record.raw)
    if age > limit:
        late = f"the verification of {run.id} is {span(age)} old, limit {span(limit)}"
        return Answer(FAILED, late, evidence=record.raw)
    return partial(_passed, case, copy, run, record, age, limit)


def _passed(case: Case, copy: Copy, run: BackupRun, record: Verification, age: timedelta, limit: timedelta) -> Answer:
    relied: dict[str, Json] = {
        "protection": copy.id,
        "level": FULL,
        "place": record.place,
        **limits_s(case, "verification_max_age"),
    }
    if run.size >= case.policy.large_backup:
        relied |= {"large_backup": case.policy.large_backup, **limits_s(case, "full_read_max_age")}
    told = ("backup {} was read in full {} ago, limit {}: {}", run.id, age, limit, record.because)
    until = copy.expiry(record.at + limit)
    return Answer(PASSED, told, relied, record.raw, until)


def _answered_otherwise(case: Case, copy: Copy, record: Verification, limit: timedelta) -> Verification | None:
    """Return the last read of the very same backup that found damage within the limit, before this one found none."""
    for one in reversed(copy.reads):
        if one.backup == record.backup and one.at < record.at and case.now - one.at <= limit and rotation.spoilt(one):
            return one
    return None


def level_of(record: Verification, case: Case, limit: timedelta) -> str:
    """
    Return the rung that a read is worth: parts make a full one only while the oldest is inside the limit.

    A read that counted nothing, or did not say that it saw the backup relied on, has shown no more than a catalogue.
    """
    if record.counts is None or record.backup not in record.seen:
        return min(record.level, "V1")
    if record.coverage is None:
        return record.level
    return rotation.level(record, case.now, limit)
