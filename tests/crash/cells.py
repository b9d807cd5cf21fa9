"""
The cells of the crash matrix, made from the table of steps: every kind of step, every boundary of it, every mishap.

A kind of step that a playbook may hold and that has no boundaries here has no cells, and a test says so; a step that
the bench's playbook gains is walked through without a line in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.playbook.written import KINDS
from gate.step import Step

BOUNDARIES: Mapping[str, tuple[str, ...]] = {
    "ask": ("before", "silent", "answered", "recorded"),
    "do": ("before", "intended", "half-sent", "sent", "answered", "recorded"),
    "send": ("before", "intended", "half-sent", "sent", "answered", "recorded"),
    "attended": ("before", "intended", "confirmed", "answered", "recorded"),
}
"""
Kind → moments. `silent`: an answer did not come, as while the array restarts. `answered`: it is there and not
recorded, after a look as well. `confirmed`: one of two people has said their word.
"""

MISHAPS = ("kill", "stop", "power", "cut", "array", "keyholder")
"""
What happens: kill -9 of the gate; SIGSTOP of it until everything it may still send is too late; loss of power, which
takes what was not synced; the connection is cut; the array restarts its doors; the permit office is gone.
"""


@dataclass(frozen=True)
class Cell:
    """One mishap at one boundary of one step."""

    kind: str
    step: str
    boundary: str
    mishap: str

    def __str__(self) -> str:
        return f"{self.mishap} at {self.boundary} of {self.step} ({self.kind})"


def kind_of(step: Step) -> str:
    """Return which of the keys of a playbook's step this one was made from."""
    if step.attended:
        return "attended"
    return "send" if step.send else "do" if step.mutates else "ask"


def cells(steps: tuple[Step, ...]) -> list[Cell]:
    """Return every cell of these steps; KeyError for a kind that nobody has given boundaries."""
    found = []
    for step in steps:
        kind = kind_of(step)
        for boundary in BOUNDARIES[kind]:
            if boundary == "silent" and not step.disconnects:
                continue
            permits = boundary == "before" and kind in ("do", "send")
            happens = [mishap for mishap in MISHAPS if mishap != "keyholder" or permits]
            found += [Cell(kind, step.id, boundary, mishap) for mishap in happens]
    return found


def unknown_kinds() -> set[str]:
    """Return the kinds of step that a playbook may hold and the matrix does not know, or the other way round."""
    return set(KINDS) ^ set(BOUNDARIES)
