"""The gate's own record and what a recovery needs may not be lost with what they recover."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.checks import facts_measured, recovery_tools_apart
from gate.checks.case import Case
from gate.evidence import OWN_RECORD, Evidence, Identity, Provenance, Trace
from gate.finding import Finding, Outcome
from gate.inventory import Appliance, Medium
from tests.cases import NOON, SECOND, case, evidence, fleet, policy, trace

HERE = evidence()
LIMIT = policy().evidence_max_age
MACHINE = Appliance(id="gate-machine", site="west", medium=Medium.APPLIANCE, on_arrays=())


def asked(name: str, where: Trace | None, **changed: object) -> Case:
    tools = {one: lies for one, lies in HERE.tools.items() if one != name} | ({name: where} if where else {})
    told: Evidence = replace(HERE, tools=tools)
    return case(told, **changed)


def answer(name: str, where: Trace | None, **changed: object) -> Finding:
    return recovery_tools_apart.check(asked(name, where, **changed))


@pytest.mark.parametrize("name", ["desk", OWN_RECORD])
@pytest.mark.parametrize(
    ("where", "outcome", "words"),
    [
        (trace("west-1", "60aa"), Outcome.PASSED, "lies on west-1"),
        (trace("east-1", "60aa"), Outcome.FAILED, "lies on east-1, which this change itself touches"),
        (trace("east-2", "60aa", problem="cut short"), Outcome.FAILED, "lies on east-2"),
        (trace("west-1", "60aa", problem="cut short"), Outcome.UNKNOWN, "cut short"),
        (trace("nowhere", "60aa"), Outcome.UNKNOWN, "no array of the inventory"),
        (trace("west-1", "60aa", at=NOON - LIMIT), Outcome.PASSED, "west-1"),
        (trace("west-1", "60aa", at=NOON - LIMIT - SECOND), Outcome.UNKNOWN, "old, limit"),
        (trace("west-1", "60aa", at=NOON + SECOND), Outcome.UNKNOWN, "future"),
        (None, Outcome.UNKNOWN, "nobody asked"),
    ],
)
def test_each_lies_on_no_target_as_far_as_was_measured_just_now(
    name: str, where: Trace | None, outcome: Outcome, words: str
) -> None:
    arrays = {one: replace(read, volumes=None) for one, read in HERE.arrays.items()}
    found = recovery_tools_apart.check(
        replace(asked(name, where), evidence=replace(asked(name, where).evidence, arrays=arrays))
    )
    assert found.outcome is outcome
    assert words in found.because
    if outcome is Outcome.PASSED:
        at = where.at if where else NOON
        assert found.valid_until == min(at, NOON - timedelta(minutes=1)) + LIMIT
        assert found.relied_on[name] == {"place": "0000020420E00021"}


def test_the_gates_own_record_is_asked_about_though_no_inventory_lists_it() -> None:
    inventory = fleet().model_copy(update={"recovery_tools": ()})
    found = answer(OWN_RECORD, trace("east-1", "60aa"), inventory=inventory)
    assert found.outcome is Outcome.FAILED
    assert f"{OWN_RECORD}: it lies on east-1" in found.because
    listless = recovery_tools_apart.check(case(HERE, inventory=inventory))
    assert listless.outcome is Outcome.UNKNOWN
    assert "nobody said what a recovery needs" in listless.because


def test_a_place_that_is_only_declared_passes_here_and_is_for_the_storage_seat_to_sign() -> None:
    inventory = fleet().model_copy(update={"appliances": (MACHINE,)})
    identity = Identity("appliance", "gate-machine", Provenance.DECLARED)
    said = trace("west-1", "60aa", leaves=(), identities=(identity,))
    assert answer(OWN_RECORD, said, inventory=inventory).outcome is Outcome.PASSED
    found = facts_measured.check(asked(OWN_RECORD, said, inventory=inventory))
    assert found.outcome is Outcome.FAILED
    assert f"only declared: the place of {OWN_RECORD}" in found.because
    below = MACHINE.model_copy(update={"on_arrays": ("east-1",)})
    moved = fleet().model_copy(update={"appliances": (below,)})
    assert answer(OWN_RECORD, said, inventory=moved).outcome is Outcome.FAILED
