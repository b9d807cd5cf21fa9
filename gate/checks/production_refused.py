"""Can production itself destroy the backup?"""

from datetime import timedelta
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import AccessTest
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.production import Trial, trials
from gate.sentence import span

CHECK = Check(
    name="production-refused",
    question="Is production's own credential refused by the backup system?",
    meaning="Whoever can log in to production must not reach the copies: one stolen account would take both.",
    way_out="Take production's account or key off the backup system, then check the change again.",
    threshold="policy.sentinel_max_age, 24 h, since it was tried; an answer that is no refusal is unknown, and so is "
    "the trial of another account, host or bucket than the inventory names now",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-05",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the last attempt with production's credential against each backup system relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one attempt."""
    test = case.evidence.access.get(copy.id)
    if test is None:
        return Answer(UNKNOWN, f"nobody tried production's credential against {copy.id}")
    age, limit = case.now - test.at, case.policy.sentinel_max_age
    named = trials(copy.protection, case.inventory)
    trial = next((one for one in named if one.made(test.actor)), None)
    if test.refused is False:
        because = f"{test.actor} was let in by the backup system of {copy.id}: {test.answer}"
        return Answer(FAILED, because, evidence=test.raw)
    if test.refused is None or age < timedelta(0):
        because = test.answer if test.refused is None else "the attempt lies in the future"
        return Answer(UNKNOWN, f"{copy.id}: {because}", evidence=test.raw)
    if trial is None:
        now = " or ".join(one.words for one in named) or "no credential of production at all"
        because = f"{copy.id}: what was tried is {test.actor}, and the inventory names {now}"
        return Answer(UNKNOWN, because, evidence=test.raw)
    if age > limit:
        because = f"production's credential was last tried {span(age)} ago, limit {span(limit)}"
        return Answer(FAILED, because, evidence=test.raw)
    return partial(_passed, case, copy, trial, test, age, limit)


def _passed(case: Case, copy: Copy, trial: Trial, test: AccessTest, age: timedelta, limit: timedelta) -> Answer:
    relied = {"protection": copy.id, "actor": trial.actor, **limits_s(case, "sentinel_max_age")}
    told = ("{} is refused by the backup system of {}, tried {} ago", trial.actor, copy.id, age)
    return Answer(PASSED, told, relied, test.raw, test.at + limit)
