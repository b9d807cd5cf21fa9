"""
Arrays on which a shelf of drives can hang, with two modules of which somebody replaces the second with their hands.

The fault `shelf` hangs it there. `swap-module` and `cable-module` are the hands: the one takes the second module out
and puts in what its value says (`PART SERIAL FIRMWARE`, or `old`), without its cables; the other plugs them in. A
module whose firmware is not its partner's takes the whole shelf down once it has its cables, and every volume with it;
so does any new one while the fault `shelf-stays-away` is on. With the old module in its place the shelf comes back.
"""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from gate.lab.parts import BY_HAND, JOIN_S, LabPart, Replaceable, labelled
from gate.lab.scsi import Controller

ON_SHELF: Mapping[str, str] = {
    "shelf": "a shelf of drives hangs on it",
    "swap-module": "somebody replaces the second module of its shelf: PART SERIAL FIRMWARE as on its label, or old",
    "cable-module": "somebody plugs in the cables of the second module of its shelf",
    "module-dead": "the second module of its shelf is dead",
    "first-module-away": "the first module of its shelf is offline",
    "shelf-stays-away": "its shelf does not come back once a new module has its cables",
    "drive-on-one-path": "a drive of its shelf has lost the path through the first module, for a reason of its own",
}


class Shelved(Replaceable, ABC):
    """An array with two controllers in slots, and a shelf where one is hung on it."""

    own_faults: ClassVar[Mapping[str, str]] = {**BY_HAND, **ON_SHELF}
    module_part: ClassVar[str]
    module_firmware: ClassVar[str]

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        labels = [f"11S{self.module_part}YHU{self.serial[-8:]}{slot}" for slot in "12"]
        self.modules = [LabPart(self.module_part, label, self.module_firmware) for label in labels]
        self._first_module = self.modules[1]
        self._broken_module: LabPart | None = None
        self.module_cabled = True
        self.module_joined = True
        self.shelf_lost = False
        """Nothing on it answers: neither module, no drive."""

    @property
    def module_states(self) -> tuple[str, str]:
        """Return what it says of the two modules."""
        if self.shelf_lost:
            return "offline", "offline"
        first = "offline" if "first-module-away" in self.faults else "online"
        if "module-dead" in self.faults:
            return first, "offline"
        return first, "online" if self.module_joined else "degraded"

    @property
    def shelf_state(self) -> str:
        """Return what it says of the shelf; of each drive in it likewise, which has a path through each module."""
        online = self.module_states.count("online")
        return ("offline", "degraded", "online")[online]

    def set_fault(self, name: str, value: str) -> None:
        """Switch a fault on; a hand does its work at once and leaves nothing switched on."""
        if name == "swap-module":
            self.swap_module(value)
        elif name == "cable-module":
            self.cable_module()
        else:
            super().set_fault(name, value)

    def swap_module(self, words: str) -> None:
        """Take the second module out and put another one in, without its cables; ValueError for no label."""
        put = labelled(words, self._first_module)
        with self.lock:
            self.accepted["swap-module"] += 1
            if self.faults.pop("module-dead", None) is not None:
                self._broken_module = self.modules[1]
            if put == self._broken_module:
                self.faults["module-dead"] = ""
            self.modules[1] = put
            self.module_cabled = self.module_joined = False
            self._whole(lost=False)

    def cable_module(self) -> None:
        """Plug in the cables of the second module; it joins, and takes the shelf down if it does not fit."""
        with self.lock:
            if self.module_cabled:
                raise ValueError("it has its cables already")
            self.accepted["cable-module"] += 1
            self.module_cabled = True
            joins = self.modules[1]
            self.job(lambda: self._join_module(joins))

    def _join_module(self, joins: LabPart) -> None:
        if not self.pause(JOIN_S):
            return
        with self.lock:
            if not self.module_cabled or self.modules[1] is not joins:
                return  # somebody has taken it out meanwhile
            fits = self.modules[1].firmware == self.modules[0].firmware
            if fits and ("shelf-stays-away" not in self.faults or self.modules[1] == self._first_module):
                self.module_joined = True
            else:
                self._whole(lost=True)

    def _whole(self, *, lost: bool) -> None:
        """The volumes lie on drives of the shelf too: they go with it, and come back with it."""
        if lost != self.shelf_lost:
            self.shelf_lost = lost
            self.controller.faults.offline = lost
