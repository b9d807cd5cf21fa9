"""A tool says that all is well when it looked at nothing."""

from datetime import timedelta

import pytest

from gate.checks import backup_counted, backup_verified
from gate.evidence import Counts, Coverage, Verification
from gate.finding import Finding, Outcome
from tests.cases import DIGEST, case, evidence, verification

BEFORE = timedelta(days=1)


def answer(*reads: Verification) -> Finding:
    return backup_counted.check(case(evidence(verifications=reads)))


@pytest.mark.parametrize(
    ("counts", "outcome", "said"),
    [
        (Counts("packs", 100, 100), Outcome.PASSED, "all 100 packs"),
        (Counts("packs", 0, 0), Outcome.FAILED, "found no packs"),
        (Counts("packs", 100, 99), Outcome.FAILED, "99 are well"),
        (Counts("packs", 100, 100, missing=1), Outcome.FAILED, "1 missing"),
        (Counts("packs", 100, 100, damaged=1), Outcome.FAILED, "1 damaged"),
        (None, Outcome.UNKNOWN, "counted nothing"),
    ],
)
def test_something_all_of_it_and_all_of_it_well(counts: Counts | None, outcome: Outcome, said: str) -> None:
    finding = answer(verification(counts=counts))
    assert finding.outcome is outcome
    assert said in finding.because


@pytest.mark.parametrize("seen", [(), ("20261121T010000Z",)])
def test_a_read_that_did_not_see_the_backup_relied_on_is_none(seen: tuple[str, ...]) -> None:
    """Scenario 5: the directory was removed, the catalogue still lists it, the tool says that all is well."""
    finding = answer(verification(seen=seen))
    assert finding.outcome is Outcome.FAILED
    assert "did not see backup 20261122T100000Z" in finding.because
    assert backup_verified.check(case(evidence(verifications=(verification(seen=seen),)))).outcome is Outcome.FAILED


@pytest.mark.parametrize(("now", "outcome"), [(95, Outcome.PASSED), (94, Outcome.FAILED), (200, Outcome.PASSED)])
def test_no_more_than_five_percent_fewer_than_the_last_good_read(now: int, outcome: Outcome) -> None:
    older = verification(BEFORE, backup="older", counts=Counts("packs", 100, 100))
    assert answer(older, verification(counts=Counts("packs", now, now))).outcome is outcome


def test_five_percent_is_counted_to_the_object_and_the_number_before_is_told() -> None:
    older = verification(BEFORE, backup="older", counts=Counts("packs", 10_000, 10_000))
    assert answer(older, verification(counts=Counts("packs", 9500, 9500))).outcome is Outcome.PASSED
    found = answer(older, verification(counts=Counts("packs", 9499, 9499)))
    assert found.outcome is Outcome.FAILED
    assert "counted 9499 packs, the one before 10000" in found.because
    assert ", 10000 before" in answer(older, verification(counts=Counts("packs", 9500, 9500))).because
    assert "before" not in answer(verification(counts=Counts("packs", 1, 1))).because


@pytest.mark.parametrize(
    "older",
    [
        verification(BEFORE, counts=Counts("chunks", 1000, 1000)),
        verification(BEFORE, counts=Counts("packs", 1000, 990), passed=False),
        verification(BEFORE, counts=None),
        verification(BEFORE, counts=Counts("packs", 1000, 1000), coverage=Coverage(1, 7, DIGEST)),
        verification(BEFORE, counts=Counts("packs", 1000, 1000), place="elsewhere"),
        verification(BEFORE, counts=Counts("packs", 1000, 1000), protection="offsite"),
        verification(timedelta(minutes=1), backup="newer", counts=Counts("packs", 1000, 1000)),
    ],
    ids=["other unit", "a bad read", "no count", "another share", "another place", "another copy", "later"],
)
def test_only_an_earlier_good_read_of_the_same_is_compared(older: Verification) -> None:
    assert answer(older, verification(counts=Counts("packs", 10, 10))).outcome is Outcome.PASSED


def test_the_last_read_before_counts_and_not_the_largest() -> None:
    reads = (
        verification(BEFORE * 3, counts=Counts("packs", 1000, 1000)),
        verification(BEFORE, counts=Counts("packs", 100, 100)),
    )
    assert answer(*reads, verification(counts=Counts("packs", 96, 96))).outcome is Outcome.PASSED
    assert answer(*reads[::-1], verification(counts=Counts("packs", 94, 94))).outcome is Outcome.FAILED
