"""Does the clock that ends the locks go right?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.fastness import held_copy
from gate.checks.proof import Trouble
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection
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


def ask(case: Case, reliance: Reliance, _: Protection) -> Answer:
    """Judge one store's clock."""
    found = held_copy(case, reliance)
    if isinstance(found, Trouble):
        return found.answer
    protection, record = found
    if record.clock_skew_s is None:
        return Answer(Outcome.UNKNOWN, f"the store of {protection.id} did not tell its clock", evidence=record.raw)
    skew, limit = timedelta(seconds=abs(record.clock_skew_s)), case.policy.clock_skew_max
    because = f"the clock of the store of {protection.id} is off by {span(skew)}, limit {span(limit)}"
    relied = {"copy": protection.id, **limits_s(case, "clock_skew_max")}
    return Answer(Outcome.FAILED if skew > limit else Outcome.PASSED, because, {**relied}, record.raw)
