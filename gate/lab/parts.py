"""
Arrays of which somebody can take a controller out and put another one in, with their hands and beside the command line.

The lab's fault `swap` is that hand: its value is what stands on the label, `PART SERIAL FIRMWARE`, or `old` for the
part that was there first. The part then sits in its slot, powered, without its data cables; `let-in` plugs them in. A
part whose firmware is not its partner's takes the whole array down when it is let in, as at King's College in 2016.
Only the second controller can be taken out: who talks to the array talks to the first. The fault `partner-dead` is of
the controller that sits there then: it goes with it, and comes back with it.
"""

import re
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gate.lab.array import Array
from gate.lab.scsi import Controller

JOIN_S = 0.6
BY_HAND: Mapping[str, str] = {
    "swap": "somebody replaces the second controller: PART SERIAL FIRMWARE as on its label, or old",
    "let-in": "somebody plugs in the cables of the second controller and lets it join",
    "part-refused": "does not let another second controller join",
    "tells-dead": "says that its second controller is dead, which serves",
}
HANDS = ("swap", "let-in")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")


@dataclass(frozen=True)
class LabPart:
    """One controller as it stands on its label; without firmware of its own it carries what the array runs."""

    part: str
    serial: str
    firmware: str = ""


def labelled(words: str, old: LabPart) -> LabPart:
    """Return the part that somebody was given; ValueError for what is no label."""
    label = words.split()
    if label == ["old"]:
        return old
    if len(label) != 3 or not all(LABEL.fullmatch(word) for word in label):
        raise ValueError("a label is PART SERIAL FIRMWARE, or old")
    return LabPart(*label)


class Replaceable(Array, ABC):
    """An array with two controllers in slots; what it says of them is the dialect's."""

    part_number: ClassVar[str]
    own_faults: ClassVar[Mapping[str, str]] = BY_HAND

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.sitting = {one: LabPart(self.part_number, self.label(one)) for one in self.names}
        self._first = dict(self.sitting)
        self.cabled = True
        """Whether the second controller has its data cables, and may join."""

        self.joining = False
        self._broken: LabPart | None = None
        """The one that is dead, and goes on being so wherever it lies."""

    @property
    def told_controllers(self) -> dict[str, str]:
        """Return what it says of its controllers."""
        lie = {self.names[1]: "offline"} if "tells-dead" in self.faults else {}
        return {**self.controllers, **lie}

    @property
    def silent(self) -> tuple[str, ...]:
        """Controllers that answer nothing themselves: a dead one does not."""
        return self.names[1:] if self.faults.keys() & {"partner-dead", "tells-dead"} else ()

    def label(self, controller: str) -> str:
        """Return the serial on the label of a controller that was there from the beginning."""
        return f"LB{self.serial[-8:]}{controller[-1]}"

    def firmware_of(self, controller: str) -> str:
        """Return what one controller carries."""
        return self.sitting[controller].firmware or self.version

    def set_fault(self, name: str, value: str) -> None:
        """Switch a fault on; a hand does its work at once and leaves nothing switched on."""
        if name == "swap":
            self.swap(value)
        elif name == "let-in":
            self.let_in()
        else:
            super().set_fault(name, value)

    def swap(self, words: str) -> None:
        """Take the second controller out and put another one in, without its cables; ValueError for no label."""
        second = self.names[1]
        put = labelled(words, self._first[second])
        with self.lock:
            self.accepted["swap"] += 1
            if self.faults.pop("partner-dead", None) is not None:
                self._broken = self.sitting[second]
            if put == self._broken:
                self.faults["partner-dead"] = ""
            self.controllers[second] = "offline"
            self.sitting[second], self.cabled = put, False

    def let_in(self) -> None:
        """Plug in the cables of the second controller; it joins, unless the array refuses it."""
        with self.lock:
            if self.cabled:
                raise ValueError("it has its cables already")
            self.accepted["let-in"] += 1
            self.cabled = True
            known = self.sitting[self.names[1]] == self._first[self.names[1]]
            if "part-refused" not in self.faults or known:
                self.joining = True
                self.job(self._join)

    def _join(self) -> None:
        second = self.names[1]
        if not self.pause(JOIN_S):
            return
        self.joining = False
        if self.firmware_of(second) != self.version:
            self.controller.faults.offline = True
            self.controllers = dict.fromkeys(self.names, "offline")
            return
        self.sitting[second] = LabPart(self.sitting[second].part, self.sitting[second].serial)
        self.controllers[second] = "offline" if "partner-dead" in self.faults else "online"
