"""
What a simulated switch does to the paths over it: a portal of an array that is reached through the switch alone.

The LUN and its bytes are the array's. What the switch's code does to data happens on the way: it slows, loses, changes
and refuses what passes, and damages nothing that lies on the array already.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Protocol

from gate.lab.array import Array
from gate.lab.scsi import Controller, Faults
from gate.lab.target import Target


class Passage(Controller):
    """The face of an array as it is seen through one switch; asked anew for every command."""

    def __init__(self, behind: Controller, switch: Controller) -> None:
        super().__init__(behind.identity, behind.units)
        self._behind = behind
        self._switch = switch

    def visible(self, initiator: str) -> list[int]:
        """LUNs of the array for this initiator, with the faults of the array and of the way to it."""
        self.identity, self.generation = self._behind.identity, self._behind.generation
        self.faults = both(self._behind.faults, self._switch.faults)
        return super().visible(initiator)


def both(one: Faults, other: Faults) -> Faults:
    """Two sources of faults in a row: what either does is done, and delays add up."""
    told = {each.name: getattr(one, each.name) or getattr(other, each.name) for each in fields(Faults)}
    return Faults(**{**told, "slow_s": one.slow_s + other.slow_s})


class _Serves(Protocol):
    @property
    def serving(self) -> bool: ...


class Portal:
    """A door of the array and of the switch before it: open only while both are up."""

    def __init__(self, target: Target, ends: Iterable[_Serves]) -> None:
        self._target = target
        self._ends = tuple(ends)

    def open(self) -> None:
        """Listen if both ends are there; the one that comes back last opens it."""
        if all(end.serving for end in self._ends):
            self._target.open()

    def suspend(self) -> None:
        """Cut every session and refuse new ones."""
        self._target.suspend()


def attach(target: Target, switch: Array, array: Array) -> None:
    """Let a portal come and go with its switch and with its array."""
    portal = Portal(target, (switch, array))
    switch.doors.append(portal)
    array.doors.append(portal)
