"""The answer to a check, and what a check is besides its rule."""

from dataclasses import dataclass, field
from enum import StrEnum

from gate.canonical import Json


class Outcome(StrEnum):
    """Three answers, not two: what could not be found out is `unknown`, and unknown refuses."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Weight(StrEnum):
    """What a finding that did not pass does to the verdict."""

    BLOCK = "block"
    SIGN = "sign"
    INFORM = "inform"


class When(StrEnum):
    """`approve`: asked before people sign and again at start. `start`: asked at start only."""

    APPROVE = "approve"
    START = "start"


FIND_OUT = "What was not found out counts as no. See that what is named here answers, then check the change again."
"""The way out of `unknown`: network, pinned host key, credential, or a lab that is not running."""


@dataclass(frozen=True)
class Check:
    """One question with its record: what the screens and docs/checks.md are made from."""

    name: str
    """Kebab case, never reused for another question."""

    question: str
    meaning: str
    """Why it matters, in one or two sentences."""

    way_out: str
    """What to do when it does not pass."""

    threshold: str
    """Which policy limit it reads and where the default comes from; empty when it has none."""

    weight: Weight
    when: When


@dataclass(frozen=True)
class Finding:
    """One check's one answer for one change."""

    check: str
    outcome: Outcome
    because: str
    """One sentence; several subjects are joined by "; "."""

    relied_on: dict[str, Json] = field(default_factory=dict)
    """What the answer rests on materially (promise 5): protections, levels, identities. Never ids, ages, times."""

    evidence: tuple[str, ...] = ()
    """Digests of the raw replies that were read."""

    way_out: str = ""
    """What to do about this very answer; empty when the check's own way out, or that of `unknown`, says it."""


def worst(outcomes: list[Outcome]) -> Outcome:
    """Failed before unknown before passed; no answer at all is unknown."""
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
        if outcome in outcomes:
            return outcome
    return Outcome.PASSED if outcomes else Outcome.UNKNOWN
