"""Do the backup hosts' clocks agree with ours?"""

from datetime import timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupReading
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import span

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one backup host's clock."""
    reading = copy.reading
    if isinstance(reading, Answer):
        return reading
    if reading.clock_skew_s is None:
        return Answer(UNKNOWN, f"{copy.protection.host} did not tell its clock", evidence=reading.raw)
    skew, limit = timedelta(seconds=abs(reading.clock_skew_s)), case.policy.clock_skew_max
    if skew > limit:
        because = f"the clock of {copy.protection.host} is off by {span(skew)}, limit {span(limit)}"
        return Answer(FAILED, because, evidence=reading.raw)
    return partial(_passed, case, copy, reading, skew, limit)


def _passed(case: Case, copy: Copy, reading: BackupReading, skew: timedelta, limit: timedelta) -> Answer:
    told = ("the clock of {} is off by {}, limit {}", copy.protection.host, skew, limit)
    relied = {"host": copy.protection.host, **limits_s(case, "clock_skew_max")}
    return Answer(PASSED, told, relied, reading.raw, copy.expiry())
