"""The object whose lock ends first must stay locked until the change is long over."""

from datetime import timedelta

import pytest

from gate.checks import retention_long
from gate.evidence import Immutability
from gate.finding import Finding, Outcome
from tests.cases import SECOND, case, evidence, immutability, policy, request

MARGIN = policy().retention_margin
NEEDED = request().window.closes + MARGIN


def answer(record: Immutability) -> Finding:
    return retention_long.check(case(evidence(immutability={"offsite": record})))


@pytest.mark.parametrize(
    ("until", "outcome"),
    [(NEEDED, Outcome.PASSED), (NEEDED - SECOND, Outcome.FAILED), (None, Outcome.UNKNOWN)],
)
def test_it_reaches_the_margin_after_the_window(until: object, outcome: Outcome) -> None:
    assert answer(immutability(retained_until=until)).outcome is outcome


def test_it_names_both_moments_and_relies_on_copy_and_margin() -> None:
    found = answer(immutability(retained_until=NEEDED + timedelta(days=1)))
    assert "locked until 2026-12-07T13:00Z, needed 2026-12-06T13:00Z" in found.because
    assert found.relied_on["sidekick"] == {"copy": "offsite", "retention_margin_s": int(MARGIN.total_seconds())}
    assert found.valid_until == NEEDED + timedelta(days=1) - MARGIN


def test_without_a_copy_that_is_held_nothing_is_locked() -> None:
    assert retention_long.check(case(evidence(immutability={}))).outcome is Outcome.UNKNOWN
