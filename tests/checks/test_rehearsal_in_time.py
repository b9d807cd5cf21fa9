"""A restore that takes longer than anybody can wait is no way back."""

from typing import Any

import pytest

from gate.checks import rehearsal_in_time
from gate.finding import Finding, Outcome, Weight, When
from gate.policy import Seat
from gate.verdict import decide
from tests.cases import case, dataset, evidence, fleet, rehearsal


def answer(rto: str | None = "100s", **fields: Any) -> Finding:
    asked = case(evidence(rehearsals=(rehearsal(**fields),)), inventory=fleet(datasets=(dataset(rto=rto),)))
    return rehearsal_in_time.check(asked)


@pytest.mark.parametrize(
    ("restore", "recovery", "outcome", "weight"),
    [
        (70, 10, Outcome.PASSED, None),
        (70, 11, Outcome.FAILED, Weight.SIGN),
        (90, 10, Outcome.FAILED, Weight.SIGN),
        (90, 11, Outcome.FAILED, None),
        (0, 101, Outcome.FAILED, None),
    ],
)
def test_past_the_objective_refuses_and_near_it_the_data_owner_signs(
    restore: int, recovery: int, outcome: Outcome, weight: Weight | None
) -> None:
    finding = answer(restore_s=restore, recovery_s=recovery)
    assert (finding.outcome, finding.weight) == (outcome, weight)
    decided = decide((rehearsal_in_time.CHECK,), (finding,), When.APPROVE)
    assert decided.opens is (outcome is Outcome.PASSED or weight is Weight.SIGN)
    assert decided.to_sign == ({Seat.DATA_OWNER: ("rehearsal-in-time",)} if weight else {})


@pytest.mark.parametrize("fields", [{"restore_s": None}, {"recovery_s": None}, {"passed": False}])
def test_a_time_that_was_not_measured_is_not_known(fields: dict[str, Any]) -> None:
    assert answer(**fields).outcome is Outcome.UNKNOWN


def test_nobody_said_how_long_it_may_take() -> None:
    assert answer(None).outcome is Outcome.UNKNOWN
    assert "no rto" in answer(None).because
