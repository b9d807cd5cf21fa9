"""Do the backup hosts' clocks agree with ours?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, reading_of
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="clocks-agree",
    question="Does the clock of every backup host agree with the gate's?",
    meaning="An age is the difference of two clocks. Where they disagree, every age of a backup means nothing.",
    way_out="Set the backup host's clock by a time service, then check the change again.",
    threshold="policy.clock_skew_max, 60 s",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-13",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Compare the clock that each backup host told with ours."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one backup host's clock."""
    reading = reading_of(case, protection)
    if isinstance(reading, Trouble):
        return reading.answer
    if reading.clock_skew_s is None:
        return Answer(Outcome.UNKNOWN, f"{protection.host} did not tell its clock", evidence=reading.raw)
    skew, limit = timedelta(seconds=abs(reading.clock_skew_s)), case.policy.clock_skew_max
    if skew > limit:
        because = f"the clock of {protection.host} is off by {span(skew)}, limit {span(limit)}"
        return Answer(Outcome.FAILED, because, evidence=reading.raw)
    because = f"the clock of {protection.host} is off by {span(skew)}, limit {span(limit)}"
    relied = {"host": protection.host, **limits_s(case, "clock_skew_max")}
    return Answer(Outcome.PASSED, because, relied, reading.raw, expiry(case, protection))
