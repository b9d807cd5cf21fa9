"""What was written since the last backup is lost with the array."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.checks import backup_recent
from gate.evidence import BackupReading, BackupRun
from gate.finding import Finding, Outcome
from tests.cases import NOON, SECOND, backups, case, dataset, evidence, fleet, policy, run

DAY, SKEW, LIMIT = policy().backup_max_age, policy().clock_skew_max, policy().evidence_max_age


def answer(told: BackupReading) -> Finding:
    return backup_recent.check(case(evidence(backups={"nightly": told})))


def aged(*ages: timedelta) -> tuple[BackupRun, ...]:
    return tuple(run(f"run-{number}", age) for number, age in enumerate(ages))


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (DAY, Outcome.PASSED),
        (DAY + SECOND, Outcome.FAILED),
        (timedelta(0), Outcome.PASSED),
        (-SKEW, Outcome.PASSED),
        (-SKEW - SECOND, Outcome.UNKNOWN),
    ],
)
def test_the_limit_itself_still_passes_and_one_second_more_does_not(age: timedelta, outcome: Outcome) -> None:
    finding = answer(backups(runs=aged(age)))
    assert finding.outcome is outcome
    assert "run-0" in finding.because


def test_the_newest_run_counts_wherever_it_stands_in_the_list() -> None:
    assert answer(backups(runs=aged(DAY * 3, DAY / 2, DAY * 2))).because.startswith(
        "sidekick: backup run-1 finished 12 h"
    )


def test_a_backup_in_the_future_hides_no_older_one() -> None:
    assert answer(backups(runs=aged(timedelta(hours=1), -timedelta(days=1)))).outcome is Outcome.UNKNOWN


def test_no_backup_at_all_fails() -> None:
    finding = answer(backups(runs=()))
    assert (finding.outcome, finding.because) == (Outcome.FAILED, "sidekick: nightly holds no backup at all")


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (LIMIT, Outcome.PASSED),
        (LIMIT + SECOND, Outcome.UNKNOWN),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_a_stale_or_future_list_of_backups_says_nothing(age: timedelta, outcome: Outcome) -> None:
    assert answer(backups(at=NOON - age)).outcome is outcome


def test_a_problem_of_reading_is_unknown_even_beside_good_runs() -> None:
    finding = answer(backups(problem="manifest of run 3 is not JSON"))
    assert finding.outcome is Outcome.UNKNOWN
    assert "manifest of run 3" in finding.because


def test_a_repository_nobody_read_is_unknown() -> None:
    assert backup_recent.check(case(evidence(backups={}))).because == "sidekick: the repository of nightly was not read"


def test_it_relies_on_protection_and_limits_and_on_no_id_or_age() -> None:
    assert answer(backups()).relied_on == {
        "sidekick": {"protection": "nightly", "backup_max_age_s": 86_400, "limit_s": 86_400}
    }


@pytest.mark.parametrize(
    ("rpo", "age", "outcome"),
    [
        ("12h", timedelta(hours=12), Outcome.PASSED),
        ("12h", timedelta(hours=12, seconds=1), Outcome.FAILED),
        ("48h", DAY, Outcome.PASSED),
        ("48h", DAY + SECOND, Outcome.FAILED),
        (None, DAY, Outcome.PASSED),
    ],
)
def test_a_shorter_objective_of_the_dataset_counts_and_a_longer_one_does_not(
    rpo: str | None, age: timedelta, outcome: Outcome
) -> None:
    told = evidence(backups={"nightly": backups(runs=aged(age))})
    asked = case(told, inventory=fleet(datasets=(dataset(rpo=rpo),)))
    assert backup_recent.check(asked).outcome is outcome


def test_it_holds_until_the_backup_is_too_old_or_the_reading_is() -> None:
    old = answer(backups(runs=aged(DAY - SECOND)))
    assert old.valid_until == NOON + SECOND
    fresh = answer(backups(runs=aged(timedelta(0))))
    assert fresh.valid_until == NOON + LIMIT - timedelta(minutes=1)


@pytest.mark.parametrize(("listed", "traced"), [(2, 9), (9, 2)])
def test_it_holds_no_longer_than_the_older_of_list_and_place(listed: int, traced: int) -> None:
    made, told = backups(at=NOON - timedelta(minutes=listed)), evidence()
    place = replace(told.repositories["nightly"], at=NOON - timedelta(minutes=traced))
    asked = case(replace(told, backups={"nightly": made}, repositories={"nightly": place}))
    assert backup_recent.check(asked).valid_until == NOON + LIMIT - timedelta(minutes=9)
