"""An update takes redundancy away for a while; an array that has lost some already may lose the rest."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.checks import array_healthy
from gate.finding import Finding, Outcome
from tests.cases import MODEL, NOON, SECOND, SERIALS, VERSION, case, evidence, policy, reading

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
