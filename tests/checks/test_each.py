"""Asking each copy, and telling of it later: what was counted as passed must say so when it is told."""

from functools import partial

import pytest

from gate.checks import backup_recent
from gate.checks.answer import Answer, tell
from gate.checks.each import joined
from gate.finding import FAILED, PASSED, UNKNOWN
from tests.cases import NOON, SECOND

CHECK = backup_recent.CHECK
WELL = Answer(PASSED, ("{} is well", "one"), {"level": "V4"}, ("sha256:a",), NOON + SECOND)


def test_what_passed_is_told_only_when_somebody_asks_and_all_of_it_once() -> None:
    told: list[str] = []

    def well() -> Answer:
        told.append("one")
        return WELL

    finding = joined(CHECK, {"one": partial(well), "two": WELL})
    assert (finding.outcome, told) == (PASSED, [])
    assert finding.because == "one: one is well; two: one is well"
    assert finding.relied_on == {"one": {"level": "V4"}, "two": {"level": "V4"}}
    assert (finding.evidence, finding.valid_until, told) == (("sha256:a",), NOON + SECOND, ["one"])
    assert finding == joined(CHECK, {"one": WELL, "two": WELL})


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_what_was_counted_as_passed_and_tells_otherwise_stumbles(outcome: str) -> None:
    otherwise = Answer(FAILED if outcome == "failed" else UNKNOWN, "it is not")
    finding = joined(CHECK, {"one": partial(tell, otherwise)})
    with pytest.raises(ValueError, match="one was counted as passed"):
        finding.told()


def test_nothing_asked_is_not_known() -> None:
    assert joined(CHECK, {}).outcome is UNKNOWN


def test_one_that_did_not_pass_is_the_answer_whatever_the_others_say() -> None:
    finding = joined(CHECK, {"one": partial(tell, WELL), "two": Answer(FAILED, "it is old")})
    assert (finding.outcome, finding.valid_until) == (FAILED, None)
    assert finding.relied_on["two"] == {"outcome": "failed"}
