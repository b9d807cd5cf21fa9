"""Does the clock that ends the locks go right?"""

from datetime import timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy
from gate.evidence import Immutability
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When
from gate.policy import Seat

CHECK = Check(
    name="retention-clock",
    question="Does the clock by which the locks end agree with the gate's?",
    meaning="Whoever sets that clock forward ends every lock.",
    way_out="Set the store's clock by a time service, and see who can set it.",
    threshold="policy.clock_skew_max, 60 s",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="IM-04",
    seat=Seat.BACKUP_OWNER,
)


def check(case: Case) -> Finding:
    """Judge the clock of the copy of each dataset that is held fast."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one store's clock."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    if record.clock_skew_s is None:
        return Answer(UNKNOWN, f"the store of {fast.id} did not tell its clock", evidence=record.raw)
    skew, limit = timedelta(seconds=abs(record.clock_skew_s)), case.policy.clock_skew_max
    passed = partial(_told, PASSED, case, fast, record, skew)
    return _told(FAILED, case, fast, record, skew) if skew > limit else passed


def _told(outcome: Outcome, case: Case, fast: Copy, record: Immutability, skew: timedelta) -> Answer:
    limit = case.policy.clock_skew_max
    told = ("the clock of the store of {} is off by {}, limit {}", fast.id, skew, limit)
    relied = {"copy": fast.id, **limits_s(case, "clock_skew_max")}
    return Answer(outcome, told, relied, record.raw)
