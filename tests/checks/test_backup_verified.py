"""Every byte of the newest backup was read where it lies now; a newer one does not inherit."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import backup_verified
from gate.evidence import BackupReading, Counts, Coverage, Verification
from gate.finding import Finding, Outcome
from tests.cases import DIGEST, NOON, SECOND, VAULT_LUN, backups, case, evidence, policy, run, trace, verification

DAY, LIMIT = policy().verification_max_age, policy().evidence_max_age


def answer(*records: Verification, **fields: object) -> Finding:
    return backup_verified.check(case(evidence(verifications=records, **fields)))


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (DAY, Outcome.PASSED),
        (DAY + SECOND, Outcome.FAILED),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_the_limit_itself_still_passes_and_one_second_more_does_not(age: timedelta, outcome: Outcome) -> None:
    finding = answer(verification(age))
    assert finding.outcome is outcome
    assert finding.evidence


def test_it_relies_on_level_and_place_and_on_no_id_or_age() -> None:
    assert answer(verification()).relied_on == {
        "sidekick": {
            "protection": "nightly",
            "level": "V4",
            "place": VAULT_LUN,
            "verification_max_age_s": 86_400,
        }
    }


def parts(whole: timedelta | None, age: timedelta = timedelta(hours=1)) -> Verification:
    """A read of one part; the oldest of the parts that make a whole is as old as said."""
    since = None if whole is None else NOON - whole
    return verification(age, coverage=Coverage(1, 7, DIGEST, whole_since=since, unread=0))


MONTH = policy().full_read_max_age


@pytest.mark.parametrize(
    ("size", "record", "outcome"),
    [
        (10**13, parts(MONTH), Outcome.PASSED),
        (10**13, parts(MONTH + SECOND), Outcome.FAILED),
        (10**13, parts(MONTH, DAY + SECOND), Outcome.FAILED),
        (10**13, parts(None), Outcome.FAILED),
        (10**13 - 1, parts(DAY), Outcome.PASSED),
        (10**13 - 1, parts(DAY + SECOND), Outcome.FAILED),
    ],
)
def test_only_a_large_backup_may_be_read_in_parts_within_a_month(
    size: int, record: Verification, outcome: Outcome
) -> None:
    told = evidence(verifications=(record,), backups={"nightly": backups(runs=(run(size=size),))})
    found: Any = backup_verified.check(case(told, policy=policy(large_backup=10**13)))
    assert found.outcome is outcome
    if outcome is Outcome.PASSED:
        assert ("large_backup" in found.relied_on["sidekick"]) is (size == 10**13)


def test_a_newer_backup_does_not_inherit() -> None:
    runs = (run(), run("20261122T110000Z", timedelta(hours=1)))
    finding = answer(verification(), backups={"nightly": backups(runs=runs)})
    assert finding.outcome is Outcome.UNKNOWN
    assert "20261122T110000Z was never read in full" in finding.because


@pytest.mark.parametrize(
    "record",
    [
        verification(protection="weekly"),
        verification(backup="20261121T100000Z"),
        verification(place="6005"),
    ],
)
def test_a_verification_of_another_protection_backup_or_place_does_not_count(record: Verification) -> None:
    assert answer(record).outcome is Outcome.UNKNOWN


def test_the_newest_verification_counts_and_an_older_pass_does_not_outvote_it() -> None:
    good, bad = (
        verification(timedelta(hours=2)),
        verification(timedelta(hours=1), passed=False, because="3 bytes differ"),
    )
    for records in ((good, bad), (bad, good)):
        finding = answer(*records)
        assert finding.outcome is Outcome.FAILED
        assert "3 bytes differ" in finding.because
    assert (
        answer(verification(timedelta(hours=2), passed=False), verification(timedelta(hours=1))).outcome
        is Outcome.PASSED
    )


def test_of_two_verifications_of_the_same_moment_the_failed_one_counts() -> None:
    for records in ((verification(), verification(passed=False)), (verification(passed=False), verification())):
        assert answer(*records).outcome is Outcome.FAILED


@pytest.mark.parametrize("level", ["V3", "V5", "v4", ""])
def test_no_other_level_than_v4_counts(level: str) -> None:
    finding = answer(verification(level=level))
    assert finding.outcome is Outcome.FAILED
    assert "V4 is needed" in finding.because


def test_an_empty_backup_is_read_in_full_and_worth_nothing() -> None:
    for size, outcome in ((0, Outcome.FAILED), (1, Outcome.PASSED)):
        told = backups(runs=(run(size=size),))
        assert answer(verification(), backups={"nightly": told}).outcome is outcome


@pytest.mark.parametrize(
    "told",
    [{}, {"nightly": backups(problem="unreadable")}, {"nightly": backups(runs=())}],
    ids=["none", "bad", "empty"],
)
def test_without_a_list_of_backups_nothing_passes(told: dict[str, BackupReading]) -> None:
    finding = answer(verification(), backups=told)
    assert finding.outcome is (Outcome.FAILED if told and not told["nightly"].problem else Outcome.UNKNOWN)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"nightly": trace("vault-1", VAULT_LUN, problem="not mounted")},
        {"nightly": trace("vault-1", VAULT_LUN, leaves=())},
    ],
    ids=["none", "problem", "no lun"],
)
def test_without_knowing_where_the_repository_lies_nothing_is_known(told: dict[str, object]) -> None:
    finding = answer(verification(), repositories=told)
    assert finding.outcome is Outcome.UNKNOWN
    assert "where the repository lies" in finding.because


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (LIMIT, Outcome.PASSED),
        (LIMIT + SECOND, Outcome.UNKNOWN),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_list_and_place_are_fresh_up_to_the_limit_itself(age: timedelta, outcome: Outcome) -> None:
    at = NOON - age
    assert answer(verification(), backups={"nightly": backups(at=at)}).outcome is outcome
    assert answer(verification(), repositories={"nightly": trace("vault-1", VAULT_LUN, at=at)}).outcome is outcome


BROKEN = Counts("files", 1, 0, damaged=1)


def spoilt(age: timedelta, **fields: Any) -> Verification:
    return verification(
        age, **{"level": "V1", "passed": False, "because": "it reads otherwise", "counts": BROKEN, **fields}
    )


HOUR = timedelta(hours=1)


@pytest.mark.parametrize("counts", [BROKEN, Counts("files", 1, 0, missing=1)])
def test_a_backup_that_read_as_damaged_is_not_asked_until_it_reads_well(counts: Counts) -> None:
    finding = answer(spoilt(DAY, counts=counts), verification(2 * HOUR), verification())
    assert finding.outcome is Outcome.FAILED
    assert finding.because == (
        "sidekick: backup 20261122T100000Z gave two answers about the same bytes: a read 1 d ago found damage "
        "(it reads otherwise), and none was found since"
    )


@pytest.mark.parametrize(
    "before",
    [
        spoilt(DAY + SECOND),
        spoilt(2 * HOUR, backup="20261121T100000Z"),
        spoilt(2 * HOUR, complete=False),
        spoilt(2 * HOUR, counts=None),
        spoilt(2 * HOUR, counts=Counts("files", 1, 1)),
        spoilt(2 * HOUR, place="elsewhere"),
        verification(2 * HOUR, counts=BROKEN),
    ],
    ids=["long ago", "another backup", "cut short", "nothing counted", "none damaged", "elsewhere", "it passed"],
)
def test_what_was_no_damage_of_these_very_bytes_does_not_stand_against_them(before: Verification) -> None:
    assert answer(before, verification()).outcome is Outcome.PASSED
