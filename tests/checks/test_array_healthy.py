"""An update takes redundancy away for a while; an array that has lost some already may lose the rest."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.change import Replacement
from gate.checks import array_healthy
from gate.evidence import PartsReading
from gate.finding import Finding, Outcome
from tests.cases import (
    MODEL,
    NOON,
    OLD_SERIAL,
    PARTNER_SERIAL,
    SECOND,
    SERIALS,
    VERSION,
    canister,
    case,
    evidence,
    of_part,
    parts,
    policy,
    reading,
    replacement,
)

LIMIT = policy().evidence_max_age


def answer(**fields: Any) -> Finding:
    """East-2 is spoiled, east-1 is well."""
    return array_healthy.check(case(evidence(arrays={**evidence().arrays, "east-2": reading("east-2", **fields)})))


def test_well_and_idle_targets_pass_and_their_identities_are_relied_on() -> None:
    finding = answer()
    assert (finding.outcome, finding.because) == (Outcome.PASSED, "2 arrays are well and idle")
    assert finding.relied_on == {
        "east-1": {"serial": SERIALS["east-1"], "version": VERSION},
        "east-2": {"serial": SERIALS["east-2"], "version": VERSION},
    }


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"serial": "0000020420E99999"}, "east-2: it answers with serial 0000020420E99999, the inventory says"),
        ({"serial": ""}, "east-2: it answers with serial , the inventory says"),
        ({"problems": ("node 2 is offline", "drive 4 failed")}, "east-2: node 2 is offline, drive 4 failed"),
        ({"problems": ("node 2 is offline",), "unknown": ("lsdrive timed out",)}, "node 2 is offline"),
        ({"update_state": "system_updating"}, "east-2: an update is going on (system_updating)"),
        ({"model": "LAB-FS7"}, "east-2: it is a LAB-FS7, the inventory says LAB-FS5"),
    ],
)
def test_what_is_known_to_be_wrong_fails(fields: dict[str, Any], because: str) -> None:
    finding = answer(**fields)
    assert finding.outcome is Outcome.FAILED
    assert because in finding.because


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"serial": None}, "east-2: its serial is not known"),
        ({"version": None}, "east-2: its version is not known"),
        ({"model": None}, "east-2: its model is not known"),
        ({"update_state": None}, "east-2: its update state is not known"),
        ({"problems": None}, "east-2: its health is not known"),
        ({"problems": None, "version": None}, "its version is not known, its health is not known"),
        ({"unknown": ("lsdrive timed out",)}, "east-2: lsdrive timed out"),
    ],
)
def test_what_is_not_known_is_unknown(fields: dict[str, Any], because: str) -> None:
    finding = answer(**fields)
    assert finding.outcome is Outcome.UNKNOWN
    assert because in finding.because


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (LIMIT, Outcome.PASSED),
        (LIMIT + SECOND, Outcome.UNKNOWN),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_a_reading_is_fresh_up_to_the_limit_itself(age: timedelta, outcome: Outcome) -> None:
    assert answer(at=NOON - age).outcome is outcome


def test_a_target_that_was_not_asked_is_unknown_and_only_targets_are_asked() -> None:
    arrays = dict(evidence().arrays)
    del arrays["east-2"]
    arrays["west-1"] = reading("west-1", problems=("on fire",))
    finding = array_healthy.check(case(evidence(arrays=arrays)))
    assert (finding.outcome, finding.because) == (Outcome.UNKNOWN, "east-2: it was not asked")


def test_the_worst_target_decides_and_each_bad_one_is_told() -> None:
    arrays = {"east-1": reading("east-1", version=None), "east-2": reading("east-2", problems=("on fire",))}
    finding = array_healthy.check(case(evidence(arrays=arrays)))
    assert finding.outcome is Outcome.FAILED
    assert finding.because == "east-1: its version is not known; east-2: on fire"


def test_one_array_answering_under_two_names_fails() -> None:
    twin = replace(reading("east-2"), serial=SERIALS["east-1"])
    assert array_healthy.check(case(evidence(arrays={**evidence().arrays, "east-2": twin}))).outcome is Outcome.FAILED


def test_the_model_of_the_fleet_is_the_one_of_the_case() -> None:
    assert {array.model for array in case().inventory.arrays} == {MODEL}


LOST = ("node node2 is offline", "enclosure 1 is degraded")
DEAD = canister("2", OLD_SERIAL, well=False, state="offline, silent", troubles=LOST)
FAILED = replacement().model_copy(update={"failed": True})


def mending(told: PartsReading | None = None, asked: Replacement = FAILED, **fields: Any) -> Finding:
    """East-1 has lost canister 2, which the change names."""
    made = of_part(told or parts(canister("1", PARTNER_SERIAL), DEAD), asked)
    array = reading("east-1", **{"problems": LOST, **fields})
    arrays = {**made.evidence.arrays, "east-1": array}
    return array_healthy.check(replace(made, evidence=replace(made.evidence, arrays=arrays)))


def test_the_failed_part_that_is_replaced_is_let_through_and_people_sign_for_its_very_troubles() -> None:
    finding = mending()
    assert finding.outcome is Outcome.PASSED
    assert finding.because.startswith("east-1: nothing is wrong with it but the failed controller 2 of enclosure 1: ")
    identity = {"serial": SERIALS["east-1"], "version": VERSION}
    assert finding.relied_on == {"east-1": {**identity, "mends": tuple(sorted(LOST))}}
    less = mending(parts(canister("1", PARTNER_SERIAL), replace(DEAD, troubles=LOST[:1])), problems=LOST[:1])
    assert less.outcome is Outcome.PASSED
    assert less.relied_on != finding.relied_on


@pytest.mark.parametrize(
    ("fields", "outcome", "because"),
    [
        ({"problems": (*LOST, "drive 3 is offline")}, Outcome.FAILED, "beside the failed controller 2"),
        ({"serial": "0000020420E99999"}, Outcome.FAILED, "it answers with serial"),
        ({"model": "LAB-FS7"}, Outcome.FAILED, "it is a LAB-FS7"),
        ({"update_state": "system_updating"}, Outcome.FAILED, "an update is going on"),
        ({"unknown": ("drives: no answer",)}, Outcome.UNKNOWN, "drives: no answer"),
        ({"problems": None}, Outcome.UNKNOWN, "its health is not known"),
        ({"at": NOON - LIMIT - SECOND}, Outcome.UNKNOWN, "old"),
    ],
)
def test_all_else_about_such_an_array_is_as_strict_as_before(
    fields: dict[str, Any], outcome: Outcome, because: str
) -> None:
    finding = mending(**fields)
    assert finding.outcome is outcome
    assert because in finding.because


def test_parts_that_were_told_too_long_ago_or_to_nobody_mend_nothing() -> None:
    old = parts(canister("1", PARTNER_SERIAL), DEAD, at=NOON - LIMIT - SECOND)
    assert mending(old).outcome is Outcome.UNKNOWN
    made = of_part(asked=FAILED)
    assert array_healthy.check(replace(made, evidence=replace(made.evidence, parts={}))).outcome is Outcome.UNKNOWN


def test_a_failed_part_that_nobody_calls_failed_refuses_as_any_other_trouble() -> None:
    finding = mending(asked=replacement())
    assert (finding.outcome, finding.because) == (Outcome.FAILED, f"east-1: {', '.join(LOST)}")


def test_a_part_that_is_called_failed_and_serves_refuses() -> None:
    finding = mending(parts(), problems=())
    assert finding.outcome is Outcome.FAILED
    assert "it serves" in finding.because
