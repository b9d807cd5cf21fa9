"""What a replacement mends: exactly the failed part that it names, told by the array, and nothing beside it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.change import OldPart, Replacement
from gate.evidence import ArrayReading, Part, PartsReading
from gate.finding import Outcome
from gate.mending import mends
from tests.cases import OLD_SERIAL, PARTNER_SERIAL, canister, parts, reading, replacement

LOST = ("node node2 is offline", "enclosure 1 is degraded", "enclosure 1 has 1 of 2 canisters online")
DEAD = canister("2", OLD_SERIAL, well=False, state="offline, silent", firmware=None, troubles=LOST)
PARTNER = canister("1", PARTNER_SERIAL)
FAILED = replacement().model_copy(update={"failed": True})
ILL = reading("east-1", problems=LOST)


def judged(
    told: PartsReading | None = None, array: ArrayReading = ILL, asked: Replacement = FAILED
) -> tuple[Outcome, str]:
    return mends(asked, array, told if told is not None else parts(PARTNER, DEAD))


def test_the_named_part_and_nothing_else_is_mended_and_every_trouble_is_told() -> None:
    outcome, because = judged()
    assert outcome is Outcome.PASSED
    assert "controller 2 of enclosure 1" in because
    assert all(line in because for line in LOST)


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (parts(PARTNER, replace(DEAD, serial="11SOTHER")), "what has failed is part 01LB207, serial 11SOTHER, not"),
        (parts(PARTNER, replace(DEAD, part="X99")), "what has failed is part X99"),
        (parts(PARTNER, replace(DEAD, well=True, state="online, active")), "and it serves (online, active)"),
        (parts(replace(DEAD, slot="1"), canister("2", OLD_SERIAL)), "and it serves (online, active)"),
        (parts(replace(PARTNER, well=False, state="online, service"), DEAD), "beside the failed controller 2"),
        (parts(PARTNER, DEAD, canister("1", "M", what="shelf-module", well=False, state="offline")), "shelf-module 1"),
        (parts(PARTNER), "it has no controller 2 of enclosure 1"),
        (parts(PARTNER, DEAD, DEAD), "it has no controller 2 of enclosure 1"),
        (parts(PARTNER, replace(DEAD, enclosure="2")), "it has no controller 2 of enclosure 1"),
        (parts(PARTNER, replace(DEAD, troubles=())), "beside the failed controller 2 of enclosure 1: node node2"),
        (parts(PARTNER, replace(DEAD, troubles=LOST[1:])), f"beside the failed controller 2 of enclosure 1: {LOST[0]}"),
    ],
)
def test_another_part_a_part_that_serves_and_a_second_fault_fail(told: PartsReading, because: str) -> None:
    outcome, said = judged(told)
    assert outcome is Outcome.FAILED
    assert because in said


@pytest.mark.parametrize(
    ("told", "array", "because"),
    [
        (PartsReading("east-1", ILL.at, problem="no answer"), ILL, "it does not tell its parts: no answer"),
        (parts(PARTNER, replace(DEAD, serial=None)), ILL, "does not tell part number and serial"),
        (parts(PARTNER, replace(DEAD, part=None)), ILL, "does not tell part number and serial"),
        (None, replace(ILL, problems=None), "its health is not known"),
        (None, replace(ILL, problems=()), "it calls itself well, and controller 2 of enclosure 1 offline, silent"),
        (None, replace(ILL, problems=LOST[:2]), f"it did not tell the same twice: {LOST[2]}"),
    ],
)
def test_what_the_array_does_not_tell_or_tells_in_two_ways_is_unknown(
    told: PartsReading | None, array: ArrayReading, because: str
) -> None:
    outcome, said = judged(told, array)
    assert outcome is Outcome.UNKNOWN
    assert because in said


def test_an_array_that_was_not_asked_for_its_parts_is_unknown() -> None:
    assert mends(FAILED, ILL, None) == (Outcome.UNKNOWN, "it does not tell its parts: nobody asked it")


def test_a_line_that_is_told_twice_is_laid_to_the_part_only_as_often_as_it_says() -> None:
    assert judged(array=replace(ILL, problems=(*LOST, LOST[0])))[0] is Outcome.FAILED


LINES = st.lists(st.sampled_from((*LOST, "drive 3 is offline", "node node1 is offline", "")), max_size=6)
LABELS = st.sampled_from((None, OLD_SERIAL, PARTNER_SERIAL, "11SOTHER"))


def some_part(slot: str, serial: str | None, **fields: Any) -> Part:
    return replace(canister(slot, "", **fields), serial=serial)


PARTS = st.builds(
    some_part,
    slot=st.sampled_from(("1", "2", "3")),
    what=st.sampled_from(("controller", "shelf-module")),
    enclosure=st.sampled_from(("1", "2")),
    serial=LABELS,
    well=st.booleans(),
    troubles=LINES.map(tuple),
)


@given(listed=st.lists(PARTS, max_size=4), problems=st.none() | LINES.map(tuple), serial=LABELS)
def test_whatever_is_told_nothing_opens_but_one_failed_part_that_explains_every_line(
    listed: list[Part], problems: tuple[str, ...] | None, serial: str | None
) -> None:
    asked = FAILED.model_copy(update={"old": OldPart(part=FAILED.old.part, serial=serial or OLD_SERIAL)})
    told = PartsReading("east-1", ILL.at, tuple(listed))
    if mends(asked, replace(ILL, problems=problems), told)[0] is not Outcome.PASSED:
        return
    ill = [part for part in listed if not part.well]
    assert [(part.what, part.enclosure, part.slot, part.serial) for part in ill] == [
        ("controller", "1", "2", asked.old.serial)
    ]
    assert problems
    assert sorted(ill[0].troubles) == sorted(problems)
