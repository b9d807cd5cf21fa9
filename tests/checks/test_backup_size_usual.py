"""A backup that suddenly halves or doubles is whole by every count and may yet hold the wrong thing."""

from datetime import timedelta

import pytest

from gate.checks import backup_size_usual
from gate.evidence import BackupRun
from gate.finding import Finding, Outcome
from tests.cases import backups, case, evidence, run


def runs(newest: int, *older: int, kind: str = "full") -> tuple[BackupRun, ...]:
    made = [run("newest", timedelta(hours=1), newest)]
    made += [run(f"old-{at}", timedelta(days=at), size, kind=kind) for at, size in enumerate(older, start=1)]
    return tuple(made)


def answer(told: tuple[BackupRun, ...]) -> Finding:
    return backup_size_usual.check(case(evidence(backups={"nightly": backups(runs=told)})))


@pytest.mark.parametrize(
    ("size", "outcome"),
    [(80, Outcome.PASSED), (79, Outcome.FAILED), (200, Outcome.PASSED), (201, Outcome.FAILED), (100, Outcome.PASSED)],
)
def test_twenty_percent_less_and_twice_as_much_still_pass(size: int, outcome: Outcome) -> None:
    finding = answer(runs(size, 100, 100, 100))
    assert finding.outcome is outcome
    assert f"{size} bytes, the usual is 100" in finding.because


def test_the_median_of_the_seven_before_counts() -> None:
    assert answer(runs(100, 100, 100, 100, 100, 1, 1, 1)).outcome is Outcome.PASSED
    assert answer(runs(100, 1, 1, 1, 1, 100, 100, 100)).outcome is Outcome.FAILED
    assert answer(runs(100, 100, 100, 100, 100, 1, 1, 1, 1, 1)).outcome is Outcome.PASSED


def test_runs_of_another_kind_are_not_compared_and_without_any_it_is_not_known() -> None:
    assert answer(runs(100)).outcome is Outcome.UNKNOWN
    assert answer(runs(100, 1, 1, kind="incr")).outcome is Outcome.UNKNOWN
