"""Can production itself destroy the backup?"""

from datetime import timedelta

from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="production-refused",
    question="Is production's own credential refused by the backup system?",
    meaning="Whoever can log in to production must not reach the copies: one stolen account would take both.",
    way_out="Take production's account or key off the backup system, then check the change again.",
    threshold="policy.sentinel_max_age, 24 h, since it was tried; an answer that is no refusal is unknown",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-05",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the last attempt with production's credential against each backup system relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one attempt."""
    test = case.evidence.access.get(protection.id)
    if test is None:
        return Answer(Outcome.UNKNOWN, f"nobody tried production's credential against {protection.id}")
    age, limit = case.now - test.at, case.policy.sentinel_max_age
    if test.refused is False:
        because = f"{test.actor} was let in by the backup system of {protection.id}: {test.answer}"
        return Answer(Outcome.FAILED, because, evidence=test.raw)
    if test.refused is None or age < timedelta(0):
        because = test.answer if test.refused is None else "the attempt lies in the future"
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {because}", evidence=test.raw)
    if age > limit:
        because = f"production's credential was last tried {span(age)} ago, limit {span(limit)}"
        return Answer(Outcome.FAILED, because, evidence=test.raw)
    relied = {"protection": protection.id, "actor": test.actor, **limits_s(case, "sentinel_max_age")}
    because = f"{test.actor} is refused by the backup system of {protection.id}, tried {span(age)} ago"
    return Answer(Outcome.PASSED, because, {**relied}, test.raw, test.at + limit)
