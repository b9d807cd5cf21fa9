"""Everything that may come next in a change: one of these, and the driver does it."""

from dataclasses import dataclass
from datetime import datetime

from gate.change import Phase
from gate.step import Step


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until`; None when only a person or another entry changes that."""

    because: str
    until: datetime | None = None


@dataclass(frozen=True)
class Baseline:
    """Write known-answer data and time reads on these arrays before anything is changed."""

    arrays: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """Run one asking step."""

    phase: Phase
    number: int
    step: Step


@dataclass(frozen=True)
class Act:
    """
    Run one mutating step: permit, intent, act, result.

    `look_first`: it may already be as wanted. `repeats`: it was sent before, and nobody but the array has said that it
    was not begun; so it must say so again right before.
    """

    phase: Phase
    number: int
    step: Step
    attempt: int
    look_first: bool
    repeats: bool = False


@dataclass(frozen=True)
class Look:
    """An intent has no known outcome: ask the array before anything else."""

    phase: Phase
    number: int
    step: Step


@dataclass(frozen=True)
class Prove:
    """What the way back found must last, and what was begun must have ended, before it is called taken back."""

    phase: Phase
    number: int
    step: Step


@dataclass(frozen=True)
class ProbeRound:
    """Probe canary and control."""

    number: int


@dataclass(frozen=True)
class Judge:
    """All rounds are there, or the canary has failed one."""

    rounds: int


@dataclass(frozen=True)
class Question:
    """Only a person may decide how it goes on."""

    question: str
    step: str


@dataclass(frozen=True)
class Halt:
    """Stop where it is; a person backs out or leaves it."""

    because: str


@dataclass(frozen=True)
class Close:
    """The change has come to its end."""

    outcome: str


Action = Wait | Baseline | Ask | Act | Look | Prove | ProbeRound | Judge | Question | Halt | Close
