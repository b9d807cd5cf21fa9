"""Only trying shows whether a lock holds: one attempt that went through refuses, one that was not made is unknown."""

from datetime import timedelta

import pytest

from gate.checks import sentinel_refused
from gate.evidence import Attempt, Immutability
from gate.finding import Finding, Outcome
from gate.immutability import ACTIONS
from tests.cases import NOON, SECOND, case, evidence, immutability, policy

LIMIT = policy().sentinel_max_age


def answer(record: Immutability) -> Finding:
    return sentinel_refused.check(case(evidence(immutability={"offsite": record})))


def attempts(**refused: bool | None) -> tuple[Attempt, ...]:
    return tuple(Attempt(action, refused.get(action, True), "403") for action in ACTIONS)


def test_all_four_refused_today_pass() -> None:
    found = answer(immutability(at=NOON - LIMIT))
    assert found.outcome is Outcome.PASSED
    assert "all 4 attempts on the sentinel beside offsite were refused 1 d ago" in found.because
    assert found.valid_until == NOON
    assert found.relied_on["sidekick"] == {"copy": "offsite", "sentinel_max_age_s": 86400}


@pytest.mark.parametrize("action", ACTIONS)
def test_one_that_went_through_refuses_and_one_that_is_not_known_is_unknown(action: str) -> None:
    gave_way = answer(immutability(attempts=attempts(**{action: False})))
    assert gave_way.outcome is Outcome.FAILED
    assert f"was not safe from {action} (403)" in gave_way.because
    unclear = answer(immutability(attempts=attempts(**{action: None})))
    assert unclear.outcome is Outcome.UNKNOWN
    assert f"not known whether {action} is refused" in unclear.because
    unmade = answer(immutability(attempts=tuple(one for one in attempts() if one.action != action)))
    assert (unmade.outcome, unmade.because) == (Outcome.UNKNOWN, unclear.because)


@pytest.mark.parametrize("at", [NOON - LIMIT - SECOND, NOON + timedelta(seconds=1)])
def test_a_trial_of_long_ago_or_of_tomorrow_says_nothing(at: object) -> None:
    assert answer(immutability(at=at)).outcome is Outcome.UNKNOWN


def test_without_a_copy_that_is_held_nothing_was_refused() -> None:
    assert sentinel_refused.check(case(evidence(immutability={}))).outcome is Outcome.UNKNOWN
