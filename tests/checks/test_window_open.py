"""The first step of a stage runs inside the window: from its opening up to but not at its closing."""

from datetime import timedelta

import pytest

from gate.checks import window_open
from gate.finding import Outcome
from tests.cases import NOON, SECOND, case

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("now", "outcome", "because"),
    [
        (NOON - HOUR - SECOND, Outcome.FAILED, "the window opens in 1 s, at 2026-11-22T11:00Z"),
        (NOON - HOUR, Outcome.PASSED, "the window is open for another 2 h"),
        (NOON + HOUR - SECOND, Outcome.PASSED, "the window is open for another 1 s"),
        (NOON + HOUR, Outcome.FAILED, "the window closed 0 s ago, at 2026-11-22T13:00Z"),
        (NOON + HOUR + SECOND, Outcome.FAILED, "the window closed 1 s ago, at 2026-11-22T13:00Z"),
    ],
)
def test_the_opening_moment_is_inside_and_the_closing_one_outside(now: object, outcome: Outcome, because: str) -> None:
    finding = window_open.check(case(now=now))
    assert (finding.outcome, finding.because) == (outcome, because)
