"""What the vendor's own look says: nothing against it, something by name, not known, or nobody to ask."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.checks.vendor_precheck import check
from gate.finding import Outcome, Weight
from gate.step import Step
from tests.cases import NOON, case, evidence, plan, prechecked, step

VALIDATE = Step("validation", "Validate.", False, "validate 8.7.0.4", "validation", expect=(("errors", ("0",)),))
FETCH = replace(step("fetch", mutates=True), again="safe")
APPLY, VERIFY = plan().forward


def said(**fields: Any) -> dict[str, Any]:
    """Evidence in which the canary's look says something else."""
    return {"prechecks": {"east-1": prechecked("east-1"), "east-2": prechecked("east-2", **fields)}}


@pytest.mark.parametrize(
    ("fields", "outcome", "words"),
    [
        ({"found": ('test-utility: errors is "2", not "0"',)}, Outcome.FAILED, "east-2: test-utility: errors is"),
        ({"found": ("a",), "unknown": ("b",)}, Outcome.FAILED, "east-2: a"),
        ({"unknown": ("test-utility: command not found",)}, Outcome.UNKNOWN, "command not found"),
        ({"version": "8.6.0.9"}, Outcome.UNKNOWN, "it was asked for version 8.6.0.9"),
        ({"at": NOON - timedelta(hours=2)}, Outcome.UNKNOWN, "old"),
        ({"at": NOON + timedelta(minutes=1)}, Outcome.UNKNOWN, "future"),
        ({"held": ()}, Outcome.UNKNOWN, "it asked nothing"),
        ({"offered": False}, Outcome.UNKNOWN, "no precheck that can be asked"),
    ],
)
def test_what_is_held_against_it_is_named_and_what_is_not_known_is_no_yes(
    fields: dict[str, Any], outcome: Outcome, words: str
) -> None:
    finding = check(case(evidence(**said(**fields))))
    assert finding.outcome is outcome
    assert words in finding.because
    assert finding.weight is None


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({}, "2 arrays: test-utility: errors 0"),
        ({"held": ("other: none",)}, "2 arrays: test-utility: errors 0, other: none"),
        ({"staged": (VALIDATE,)}, '"validate 8.7.0.4" once the image is on the array'),
    ],
)
def test_where_nothing_is_held_against_it_what_each_array_said_is_told(fields: dict[str, Any], because: str) -> None:
    forward = (FETCH, VALIDATE, APPLY, VERIFY)
    finding = check(case(evidence(**said(**fields)), plan=plan(forward=forward)))
    assert finding.outcome is Outcome.PASSED
    assert because in finding.because


def test_what_asks_only_with_the_image_there_has_found_nothing_before() -> None:
    asked = {name: prechecked(name, held=(), staged=(VALIDATE,)) for name in ("east-1", "east-2")}
    finding = check(case(evidence(prechecks=asked), plan=plan(forward=(FETCH, VALIDATE, APPLY, VERIFY))))
    assert finding.because.startswith("2 arrays: it holds nothing against it; the plan asks")


def test_a_target_that_was_not_asked_is_unknown() -> None:
    finding = check(case(evidence(prechecks={"east-2": prechecked("east-2")})))
    assert (finding.outcome, finding.because) == (Outcome.UNKNOWN, "east-1: it was not asked")


def test_the_way_out_of_what_cannot_be_asked_is_that_of_its_playbook() -> None:
    assert check(case(evidence(**said(unknown=("x",))))).way_out == "Put the utility on the array."


def test_where_the_vendor_offers_none_storage_signs_and_only_there() -> None:
    none = {name: prechecked(name, offered=False, held=()) for name in ("east-1", "east-2")}
    finding = check(case(evidence(prechecks=none)))
    assert (finding.outcome, finding.weight) == (Outcome.UNKNOWN, Weight.SIGN)
    assert "support" in finding.way_out


def test_what_is_said_besides_is_shown_whole_and_signed_for_by_storage() -> None:
    finding = check(case(evidence(**said(remarks=("test-utility: The cache will be off.",)))))
    assert (finding.outcome, finding.weight) == (Outcome.UNKNOWN, Weight.SIGN)
    assert "east-2: test-utility: The cache will be off." in finding.because
    assert "Read what it says" in finding.way_out


def test_what_is_said_besides_is_part_of_what_is_signed() -> None:
    one, other = (check(case(evidence(**said(remarks=(words,))))) for words in ("a: the cache", "a: a drive"))
    assert len({one.digest, other.digest, check(case(evidence(**said()))).digest}) == 3


@pytest.mark.parametrize("fields", [{"found": ("a",)}, {"unknown": ("b",)}, {"held": ()}, {"version": "8.6.0.9"}])
def test_what_is_said_besides_makes_nothing_of_what_is_wrong_a_matter_of_signatures(fields: dict[str, Any]) -> None:
    finding = check(case(evidence(**said(remarks=("a: words",), **fields))))
    assert (finding.outcome is Outcome.PASSED, finding.weight) == (False, None)


def test_another_file_of_questions_is_another_verdict() -> None:
    one = check(case(evidence(**said())))
    other = check(case(evidence(**said(playbook_sha256=""))))
    assert one.outcome is other.outcome is Outcome.PASSED
    assert one.digest != other.digest


def test_the_sentence_ages_and_replies_are_no_part_of_what_is_signed() -> None:
    later = said(at=NOON, raw=("sha256:" + "c" * 64,), held=("test-utility: errors 0, warnings 1",))
    assert check(case(evidence(**said()))).digest == check(case(evidence(**later))).digest


@pytest.mark.parametrize(
    ("forward", "outcome"),
    [
        ((FETCH, VALIDATE, APPLY, VERIFY), Outcome.PASSED),
        ((replace(FETCH, again="ask", send="/upgrade"), VALIDATE, APPLY), Outcome.PASSED),
        ((FETCH, APPLY, VERIFY), Outcome.FAILED),
        ((FETCH, APPLY, VALIDATE), Outcome.FAILED),
        ((FETCH, VALIDATE), Outcome.FAILED),
        ((VALIDATE, VERIFY), Outcome.FAILED),
        ((FETCH, replace(VALIDATE, expect=(("errors", ("0", "1")),)), APPLY), Outcome.FAILED),
        ((FETCH, replace(VALIDATE, command="validate 8.7.0.3"), APPLY), Outcome.FAILED),
        ((FETCH, replace(VALIDATE, until=(("errors", ("0",)),)), APPLY), Outcome.FAILED),
    ],
)
def test_what_needs_the_image_on_the_array_stands_in_the_plan_before_it_is_applied(
    forward: tuple[Step, ...], outcome: Outcome
) -> None:
    finding = check(case(evidence(**said(staged=(VALIDATE,))), plan=plan(forward=forward)))
    assert finding.outcome is outcome, finding.because


def test_without_a_plan_what_it_should_ask_is_unknown() -> None:
    finding = check(case(evidence(**said(staged=(VALIDATE,))), plan=None))
    assert finding.outcome is Outcome.UNKNOWN
