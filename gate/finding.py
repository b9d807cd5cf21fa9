"""The answer to a check, and what a check is besides its rule."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from gate.canonical import Json, digest
from gate.policy import Seat
from gate.sentence import Later


class Outcome(StrEnum):
    """Three answers, not two: what could not be found out is `unknown`, and unknown refuses."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


PASSED, FAILED, UNKNOWN = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN
"""By name: in Python 3.11 a member asked of its class takes longer than the question that it answers."""


class Weight(StrEnum):
    """
    What a finding that did not pass does to the verdict.

    `block`: it refuses, unless a waiver in force names it. `sign`: it refuses until the check's seat has signed for it
    by name; `unknown` is no better than `failed` there. `inform`: it only tells.
    """

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
    source: str = ""
    """Ids of docs/checks.md's list of questions that it answers: `BK-04`; empty for one of our own."""

    seat: Seat | None = None
    """Who must sign by name when it weighs `sign` and did not pass; None where it never weighs so."""

    waivable: bool = False
    """Whether two people may waive it; never for the same array, an unknown relation, image, window and conflict."""


@dataclass(frozen=True)
class Finding:
    """One check's one answer for one change."""

    check: str
    outcome: Outcome
    because: Later[str] = Later()  # noqa: RUF009  a descriptor, made once
    """One sentence; several subjects are joined by "; "."""

    relied_on: Later[dict[str, Json]] = Later(dict)  # noqa: RUF009  a descriptor, made once
    """What the answer rests on materially (promise 5): protections, levels, identities. Never ids, ages, times."""

    evidence: Later[tuple[str, ...]] = Later(tuple)  # noqa: RUF009  a descriptor, made once
    """Digests of the raw replies that were read."""

    way_out: str = ""
    """What to do about this very answer; empty when the check's own way out, or that of `unknown`, says it."""

    weight: Weight | None = None
    """What this very answer weighs where that is not the check's own weight: past a limit, or for tier-1 data."""

    valid_until: Later[datetime | None] = Later(type(None))  # noqa: RUF009  likewise
    """When the first of the facts that it rests on expires; None when none does."""

    attestable: bool = False
    """It refuses only because the world gives no measurable identity there: two people may attest it (promise 10)."""

    def told(self) -> Self:
        """Put together now whatever was given as what makes it, and return the same finding."""
        _ = self.because, self.relied_on, self.evidence, self.valid_until
        return self

    @property
    def material(self) -> dict[str, Json]:
        """What signatures bind to: the outcome and what it rests on, without sentences, ids, ages and times."""
        return {"check": self.check, "outcome": self.outcome.value, "relied_on": self.relied_on}

    @property
    def digest(self) -> str:
        """Digest of the material part: what a waiver names."""
        return digest(self.material)


@dataclass(frozen=True)
class Waiver:
    """An exception in force for one finding of one change; made by `gate.waiver` from signatures alone."""

    check: str
    finding: str
    """Digest of the finding as it was when people signed: another finding of the same check is not waived."""

    expires: datetime
    by: tuple[tuple[str, str], ...]
    """(seat, person), each once."""

    reasons: tuple[str, ...] = ()


def first(*moments: datetime | None) -> datetime | None:
    """Return the earliest of the moments that are known; None when none is."""
    return min((moment for moment in moments if moment is not None), default=None)


def worst(outcomes: list[Outcome]) -> Outcome:
    """Failed before unknown before passed; no answer at all is unknown."""
    for outcome in (FAILED, UNKNOWN):
        if outcome in outcomes:
            return outcome
    return PASSED if outcomes else UNKNOWN
