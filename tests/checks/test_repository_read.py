"""A part that nobody reads rots under every backup."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import repository_read
from gate.evidence import Coverage, Verification
from gate.finding import Finding, Outcome
from tests.cases import DIGEST, NOON, SECOND, case, evidence, policy, verification

LIMIT = policy().full_read_max_age


def answer(*reads: Verification) -> Finding:
    return repository_read.check(case(evidence(verifications=reads)))


def parts(since: timedelta | None, unread: int | None = 0, **fields: Any) -> Verification:
    whole = None if since is None else NOON - since
    return verification(coverage=Coverage(1, 7, DIGEST, whole_since=whole, unread=unread), **fields)


@pytest.mark.parametrize(
    ("age", "outcome"), [(timedelta(0), Outcome.PASSED), (LIMIT, Outcome.PASSED), (LIMIT + SECOND, Outcome.FAILED)]
)
def test_a_full_read_counts_for_a_month(age: timedelta, outcome: Outcome) -> None:
    assert answer(verification(age)).outcome is outcome
    assert answer(parts(age)).outcome is outcome


def test_parts_that_leave_something_out_are_told_with_how_much() -> None:
    """Scenario 8: the share that was read missed the damage; the union is reported as it is."""
    finding = answer(parts(None, 12))
    assert finding.outcome is Outcome.FAILED
    assert "12 objects were not read" in finding.because


@pytest.mark.parametrize("fields", [{"passed": False}, {"complete": False}, {"level": "V3"}])
def test_a_read_that_failed_was_cut_short_or_only_sampled_is_none(fields: dict[str, Any]) -> None:
    assert answer(verification(**fields)).outcome is Outcome.FAILED


def test_a_read_of_another_backup_says_nothing_unless_it_was_of_the_whole_repository() -> None:
    assert answer(verification(backup="other")).outcome is Outcome.UNKNOWN
    assert answer(parts(timedelta(days=3), backup="other")).outcome is Outcome.PASSED
    assert answer().outcome is Outcome.UNKNOWN
    assert answer(verification(-SECOND)).outcome is Outcome.UNKNOWN


def test_it_holds_until_the_oldest_part_is_too_old() -> None:
    assert answer(parts(LIMIT - SECOND)).valid_until == NOON + SECOND
