"""An age is the difference of two clocks."""

import pytest

from gate.checks import clocks_agree
from gate.finding import Outcome
from tests.cases import backups, case, evidence


@pytest.mark.parametrize(
    ("skew", "outcome"),
    [
        (60, Outcome.PASSED),
        (-60, Outcome.PASSED),
        (61, Outcome.FAILED),
        (-61, Outcome.FAILED),
        (None, Outcome.UNKNOWN),
    ],
)
def test_a_clock_may_be_off_by_the_limit_either_way_and_must_be_known(skew: int | None, outcome: Outcome) -> None:
    finding = clocks_agree.check(case(evidence(backups={"nightly": backups(clock_skew_s=skew)})))
    assert finding.outcome is outcome
    assert "clock" in finding.because
    assert finding.evidence


@pytest.mark.parametrize("told", [{}, {"nightly": backups(problem="unreadable")}], ids=["none", "bad"])
def test_a_clock_that_was_not_read_is_not_known(told: dict[str, object]) -> None:
    assert clocks_agree.check(case(evidence(backups=told))).outcome is Outcome.UNKNOWN


def test_it_relies_on_host_and_limit() -> None:
    relied = clocks_agree.check(case()).relied_on
    assert relied == {"sidekick": {"host": "bk-1", "clock_skew_max_s": 60}}
