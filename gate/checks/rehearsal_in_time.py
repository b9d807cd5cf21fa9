"""Would it be back in time?"""

from datetime import timedelta

from gate.canonical import Json
from gate.checks.case import Case, Reliance, span
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, rehearsal_of
from gate.evidence import Rehearsal
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection
from gate.policy import Seat

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


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one rehearsal's time."""
    record = rehearsal_of(case, protection)
    if isinstance(record, Trouble):
        return record.answer
    took, rto = time_of(record), reliance.dataset.rto
    if rto is None:
        because = "the inventory sets no rto: nobody said how long it may take"
        return Answer(Outcome.UNKNOWN, because, evidence=record.raw)
    if took is None or not record.passed:
        because = f"the rehearsal of {record.backup} does not tell how long a restore takes"
        return Answer(Outcome.UNKNOWN, because, evidence=record.raw)
    warn = case.policy.restore_time_warn_percent
    because = f"{record.backup} was usable after {span(took)}, the rto is {span(rto)}"
    relied: dict[str, Json] = {
        "protection": protection.id,
        "rto_s": int(rto.total_seconds()),
        "restore_time_warn_percent": warn,
    }
    if took > rto:
        return Answer(Outcome.FAILED, because, evidence=record.raw)
    if took * 100 > rto * warn:
        near = f"{because}: more than {warn} % of it"
        return Answer(Outcome.FAILED, near, {**relied}, record.raw, weight=Weight.SIGN)
    return Answer(Outcome.PASSED, because, {**relied}, record.raw, expiry(case, protection))
