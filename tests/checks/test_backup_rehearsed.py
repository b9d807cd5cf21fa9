"""Only a restore that was opened and compared shows that a backup brings the data back."""

from datetime import timedelta

import pytest

from gate.checks import backup_rehearsed
from gate.evidence import Rehearsal, TableDigest
from gate.finding import Finding, Outcome
from tests.cases import (
    DIGEST,
    NOON,
    SECOND,
    TABLES,
    VAULT_LUN,
    case,
    dataset,
    evidence,
    fleet,
    policy,
    rehearsal,
    trace,
)

WEEK, LIMIT = policy().rehearsal_max_age, policy().evidence_max_age


def answer(*records: Rehearsal, **fields: object) -> Finding:
    return backup_rehearsed.check(case(evidence(rehearsals=records, **fields)))


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (WEEK, Outcome.PASSED),
        (WEEK + SECOND, Outcome.FAILED),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_the_limit_itself_still_passes_and_one_second_more_does_not(age: timedelta, outcome: Outcome) -> None:
    finding = answer(rehearsal(age))
    assert finding.outcome is outcome
    assert finding.evidence


@pytest.mark.parametrize(
    ("tier1", "age", "outcome"),
    [
        ("24h", timedelta(hours=24), Outcome.PASSED),
        ("24h", timedelta(hours=24) + SECOND, Outcome.FAILED),
        ("14d", WEEK, Outcome.PASSED),
        ("14d", WEEK + SECOND, Outcome.FAILED),
    ],
)
def test_for_data_of_tier_1_the_shorter_limit_counts(tier1: str, age: timedelta, outcome: Outcome) -> None:
    first = fleet(datasets=(dataset(tier=1),))
    asked = case(evidence(rehearsals=(rehearsal(age),)), inventory=first, policy=policy(tier1_rehearsal_max_age=tier1))
    assert backup_rehearsed.check(asked).outcome is outcome


def test_it_relies_on_level_and_place_and_on_no_id_or_age() -> None:
    finding = answer(rehearsal())
    assert finding.relied_on == {
        "sidekick": {
            "protection": "nightly",
            "level": "V6",
            "place": VAULT_LUN,
            "rehearsal_max_age_s": 604_800,
        }
    }
    assert "20261121T010000Z was restored and compared 1 d ago in 12 s, limit 7 d" in finding.because


def test_no_rehearsal_ever_fails() -> None:
    finding = answer()
    assert finding.outcome is Outcome.FAILED
    assert "no restore from the repository of nightly was ever rehearsed" in finding.because


@pytest.mark.parametrize("record", [rehearsal(protection="weekly"), rehearsal(place="6005")])
def test_a_rehearsal_of_another_protection_or_place_does_not_count(record: Rehearsal) -> None:
    assert answer(record).outcome is Outcome.FAILED


def test_the_newest_rehearsal_counts_and_an_older_pass_does_not_outvote_it() -> None:
    good = rehearsal(timedelta(days=2))
    bad = rehearsal(timedelta(days=1), passed=False, because="notes has other content")
    for records in ((good, bad), (bad, good)):
        finding = answer(*records)
        assert finding.outcome is Outcome.FAILED
        assert "notes has other content" in finding.because
    assert answer(rehearsal(timedelta(days=2), passed=False), rehearsal(timedelta(days=1))).outcome is Outcome.PASSED


def test_of_two_rehearsals_of_the_same_moment_the_failed_one_counts() -> None:
    for records in ((rehearsal(), rehearsal(passed=False)), (rehearsal(passed=False), rehearsal())):
        assert answer(*records).outcome is Outcome.FAILED


@pytest.mark.parametrize("level", ["V5", "V4", "V0", "V8", ""])
def test_no_lower_level_than_v6_counts(level: str) -> None:
    finding = answer(rehearsal(level=level))
    assert finding.outcome is Outcome.FAILED
    assert "V6 is needed" in finding.because


def test_a_table_that_was_not_compared_fails_also_when_it_joined_the_inventory_later() -> None:
    inventory = fleet(datasets=(dataset(tables=(*TABLES, "scores")),))
    finding = backup_rehearsed.check(case(evidence(), inventory=inventory))
    assert finding.outcome is Outcome.FAILED
    assert "did not compare scores" in finding.because


def test_a_comparison_with_nothing_is_no_comparison() -> None:
    assert "did not compare with any reference" in answer(rehearsal(reference_at=None)).because
    assert "did not compare contacts, notes" in answer(rehearsal(tables=())).because


def test_tables_without_a_single_row_compare_nothing() -> None:
    empty = tuple(TableDigest(name, 0, DIGEST) for name in TABLES)
    finding = answer(rehearsal(tables=empty))
    assert finding.outcome is Outcome.FAILED
    assert "did not compare a single row" in finding.because
    assert answer(rehearsal(tables=(empty[0], TableDigest("notes", 1, DIGEST)))).outcome is Outcome.PASSED


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
    finding = answer(rehearsal(), repositories=told)
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
def test_the_place_is_fresh_up_to_the_limit_itself(age: timedelta, outcome: Outcome) -> None:
    told = {"nightly": trace("vault-1", VAULT_LUN, at=NOON - age)}
    assert answer(rehearsal(), repositories=told).outcome is outcome
