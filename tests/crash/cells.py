"""
The cells of the crash matrix, made from the table of steps: every kind of step, every boundary of it, every mishap.

A kind of step that a playbook may hold and that has no boundaries here has no cells, and a test says so; a step that
the bench's playbook gains is walked through without a line in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.playbook.written import KINDS
from gate.step import Step

ESCORT = ("asking", "asked", "said")
"""Moments of a contractor's step alone: before an escort is asked, while they are, and when their go is recorded."""

BOUNDARIES: Mapping[str, tuple[str, ...]] = {
    "ask": ("before", "silent", "answered", "recorded"),
    "do": (*ESCORT, "wished", "granted", "before", "intended", "half-sent", "sent", "answered", "recorded"),
    "send": (*ESCORT, "wished", "granted", "before", "intended", "half-sent", "sent", "answered", "recorded"),
    "attended": (*ESCORT, "wished", "granted", "before", "intended", "confirmed", "answered", "recorded"),
}
"""
Kind → moments. `wished`: the keyholder has been asked for a permit and has decided nothing. `granted`: it has entered
what it gives, and has not said so. `silent`: an answer did not come, as while the array restarts. `answered`: it is
there and not recorded, after a look as well. `confirmed`: one of two people has said their word.
"""

AT_KEYHOLDER = ("wished", "granted")
"""Moments inside the keyholder."""

MISHAPS: Mapping[str, tuple[str, ...]] = {
    "gate": ("kill", "stop", "power", "cut"),
    "keyholder": ("kill", "stop", "power", "cut"),
    "bastion": ("kill", "stop", "cut"),
    "array": ("restart", "stop", "kill"),
    "contractor": ("stop",),
}
"""
Who comes to harm → how. `kill`: kill -9, and it is started again. `stop`: SIGSTOP until everything that may still be
sent is too late. `power`: kill -9, and its log loses what was not synced and ends torn. `cut`: the connection ends
without a goodbye, of the gate that which was used last. `restart`: the array shuts its doors for a moment; to be
killed it stands in a process of its own. A contractor is stopped by somebody of the house, who later goes on.
"""


@dataclass(frozen=True)
class Cell:
    """One mishap at one boundary of one step."""

    kind: str
    step: str
    boundary: str
    party: str
    mishap: str

    @property
    def escorted(self) -> bool:
        """Whether a contractor performs in this run."""
        return self.party == "contractor" or self.boundary in ESCORT

    @property
    def apart(self) -> bool:
        """Whether the array needs a process of its own, since it is killed."""
        return (self.party, self.mishap) == ("array", "kill")

    @property
    def rare(self) -> bool:
        """Whether it is one of the few for which a run needs more than usual."""
        return self.escorted or self.apart

    def __str__(self) -> str:
        return f"{self.mishap} of the {self.party} at {self.boundary} of {self.step} ({self.kind})"


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
            found += [
                Cell(kind, step.id, boundary, party, mishap)
                for party, mishaps in MISHAPS.items()
                for mishap in mishaps
                if (mishap != "cut" or _open(boundary, party)) and _meets(kind, boundary, party)
            ]
    return found


def _open(boundary: str, party: str) -> bool:
    """Whether somebody uses a connection that could be cut: with the keyholder it lasts as long as the wish."""
    if boundary in AT_KEYHOLDER:
        return party == "keyholder"
    return party == "bastion" or (party == "gate" and boundary not in ("confirmed", *ESCORT))


def _meets(kind: str, boundary: str, party: str) -> bool:
    """Whether harm to that party then is more than a moment later: while an escort is asked nobody else is."""
    if party == "contractor":
        return kind != "ask"
    return boundary not in ESCORT or party == "gate"


def unknown_kinds() -> set[str]:
    """Return the kinds of step that a playbook may hold and the matrix does not know, or the other way round."""
    return set(KINDS) ^ set(BOUNDARIES)
