"""Would it be back in time?"""

from datetime import timedelta
from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Rehearsal
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.policy import Seat
from gate.sentence import Sentence

CHECK = Check(
    name="rehearsal-in-time",
    question="Did the rehearsal bring the data back within the recovery time objective, with room to spare?",
    meaning="A restore that takes longer than anybody can wait is no way back. Under stress it takes longer still.",
    way_out="Make the restore faster, or agree with the data's owner on another rto. Near the limit a seat may sign.",
    threshold="the dataset's rto refuses; above policy.restore_time_warn_percent, 80 %, of it the data owner signs",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-08",
    seat=Seat.DATA_OWNER,
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the time of the newest rehearsal of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def time_of(record: Rehearsal) -> timedelta | None:
    """Return the time until restored data could be used: until they were back and the engine had opened them."""
    if record.restore_s is None or record.recovery_s is None:
        return None
    return timedelta(seconds=record.restore_s + record.recovery_s)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one rehearsal's time."""
    record = copy.rehearsal
    if isinstance(record, Answer):
        return record
    took, rto = time_of(record), copy.dataset.rto
    if rto is None:
        because = "the inventory sets no rto: nobody said how long it may take"
        return Answer(UNKNOWN, because, evidence=record.raw)
    if took is None or not record.passed:
        because = f"the rehearsal of {record.backup} does not tell how long a restore takes"
        return Answer(UNKNOWN, because, evidence=record.raw)
    warn = case.policy.restore_time_warn_percent
    if took > rto:
        return Answer(FAILED, _told(record, took, rto), evidence=record.raw)
    if took * 100 > rto * warn:
        near = ("{}: more than {} % of it", _told(record, took, rto), warn)
        return Answer(FAILED, near, _relied(case, copy, rto), record.raw, weight=Weight.SIGN)
    return partial(_passed, case, copy, record, took, rto)


def _passed(case: Case, copy: Copy, record: Rehearsal, took: timedelta, rto: timedelta) -> Answer:
    return Answer(PASSED, _told(record, took, rto), _relied(case, copy, rto), record.raw, copy.expiry())


def _told(record: Rehearsal, took: timedelta, rto: timedelta) -> Sentence:
    return "{} was usable after {}, the rto is {}", record.backup, took, rto


def _relied(case: Case, copy: Copy, rto: timedelta) -> dict[str, Json]:
    return {
        "protection": copy.id,
        "rto_s": int(rto.total_seconds()),
        "restore_time_warn_percent": case.policy.restore_time_warn_percent,
    }
