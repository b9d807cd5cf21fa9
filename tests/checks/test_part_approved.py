"""A part that fits into the slot is not yet one that may go into it."""

import pytest

from gate.change import AllowedPart
from gate.checks import part_approved
from gate.finding import Outcome
from gate.inventory import ArrayFamily
from tests.cases import PART_NUMBER, allowed_part, case, of_part, replacement


def test_a_released_part_passes_and_the_verdict_rests_on_its_number() -> None:
    finding = part_approved.check(of_part())
    assert (finding.outcome, finding.relied_on) == (Outcome.PASSED, {"part": PART_NUMBER, "what": "controller"})


@pytest.mark.parametrize(
    ("listed", "because"),
    [
        ((), "part 01LB207 is not on the allow list"),
        ((allowed_part(part="01LB208"),), "part 01LB207 is not on the allow list"),
        ((allowed_part(what="shelf-module"),), "is released as shelf-module of storage-virtualize LAB-FS5, not as"),
        ((allowed_part(family=ArrayFamily.DOTHILL),), "is released as controller of dothill LAB-FS5, not as"),
        ((allowed_part(models=("LAB-FS9",)),), "is released as controller of storage-virtualize LAB-FS9, not as"),
    ],
)
def test_a_part_that_is_not_released_for_this_place_fails(listed: tuple[AllowedPart, ...], because: str) -> None:
    finding = part_approved.check(of_part(allowed_parts=listed))
    assert finding.outcome is Outcome.FAILED
    assert because in finding.because


def test_any_line_of_the_list_that_fits_will_do() -> None:
    lines = (allowed_part(models=("LAB-FS9",)), allowed_part(models=("LAB-FS9", "LAB-FS5")))
    assert part_approved.check(of_part(allowed_parts=lines)).outcome is Outcome.PASSED


def test_a_target_of_no_known_model_is_unknown() -> None:
    asked = of_part()
    request = asked.request.model_copy(update={"targets": ("gone-1",)})
    assert part_approved.check(of_part(request=request)).outcome is Outcome.UNKNOWN


def test_a_change_without_a_part_fails() -> None:
    assert part_approved.check(case()).outcome is Outcome.FAILED
    assert part_approved.check(of_part(asked=replacement(part="x-1"))).outcome is Outcome.FAILED
