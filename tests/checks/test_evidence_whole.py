"""A record that was removed could be the one that said no."""

from datetime import timedelta

import pytest

from gate.checks import evidence_whole
from gate.evidence import RecordState
from gate.finding import Outcome
from tests.cases import NOON, SECOND, case, evidence, policy

LIMIT = policy().evidence_max_age


@pytest.mark.parametrize(
    ("record", "outcome", "words"),
    [
        (RecordState(NOON, 100), Outcome.PASSED, "all 100 entries hash to the signed head"),
        (RecordState(NOON - LIMIT, 100), Outcome.PASSED, "100"),
        (RecordState(NOON - LIMIT - SECOND, 100), Outcome.UNKNOWN, "old, limit"),
        (RecordState(NOON + SECOND, 100), Outcome.UNKNOWN, "future"),
        (RecordState(NOON, 100, "entry 7 does not hash to its leaf"), Outcome.FAILED, "entry 7"),
        (
            RecordState(NOON, 100, left_out=("entry 3: gone",)),
            Outcome.FAILED,
            "1 records cannot be read",
        ),
        (None, Outcome.UNKNOWN, "nobody checked"),
    ],
)
def test_every_entry_and_every_record_is_there(record: RecordState | None, outcome: Outcome, words: str) -> None:
    found = evidence_whole.check(case(evidence(record=record)))
    assert found.outcome is outcome
    assert words in found.because


def test_it_holds_as_long_as_a_reading_does() -> None:
    at = NOON - timedelta(minutes=1)
    assert evidence_whole.check(case(evidence(record=RecordState(at, 100)))).valid_until == at + LIMIT
