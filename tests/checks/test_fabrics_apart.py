"""Never both fabrics: what hangs on a switch that is changed must keep another one, whole, that nobody touches."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gate.checks import no_conflict
from gate.checks.case import Case, OtherChange
from gate.checks.fabrics_apart import check
from gate.evidence import Evidence
from gate.finding import Finding, Outcome
from gate.inventory import Array, ArrayFamily, Criticality, Inventory, Maintenance, Plane, Scratch
from gate.upkeep import Work
from tests.cases import NOON, array, case, evidence, fleet, port, reading, request

HOUR = timedelta(hours=1)


def switch(name: str, fabric: str, lun: int) -> Array:
    """A switch whose scratch is a LUN of east-2, reached over its own fabric."""
    scratch = Scratch(portal="127.0.0.2", target=port("east-2"), lun=lun, blocks=64)
    return array(
        name,
        site="east",
        family=ArrayFamily.BROCADE_FOS,
        model="109.1",
        scratch=scratch,
        plane=Plane(fabrics=(fabric,)),
    )


ARRAYS = (
    array("east-1", Criticality.CRITICAL),
    array("east-2"),
    array("west-1"),
    array("vault-1", Criticality.CRITICAL),
    switch("sw-a1", "east-a", 21),
    switch("sw-a2", "east-a", 22),
    switch("sw-b1", "east-b", 23),
)


def inventory(**fabrics: tuple[str, ...] | None) -> Inventory:
    """Both hosts hang where they are said to; db-1 on both fabrics of the east, bk-1 on none."""
    said = {"db-1": ("east-a", "east-b"), "bk-1": (), **fabrics}
    made = fleet(ARRAYS)
    hosts = tuple(host.model_copy(update={"fabrics": said[host.id]}) for host in made.hosts)
    return made.model_copy(update={"hosts": hosts})


def told(**changed: Any) -> Evidence:
    whole = evidence()
    more = {name: reading(name, volumes=(), target_ports=()) for name in ("sw-a1", "sw-a2", "sw-b1")}
    return replace(whole, arrays={**whole.arrays, **more, **changed})


def asked(targets: tuple[str, ...] = ("sw-a1", "sw-a2"), *planned: Work, **fields: Any) -> Case:
    wanted = request(targets, family=ArrayFamily.BROCADE_FOS)
    given: dict[str, Any] = {"request": wanted, "inventory": inventory(), "planned": planned, "plan": None}
    return case(fields.pop("told", told()), **{**given, **fields})


def beside(*names: str, opens: datetime = NOON, closes: datetime = NOON + HOUR) -> Work:
    return Work("chg-0009 (open)", frozenset(names), opens, closes)


def said(found: Finding) -> tuple[Outcome, str]:
    return found.outcome, found.because


def test_one_fabric_may_be_changed_while_the_other_is_whole() -> None:
    found = check(asked())
    assert found.outcome is Outcome.PASSED, found.because
    assert found.relied_on == {"fabrics": ["east-a"]}
    assert found.evidence
    assert check(asked(told=Evidence(at=NOON))).outcome is Outcome.UNKNOWN


def test_it_rests_on_the_replies_of_what_hangs_there_and_of_every_switch() -> None:
    answered = told(
        **{name: reading(name, volumes=(), raw=(f"sha256:{name}",)) for name in ("east-2", "sw-a1", "sw-b1")},
        **{"west-1": reading("west-1", raw=("sha256:west-1",))},
    )
    found = check(asked(("sw-a1",), told=answered)).evidence
    assert {"sha256:east-2", "sha256:sw-a1", "sha256:sw-b1"} <= set(found)
    assert "sha256:west-1" not in found


def test_both_fabrics_of_anything_in_one_change_are_refused_with_the_pair() -> None:
    outcome, because = said(check(asked(("sw-a1", "sw-b1"))))
    assert outcome is Outcome.FAILED
    for name in ("db-1", "east-1", "east-2"):
        assert f"{name} would lose both fabrics to sw-a1 (east-a) and sw-b1 (east-b)" in because


def test_two_changes_whose_windows_overlap_are_refused_with_the_pair() -> None:
    outcome, because = said(check(asked(("sw-a1",), beside("sw-b1"))))
    assert outcome is Outcome.FAILED
    assert "db-1 would lose both fabrics to sw-a1 (east-a) and sw-b1 (chg-0009 (open)) (east-b)" in because


@pytest.mark.parametrize(
    ("opens", "closes", "outcome"),
    [
        (NOON + HOUR, NOON + 2 * HOUR, Outcome.PASSED),
        (NOON - 2 * HOUR, NOON - HOUR, Outcome.PASSED),
        (NOON - 2 * HOUR, NOON - HOUR + timedelta(seconds=1), Outcome.FAILED),
        (NOON + HOUR - timedelta(seconds=1), NOON + 2 * HOUR, Outcome.FAILED),
    ],
)
def test_only_what_may_happen_in_our_window_takes_the_other_fabric(
    opens: datetime, closes: datetime, outcome: Outcome
) -> None:
    assert check(asked(("sw-a1",), beside("sw-b1", opens=opens, closes=closes))).outcome is outcome


def test_maintenance_that_the_inventory_tells_of_counts_like_a_change() -> None:
    told_of = Maintenance(on="sw-b1", opens=NOON, closes=NOON + HOUR, reason="a power supply is replaced")
    made = inventory().model_copy(update={"maintenance": (told_of,)})
    outcome, because = said(check(asked(("sw-a1",), inventory=made)))
    assert outcome is Outcome.FAILED
    assert "sw-b1 (maintenance (a power supply is replaced)) (east-b)" in because


def test_work_beside_on_what_is_no_switch_takes_no_fabric() -> None:
    assert check(asked(("sw-a1",), beside("bk-1", "nightly", "vault-1"))).outcome is Outcome.PASSED


def test_another_change_of_the_same_fabric_takes_no_other() -> None:
    assert check(asked(("sw-a1",), beside("sw-a2"))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("fabrics", "outcome", "because"),
    [
        (("east-a",), Outcome.FAILED, "db-1 hangs on east-a alone"),
        (None, Outcome.UNKNOWN, "nobody says on which fabrics db-1 hangs"),
        (("east-a", "west-a"), Outcome.UNKNOWN, "no switch of west-a is in the inventory"),
        ((), Outcome.PASSED, ""),
        (("west-a",), Outcome.PASSED, ""),
    ],
)
def test_a_host_must_be_said_to_hang_on_another_known_fabric(
    fabrics: tuple[str, ...] | None, outcome: Outcome, because: str
) -> None:
    found = check(asked(inventory=inventory(**{"db-1": fabrics})))
    assert found.outcome is outcome
    assert because in found.because


def test_a_fabric_on_which_nothing_is_said_to_hang_is_spelled_otherwise_somewhere() -> None:
    """Else every condition about what hangs on it would hold of nothing."""
    other = switch("sw-a1", "East-A", 21)
    made = inventory().model_copy(update={"arrays": (*ARRAYS[:4], other, *ARRAYS[5:])})
    found = check(asked(("sw-a1",), inventory=made))
    assert said(found) == (Outcome.UNKNOWN, "nothing is said to hang on East-A: is it spelled so everywhere?")


def test_an_array_that_names_no_fabric_is_not_known_to_be_apart() -> None:
    bare = ARRAYS[2].model_copy(update={"plane": Plane()})
    made = inventory().model_copy(update={"arrays": (*ARRAYS[:2], bare, *ARRAYS[3:])})
    assert said(check(asked(inventory=made))) == (Outcome.UNKNOWN, "nobody says on which fabrics west-1 hangs")


@pytest.mark.parametrize(
    ("name", "spoilt", "outcome", "words"),
    [
        ("sw-b1", {"problems": ("port 3 is Laser_Flt",)}, Outcome.FAILED, "is not well: port 3 is Laser_Flt"),
        ("sw-b1", {"update_state": "not committed"}, Outcome.FAILED, "its update state is not committed"),
        ("sw-b1", {"problems": None}, Outcome.UNKNOWN, "could not be measured"),
        ("sw-b1", {"update_state": None}, Outcome.UNKNOWN, "could not be measured"),
        ("sw-b1", {"at": NOON - timedelta(hours=1)}, Outcome.UNKNOWN, "is 1 h old"),
        ("east-1", {"problems": ("controller 2 is offline",)}, Outcome.FAILED, "controller 2 is offline"),
        ("west-1", {"problems": ("controller 2 is offline",)}, Outcome.PASSED, ""),
        ("sw-a2", {"problems": ("port 3 is Laser_Flt",)}, Outcome.PASSED, ""),
    ],
)
def test_what_carries_everything_meanwhile_and_what_hangs_on_it_must_be_measured_well(
    name: str, spoilt: dict[str, Any], outcome: Outcome, words: str
) -> None:
    found = check(asked(("sw-a1",), told=told(**{name: reading(name, **spoilt)})))
    assert found.outcome is outcome
    assert words in found.because
    assert outcome is Outcome.PASSED or name in found.because


@pytest.mark.parametrize("ill", ["sw-a1", "sw-a2"])
def test_every_switch_of_the_other_fabric_must_be_well(ill: str) -> None:
    found = check(asked(("sw-b1",), told=told(**{ill: reading(ill, problems=("port 3 is Laser_Flt",))})))
    assert found.outcome is Outcome.FAILED
    assert f"{ill} must carry everything meanwhile and is not well" in found.because


def test_a_switch_and_an_array_on_its_fabric_are_not_changed_at_once_whoever_asks() -> None:
    mine = check(asked(("sw-a1",), beside("east-2")))
    assert said(mine) == (Outcome.FAILED, "somebody works on east-2 meanwhile: chg-0009 (open)")
    theirs = check(case(told(), inventory=inventory(), planned=(beside("sw-a1"),)))
    assert theirs.outcome is Outcome.FAILED
    assert "east-1 hangs on east-a, whose switch sw-a1 (chg-0009 (open)) is changed meanwhile" in theirs.because


@pytest.mark.parametrize("target", ["west-1", "gone-1"])
def test_an_array_that_does_not_hang_on_the_fabric_is_changed_whoever_changes_its_switch(target: str) -> None:
    found = check(case(told(), request=request((target,)), inventory=inventory(), planned=(beside("sw-a1"),)))
    assert said(found) == (Outcome.PASSED, "no switch is changed under these arrays")


def test_data_on_arrays_that_hang_on_the_fabric_are_at_risk_and_a_copy_there_is_no_copy() -> None:
    made = asked(("sw-a1",))
    assert made.targets == {"sw-a1", "east-1", "east-2"}
    assert [one.dataset.id for one in made.reliances] == ["sidekick"]
    running = OtherChange("chg-0003", "running", frozenset({"sw-b1"}), frozenset())
    clash = no_conflict.check(replace(made, others=(running,)))
    assert "chg-0003 (running) has east-1, east-2" in clash.because


def test_a_switch_is_of_one_fabric_and_writes_where_no_array_does() -> None:
    fields = ARRAYS[4].model_dump()
    for fabrics in ((), ("east-a", "east-b")):
        with pytest.raises(ValidationError, match="the one fabric"):
            Array.model_validate({**fields, "plane": {"fabrics": fabrics}})
    with pytest.raises(ValidationError, match="scratch objects"):
        fleet((*ARRAYS[:4], switch("sw-a1", "east-a", 9)))
