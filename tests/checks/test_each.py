"""Asking each copy, and telling of it later: what was counted as passed must say so when it is told."""

from functools import partial

import pytest

from gate.checks import backup_isolated, backup_recent
from gate.checks.answer import Answer, Asked, tell
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import joined, kept, over_datasets
from gate.finding import FAILED, PASSED, UNKNOWN
from tests.cases import NOON, SECOND, case

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


def test_a_copy_is_asked_once_and_what_it_passed_is_told_anew() -> None:
    asked = case()
    times: list[str] = []

    @kept
    def ask(_: Case, copy: Copy) -> Asked:
        times.append(copy.id)
        return partial(tell, WELL) if len(times) < 9 else Answer(FAILED, "asked too often")

    assert over_datasets(asked, CHECK, ask).outcome is PASSED
    assert over_datasets(asked, CHECK, ask).outcome is PASSED
    assert times == ["nightly"]
    assert over_datasets(asked, CHECK, ask).because == "sidekick: one is well"


def test_a_refusal_is_kept_as_it_is() -> None:
    asked = case()
    times: list[str] = []

    @kept
    def ask(_: Case, copy: Copy) -> Asked:
        times.append(copy.id)
        return Answer(UNKNOWN, "nobody knows")

    findings = [over_datasets(asked, CHECK, ask) for _ in range(2)]
    assert findings[0] == findings[1]
    assert (findings[0].outcome, times) == (UNKNOWN, ["nightly"])


def test_what_is_kept_of_a_copy_does_not_keep_the_copy() -> None:
    asked = case()
    backup_isolated.check(asked)
    first = asked.copies_of(asked.inventory.datasets[0])[0]
    assert [*first.answers.values()] == [None]
