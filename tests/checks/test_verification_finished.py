"""A read that was cut short has found no damage, and says nothing."""

import pytest

from gate.checks import verification_finished
from gate.finding import Outcome
from tests.cases import case, evidence, second, verification


@pytest.mark.parametrize("passed", [True, False])
def test_a_read_that_did_not_finish_is_not_known_whatever_it_says(passed: bool) -> None:
    cut = verification(complete=False, passed=passed, because="locked by PID 4711 since noon")
    finding = verification_finished.check(case(evidence(verifications=(cut, second(verification)))))
    assert finding.outcome is Outcome.UNKNOWN
    assert "locked by PID 4711" in finding.because


def test_a_read_that_finished_and_found_damage_has_finished() -> None:
    damaged = verification(passed=False, level="V1")
    assert verification_finished.check(case(evidence(verifications=(damaged,)))).outcome is Outcome.PASSED


def test_without_a_read_nothing_has_finished() -> None:
    assert verification_finished.check(case(evidence(verifications=()))).outcome is Outcome.UNKNOWN
