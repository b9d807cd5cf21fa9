"""Whoever can log in to production must not reach the copies."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import production_refused
from gate.finding import Outcome
from tests.cases import NOON, SECOND, access, case, evidence, policy

LIMIT = policy().sentinel_max_age


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, Outcome.PASSED),
        ({"refused": False}, Outcome.FAILED),
        ({"refused": None}, Outcome.UNKNOWN),
        ({"at": NOON - LIMIT}, Outcome.PASSED),
        ({"at": NOON}, Outcome.PASSED),
        ({"at": NOON - LIMIT - SECOND}, Outcome.FAILED),
        ({"at": NOON + SECOND}, Outcome.UNKNOWN),
        ({"refused": False, "at": NOON - timedelta(days=9)}, Outcome.FAILED),
    ],
)
def test_only_a_refusal_of_today_passes(fields: dict[str, Any], outcome: Outcome) -> None:
    finding = production_refused.check(case(evidence(access={"nightly": access("nightly", **fields)})))
    assert finding.outcome is outcome
    assert ("lies in the future" in finding.because) is (fields.get("at") == NOON + SECOND)


def test_a_credential_that_nobody_tried_is_not_known_to_be_refused() -> None:
    assert production_refused.check(case(evidence(access={"offsite": access("offsite")}))).outcome is Outcome.UNKNOWN
