"""What was written after the recovery point is gone for good."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import recovery_point_recent
from gate.evidence import Log
from gate.finding import Finding, Outcome
from tests.cases import NOON, SECOND, backups, case, dataset, evidence, fleet, run

HOUR = timedelta(hours=1)


def answer(rpo: str | None = "24h", **fields: Any) -> Finding:
    told = evidence(backups={"nightly": backups(runs=(run(**fields),))})
    return recovery_point_recent.check(case(told, inventory=fleet(datasets=(dataset(rpo=rpo),))))


@pytest.mark.parametrize(
    ("rpo", "age", "outcome"),
    [
        ("2h", HOUR * 2, Outcome.PASSED),
        ("2h", HOUR * 2 + SECOND, Outcome.FAILED),
        ("1m", timedelta(minutes=15), Outcome.PASSED),
        ("1m", timedelta(minutes=15) + SECOND, Outcome.FAILED),
        ("2h", timedelta(seconds=-60), Outcome.PASSED),
        ("2h", timedelta(seconds=-61), Outcome.UNKNOWN),
    ],
)
def test_as_much_as_the_objective_may_be_lost_and_never_less_than_the_floor(
    rpo: str, age: timedelta, outcome: Outcome
) -> None:
    assert answer(rpo, recovery_point_at=NOON - age, log=Log.COMPLETE).outcome is outcome


def test_a_copy_without_a_log_brings_back_what_was_there_when_it_began() -> None:
    began = NOON - HOUR * 3
    assert answer("2h", started_at=began).outcome is Outcome.FAILED
    assert answer("3h", started_at=began).outcome is Outcome.PASSED
    assert answer("3h", started_at=began).valid_until is not None


@pytest.mark.parametrize("log", [Log.COMPLETE, Log.GAP, Log.UNKNOWN])
def test_where_a_log_is_needed_the_tool_must_tell_how_far_it_goes(log: Log) -> None:
    assert answer(log=log).outcome is Outcome.UNKNOWN


def test_nobody_said_how_much_may_be_lost() -> None:
    finding = answer(None)
    assert finding.outcome is Outcome.UNKNOWN
    assert "no rpo" in finding.because


def test_a_beginning_that_is_not_known_is_no_recovery_point() -> None:
    assert answer(started_at=None).outcome is Outcome.UNKNOWN


def test_it_relies_on_the_objective() -> None:
    assert answer("2h", age=HOUR).relied_on == {
        "sidekick": {"protection": "nightly", "recovery_point_floor_s": 900, "rpo_s": 7200}
    }
