"""King's College London, 2016: the part that went in did not carry what its partner carried."""

import dataclasses

import pytest

from gate.change import Replacement
from gate.checks import part_matches
from gate.evidence import PartsReading
from gate.finding import Outcome
from tests.cases import (
    NEW_SERIAL,
    NOON,
    OLD_SERIAL,
    PART_NUMBER,
    PARTNER_SERIAL,
    SECOND,
    VERSION,
    canister,
    case,
    evidence,
    of_part,
    parts,
    policy,
    replacement,
)

LIMIT = policy().evidence_max_age
PARTNER, OLD = canister("1", PARTNER_SERIAL), canister("2", OLD_SERIAL)


def test_a_part_like_its_partner_passes_and_the_verdict_rests_on_both_serials() -> None:
    finding = part_matches.check(of_part())
    assert finding.outcome is Outcome.PASSED
    assert finding.relied_on == {
        "old": OLD_SERIAL, "new": NEW_SERIAL, "part": PART_NUMBER, "firmware": VERSION,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "asked", "because"),
    [
        (parts(), replacement(firmware="8.5.0.2"), "its partner 1 carries firmware 8.6.0.3, the new one 8.5.0.2"),
        (parts(), replacement(part="01LB208"), "its partner 1 is part 01LB207, the new one is 01LB208"),
        (parts(), replacement(serial=PARTNER_SERIAL), "serial 11SPARTNER is in it already"),
        (parts(PARTNER, canister("2", "11SOTHER")), replacement(), "sits part 01LB207, serial 11SOTHER, not 01LB207"),
        (parts(PARTNER, canister("2", OLD_SERIAL, part="X99")), replacement(), "sits part X99, serial 11SOLD, not"),
        (parts(canister("1", "P", well=False, state="offline, silent"), OLD), replacement(), "does not serve (offline"),
        (parts(PARTNER), replacement(), "it has no controller 2 of enclosure 1"),
        (parts(OLD), replacement(), "has not exactly one partner"),
        (parts(PARTNER, OLD, canister("3", "11STHIRD")), replacement(), "has not exactly one partner"),
        (parts(PARTNER, OLD, canister("2", "11STWICE")), replacement(), "it has no controller 2 of enclosure 1"),
        (parts(canister("1", "P", enclosure="2"), OLD), replacement(), "has not exactly one partner"),
        (parts(canister("1", "P", what="shelf-module"), OLD), replacement(), "has not exactly one partner"),
        (
            parts(PARTNER, canister("2", OLD_SERIAL, holds=("v1", "v2", "v3", "v4", "v5", "v6"))),
            replacement(),
            "without controller 2 of enclosure 1 volumes go offline: v1, v2, v3, v4, v5 and 1 more",
        ),
    ],
)
def test_what_differs_fails_and_both_sides_are_told(told: PartsReading, asked: Replacement, because: str) -> None:
    finding = part_matches.check(of_part(told, asked))
    assert finding.outcome is Outcome.FAILED
    assert because in finding.because


def test_as_many_volumes_as_are_shown_are_told_without_more() -> None:
    finding = part_matches.check(
        of_part(parts(PARTNER, canister("2", OLD_SERIAL, holds=("v1", "v2", "v3", "v4", "v5"))))
    )
    assert finding.because.endswith("volumes go offline: v1, v2, v3, v4, v5")


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (parts(canister("1", "P", firmware=None), OLD), "the firmware of controller 1"),
        (parts(canister("1", "P", part=None), OLD), "the part number of controller 1"),
        (parts(PARTNER, canister("2", OLD_SERIAL, part=None)), "the part number of controller 2"),
        (parts(PARTNER, dataclasses.replace(OLD, serial=None)), "the serial of"),
        (parts(PARTNER, dataclasses.replace(OLD, holds=None)), "what depends on controller 2"),
        (PartsReading("east-1", NOON, problem="no question is known"), "no question is known"),
        (parts(at=NOON - LIMIT - SECOND), "15 min old"),
        (parts(at=NOON + SECOND), "future"),
    ],
)
def test_what_the_array_does_not_tell_now_is_unknown(told: PartsReading, because: str) -> None:
    finding = part_matches.check(of_part(told))
    assert finding.outcome is Outcome.UNKNOWN
    assert because in finding.because


def test_an_array_that_was_not_asked_is_unknown_and_a_change_without_a_part_fails() -> None:
    asked = of_part()
    assert part_matches.check(case(evidence(), request=asked.request)).outcome is Outcome.UNKNOWN
    assert part_matches.check(case()).outcome is Outcome.FAILED
