"""The words of a change file that replaces canister 2 of east-1."""

from typing import Any

from gate.control.views import View
from tests.stories.stage import Stage

CODE = "8.6.0.3"
PART = "01LB207"
NEW, SPARE = "11S01LB207YHU00000099", "11S01LB207YHU00000098"


def old(stage: Stage) -> str:
    """What stands on the label of canister 2 of east-1."""
    return f"11S{PART}YHU{stage.settings.config.inventory.array('east-1').serial[-8:]}2"


def replacement(
    stage: Stage, serial: str = NEW, firmware: str = CODE, part: str = PART, *, failed: bool = False
) -> str:
    out = f"{{part: {PART}, serial: {old(stage)}}}"
    put = f"{{part: {part}, serial: {serial}, firmware: {firmware}, paper: delivery note 4711}}"
    dead = ", failed: true" if failed else ""
    return f'{{what: controller, enclosure: "1", slot: "2", old: {out}, new: {put}{dead}}}'


MODULE, MODULE_CODE = "01LB310", "6.13_1.2"
NEW_MODULE = "11S01LB310YHU00000099"


def module(stage: Stage, firmware: str = MODULE_CODE, *, what: str = "shelf-module", failed: bool = False) -> str:
    """Module 2 of the shelf of east-1 for another one."""
    out = f"{{part: {MODULE}, serial: 11S{MODULE}YHU{stage.settings.config.inventory.array('east-1').serial[-8:]}2}}"
    put = f"{{part: {MODULE}, serial: {NEW_MODULE}, firmware: {firmware}, paper: delivery note 4712}}"
    dead = ", failed: true" if failed else ""
    return f'{{what: {what}, enclosure: "2", slot: "2", old: {out}, new: {put}{dead}}}'


def of_shelf(part: str) -> dict[str, Any]:
    """The words of a change file that replaces a module of the shelf of east-1."""
    return asked(part) | {"playbook": "storage-virtualize/replace-expansion-canister"}


def asked(part: str) -> dict[str, Any]:
    """The words of a change file that replaces a part of east-1."""
    words: dict[str, Any] = {"kind": "hardware", "image": None, "targets": "[east-1]", "part": part}
    return words | {"playbook": "storage-virtualize/replace-canister"}


def waits(stage: Stage, change: str) -> View:
    """Wait until a step is done by hand; return what is shown of it."""
    assert stage.gate is not None
    for _ in stage.rounds():
        view = stage.gate.control.show(stage.people["performer"], change)
        shown: View | None = view["by_hand"]
        if shown is not None:
            return shown
        assert view["state"] in ("running", "backing out"), view["state"]
    raise AssertionError
