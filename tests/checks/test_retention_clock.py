"""Whoever sets the clock of the store forward ends every lock."""

import pytest

from gate.checks import retention_clock
from gate.finding import Outcome
from tests.cases import case, evidence, immutability


@pytest.mark.parametrize(
    ("skew", "outcome"),
    [(0, Outcome.PASSED), (60, Outcome.PASSED), (-60, Outcome.PASSED), (61, Outcome.FAILED), (-61, Outcome.FAILED),
     (None, Outcome.UNKNOWN)],
)  # fmt: skip
def test_it_may_be_off_by_the_limit_either_way_and_must_be_known(skew: int | None, outcome: Outcome) -> None:
    found = retention_clock.check(case(evidence(immutability={"offsite": immutability(clock_skew_s=skew)})))
    assert found.outcome is outcome
    if outcome is Outcome.PASSED:
        assert found.relied_on["sidekick"] == {"copy": "offsite", "clock_skew_max_s": 60}


def test_without_a_copy_that_is_held_there_is_no_clock_to_ask() -> None:
    assert retention_clock.check(case(evidence(immutability={}))).outcome is Outcome.UNKNOWN
