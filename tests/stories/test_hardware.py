"""
A controller is replaced: from the request to a canary that held, and the two parts that must never carry load. Then one
that has failed before anybody asked, as there. At last the module of a shelf, with the same questions.

King's College London, 2016: a controller was replaced, its firmware was not its partner's, and the array was lost with
everything on it. In the lab such a part does the same once it is let in.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from gate.errors import BadInput, Refused
from tests.stories.conftest import quick
from tests.stories.replacing import (
    CODE,
    MODULE,
    MODULE_CODE,
    NEW,
    NEW_MODULE,
    PART,
    SPARE,
    asked,
    module,
    of_shelf,
    old,
    replacement,
    waits,
)
from tests.stories.stage import Stage, build

RELEASED = (
    f"\nallowed_parts:\n  - {{part: {MODULE}, what: shelf-module, family: storage-virtualize, models: [LAB-FS5]}}"
)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = build(edit=lambda text: quick(text).replace("\nallowed_parts:", RELEASED, 1))
    try:
        made.open()
        made.ready()
        yield made
    finally:
        made.end()


def refused(stage: Stage, part: str, words: dict[str, Any] | None = None) -> dict[str, str]:
    """Open a change that is refused; return each red check with its reason."""
    assert stage.gate is not None
    control, engineer = stage.gate.control, stage.people["storage-engineer"]
    change = control.open(engineer, stage.request(**(words or asked(part))), "change.yaml")["id"]
    view = control.check(engineer, change)
    assert view["state"] == "refused"
    return {one["check"]: one["because"] for one in view["verdict"]["findings"] if one["outcome"] != "passed"}


def begun(stage: Stage, part: str = "") -> str:
    assert stage.gate is not None
    change = stage.approved(**asked(part or replacement(stage)))
    view = stage.gate.control.start(stage.people["performer"], change)
    assert view["state"] == "running", view
    return change


def by_hand(stage: Stage, change: str, hand: str, value: str = "") -> None:
    """Wait for a step that is done by hand, do it, and let two people say so."""
    assert stage.gate is not None
    waits(stage, change)
    stage.lab.fault("east-1", hand, value)
    stage.gate.control.confirm(stage.people["performer"], change, word="done")
    stage.gate.control.confirm(stage.people["data-owner"], change, word="seen")


def back(stage: Stage, change: str) -> None:
    assert stage.gate is not None
    stage.gate.control.back_out(stage.people["performer"], change, "the part is the wrong one")
    by_hand(stage, change, "swap", "old")
    assert stage.wait_for(change, "backed out") == "backed out"
    stage.lab.fault("east-1", "let-in")
    stage.until(lambda: stage.lab.status()["arrays"]["east-1"]["nodes"]["node2"] == "online")  # type: ignore[index]


def let_in(stage: Stage) -> int:
    return stage.lab.array_counters()["east-1"].get("let-in", 0)


def test_a_part_that_does_not_match_its_partner_opens_nothing(stage: Stage) -> None:
    for part, check, why in (
        (replacement(stage, firmware="8.5.0.2"), "part-matches", "its partner 1 carries firmware 8.6.0.3"),
        (replacement(stage, part="01LB999"), "part-approved", "part 01LB999 is not on the allow list"),
        (replacement(stage).replace(old(stage), "11S01LB207YHU1"), "part-matches", f"serial {old(stage)}, not"),
    ):
        assert why in refused(stage, part)[check]


def test_a_part_with_the_wrong_firmware_never_carries_load(stage: Stage) -> None:
    assert stage.gate is not None
    change, before = begun(stage), let_in(stage)
    assert NEW in waits(stage, change)["words"]

    by_hand(stage, change, "swap", f"{PART} {NEW} 8.5.0.2")

    assert stage.wait_for(change, "halted", "held") == "halted"
    halted = stage.gate.ledger.history(change)[-1]
    assert halted.data["because"] == 'forward step carries failed: code is "8.5.0.2", not "8.6.0.3"'
    assert let_in(stage) == before
    back(stage, change)


def test_a_part_with_another_serial_is_asked_about_and_goes_back(stage: Stage) -> None:
    change = begun(stage)
    by_hand(stage, change, "swap", f"{PART} 11S01LB207YHU00000077 {CODE}")

    asked = stage.wait_for(change, "halted", "held")
    assert 'serial is "11S01LB207YHU00000077", not "11S01LB207YHU00000099"' in asked
    back(stage, change)


@pytest.fixture
def dead(stage: Stage) -> Iterator[None]:
    """Canister 2 of east-1 fails by itself; what is left of that afterwards is mended."""
    stage.lab.fault("east-1", "partner-dead")
    yield
    stage.lab.clear("east-1", "partner-dead")


@pytest.mark.usefixtures("dead")
def test_an_array_that_has_lost_a_part_opens_only_for_exactly_that_part(stage: Stage) -> None:
    assert "enclosure 1 has 1 of 2 canisters online" in refused(stage, replacement(stage))["array-healthy"]
    another = replacement(stage, failed=True).replace(old(stage), f"11S{PART}YHU00000042")
    assert "not the part that the change names" in refused(stage, another)["array-healthy"]
    stage.lab.fault("east-1", "drive-failed")
    red = refused(stage, replacement(stage, failed=True))
    stage.lab.clear("east-1", "drive-failed")
    assert "beside the failed controller 2 of enclosure 1: " in red["array-healthy"]
    assert "drive 3 is offline" in red["array-healthy"]
    assert "node2" not in red["array-healthy"].partition("beside the failed")[2]


def test_a_part_that_serves_is_not_replaced_as_a_failed_one(stage: Stage) -> None:
    assert "it serves (online, active)" in refused(stage, replacement(stage, failed=True))["array-healthy"]


def test_an_array_that_calls_a_part_failed_through_which_hosts_work_is_not_touched(stage: Stage) -> None:
    """Whoever believes it pulls the canister that serves, while the other one is dead."""
    assert stage.gate is not None
    stage.lab.fault("east-1", "tells-dead")
    change = stage.approved(**asked(replacement(stage, failed=True)))
    stage.gate.control.start(stage.people["performer"], change)
    assert stage.wait_for(change, "halted") == "halted"
    stage.lab.clear("east-1", "tells-dead")
    because = str(stage.gate.ledger.history(change)[-1].data["because"])
    assert because.startswith("the array calls a part failed that serves: ")
    assert "live path through iqn.1986-03.com.ibm:2145.east-1.node2" in because
    assert not {"step.told", "step.ended", "known_answer.written"} & set(stage.kinds(change))
    stage.gate.control.back_out(stage.people["performer"], change, "the array is to be looked at by its maker")
    assert stage.wait_for(change, "backed out") == "backed out"


@pytest.mark.usefixtures("dead")
def test_a_failed_part_is_replaced_and_what_hosts_had_lost_is_there_again(stage: Stage) -> None:
    assert stage.gate is not None
    control = stage.gate.control
    change = stage.approved(**asked(replacement(stage, serial=SPARE, failed=True)))
    stage.lab.fault("east-1", "drive-failed")
    with pytest.raises(Refused, match="array-healthy"):
        control.start(stage.people["performer"], change)
    stage.lab.clear("east-1", "drive-failed")
    control.check(stage.people["storage-engineer"], change)
    control.start(stage.people["performer"], change)
    by_hand(stage, change, "swap", f"{PART} {SPARE} {CODE}")
    by_hand(stage, change, "let-in")
    assert stage.wait_for(change, "halted", "held", seconds=100) == "held"
    told = [entry.data for entry in stage.gate.ledger.history(change) if entry.kind == "probe.finished"]
    lost = {(data["round"], data["outcome"]) for data in told if data["name"] == "host-sessions-lost"}
    assert (0, "failed") in lost
    assert max(lost)[1] == "passed"
    assert "node2" in next(str(one["value"]) for one in told if one["name"] == "host-sessions-lost")


def test_a_good_part_is_let_in_and_the_canary_holds(stage: Stage) -> None:
    assert stage.gate is not None
    change = begun(stage, replacement(stage).replace(old(stage), SPARE))
    by_hand(stage, change, "swap", f"{PART} {NEW} {CODE}")
    assert "cables" in waits(stage, change)["words"]
    by_hand(stage, change, "let-in")

    came = stage.wait_for(change, "halted", "held", seconds=100)
    assert came == "held", [entry.data for entry in stage.gate.ledger.history(change)[-3:]]
    history = stage.gate.ledger.history(change)
    probed = [entry.data for entry in history if entry.kind == "probe.finished" and entry.data["name"] == "identity"]
    assert any(f"serial {NEW}" in str(data["value"]) for data in probed if data["array"] == "east-1")
    assert "permit.issued" not in stage.kinds(change)
    counted = stage.lab.array_counters()
    assert {name for name, counts in counted.items() if counts} == {"east-1"}
    part = stage.gate.control.show(stage.people["performer"], change)["plan"]["part"]
    assert (part["serial"], part["partner_firmware"]) == (NEW, CODE)


@pytest.fixture
def shelf(stage: Stage) -> Iterator[None]:
    """A shelf hangs on east-1."""
    stage.lab.fault("east-1", "shelf")
    yield
    stage.lab.clear("east-1", "shelf")


@pytest.mark.usefixtures("shelf")
def test_a_whole_shelf_opens_no_change_and_the_reason_is_said(stage: Stage) -> None:
    assert stage.gate is not None
    text = stage.request(**of_shelf(module(stage, what="shelf")))
    with pytest.raises(BadInput, match="a whole shelf is not replaced"):
        stage.gate.control.open(stage.people["storage-engineer"], text, "change.yaml")


@pytest.mark.usefixtures("shelf")
def test_what_does_not_match_the_other_module_or_the_playbook_opens_nothing(stage: Stage) -> None:
    old = refused(stage, "", of_shelf(module(stage, "5.0_1.2")))
    assert "its partner 1 carries firmware 6.13_1.2, the new one 5.0_1.2" in old["part-matches"]
    controllers = refused(stage, module(stage))
    assert any("replaces a controller, the change a shelf-module" in why for why in controllers.values()), controllers


@pytest.mark.usefixtures("shelf")
def test_a_module_on_which_a_volume_hangs_is_not_taken_out(stage: Stage) -> None:
    assert stage.gate is not None
    change = stage.approved(**of_shelf(module(stage)))
    stage.lab.fault("east-1", "dependent-vdisks")
    with pytest.raises(Refused, match="part-matches"):
        stage.gate.control.start(stage.people["performer"], change)
    red = refused(stage, "", of_shelf(module(stage)))
    stage.lab.clear("east-1", "dependent-vdisks")
    assert red["part-matches"].endswith("without shelf-module 2 of enclosure 2 volumes go offline: volume0")
    assert "step.intended" not in stage.kinds(change)
    stage.gate.control.withdraw(stage.people["storage-engineer"], change, "a path is to be mended first")


@pytest.mark.usefixtures("shelf")
def test_a_module_that_has_failed_is_replaced_and_the_canary_holds(stage: Stage) -> None:
    assert stage.gate is not None
    control = stage.gate.control
    stage.lab.fault("east-1", "module-dead")
    assert "drive 12 is degraded" in refused(stage, "", of_shelf(module(stage)))["array-healthy"]
    change = stage.approved(**of_shelf(module(stage, failed=True)))
    control.start(stage.people["performer"], change)
    assert NEW_MODULE in waits(stage, change)["words"]
    by_hand(stage, change, "swap-module", f"{MODULE} {NEW_MODULE} {MODULE_CODE}")
    assert "cables" in waits(stage, change)["words"]
    by_hand(stage, change, "cable-module")
    came = stage.wait_for(change, "halted", "held", seconds=100)
    assert came == "held", [entry.data for entry in stage.gate.ledger.history(change)[-3:]]
    told = [entry.data for entry in stage.gate.ledger.history(change) if entry.kind == "probe.finished"]
    mine = [data for data in told if data["array"] == "east-1"]
    assert any(f"serial {NEW_MODULE}" in str(data["value"]) for data in mine if data["name"] == "identity")
    assert {data["outcome"] for data in mine if data["name"] == "health" and data["round"] != 0} == {"passed"}
    assert "permit.issued" not in stage.kinds(change)
