"""A name is not an image: disk, change and allow list must speak of the same bytes for the same models."""

from datetime import timedelta

import pytest

from gate.change import AllowedImage
from gate.checks import image_approved
from gate.evidence import ImageReading
from gate.finding import Finding, Outcome
from tests.cases import (
    DIGEST,
    MODEL,
    NOON,
    OTHER_DIGEST,
    RELEASED,
    SECOND,
    allowed,
    array,
    case,
    evidence,
    fleet,
    image_reading,
    policy,
    request,
)

LIMIT = policy().evidence_max_age


def answer(told: ImageReading | None = None, *entries: AllowedImage) -> Finding:
    asked = case(evidence(image=told or image_reading()), allowed=entries or (allowed(),))
    return image_approved.check(asked)


def test_the_released_image_passes_by_digest_and_version() -> None:
    finding = answer()
    assert finding.outcome is Outcome.PASSED
    assert finding.because == "lab-8.7.0.4.img is sha256:aaaaaaaaaaaa…, released"
    assert finding.relied_on == {"sha256": DIGEST, "version": RELEASED}


def test_other_bytes_on_disk_fail_and_both_digests_are_told() -> None:
    finding = answer(image_reading(sha256=OTHER_DIGEST))
    assert finding.outcome is Outcome.FAILED
    assert "on disk is sha256:bbbbbbbbbbbb…, the change names sha256:aaaaaaaaaaaa…" in finding.because


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (image_reading(problem="it is a directory"), "it is a directory"),
        (image_reading(sha256=None), "no digest was taken"),
        (image_reading(at=NOON + SECOND), "future"),
        (image_reading(at=NOON - LIMIT - SECOND), "15 min old"),
    ],
)
def test_an_image_that_could_not_be_read_now_is_unknown(told: ImageReading, because: str) -> None:
    finding = answer(told)
    assert finding.outcome is Outcome.UNKNOWN
    assert because in finding.because


def test_a_reading_as_old_as_the_limit_still_counts() -> None:
    assert answer(image_reading(at=NOON - LIMIT)).outcome is Outcome.PASSED
    assert answer(image_reading(at=NOON + timedelta(0))).outcome is Outcome.PASSED


def test_an_image_nobody_read_is_unknown() -> None:
    assert image_approved.check(case(evidence(image=None))).because == "the image lab-8.7.0.4.img was not read"


def test_a_change_without_an_image_fails() -> None:
    asked = case(request=request().model_copy(update={"image": None}))
    finding = image_approved.check(asked)
    assert (finding.outcome, finding.because) == (Outcome.FAILED, "the change names no image")


def test_an_empty_allow_list_fails() -> None:
    finding = image_approved.check(case(allowed=()))
    assert finding.outcome is Outcome.FAILED
    assert finding.because == "sha256:aaaaaaaaaaaa… is not on the allow list"


@pytest.mark.parametrize(
    "entry",
    [
        allowed(sha256=OTHER_DIGEST),
        allowed(file="lab.img"),
        allowed(version="8.7.0.5"),
        allowed(models=("OTHER",)),
    ],
    ids=["digest", "file", "version", "models"],
)
def test_an_entry_that_differs_in_anything_does_not_release_it(entry: AllowedImage) -> None:
    assert answer(None, entry).outcome is Outcome.FAILED
    assert answer(None, entry, allowed()).outcome is Outcome.PASSED


def test_an_entry_of_another_use_is_told_as_what_it_is_released_for() -> None:
    finding = answer(None, allowed(file="lab.img", models=("OTHER", "MORE")))
    assert "released as lab.img 8.7.0.4 for storage-virtualize OTHER, MORE, not as lab-8.7.0.4.img" in finding.because


def test_only_the_models_of_the_targets_matter() -> None:
    inventory = fleet(arrays=(array("east-1"), array("east-2"), array("west-1", model="OTHER")))
    assert image_approved.check(case(inventory=inventory)).outcome is Outcome.PASSED


def test_two_entries_do_not_add_up_to_the_models_of_all_targets() -> None:
    inventory = fleet(arrays=(array("east-1", model="OTHER"), array("east-2")))
    halves = (allowed(), allowed(models=("OTHER",)))
    finding = image_approved.check(case(inventory=inventory, allowed=halves))
    assert finding.outcome is Outcome.FAILED
    assert finding.because.endswith("not as lab-8.7.0.4.img 8.7.0.4 for LAB-FS5, OTHER")
    whole = (allowed(models=("OTHER", MODEL)),)
    assert image_approved.check(case(inventory=inventory, allowed=whole)).outcome is Outcome.PASSED
