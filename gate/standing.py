"""Where a change stands: its state, what is known of each step, and everything else its entries tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gate.approval import Signed
from gate.attendance import Confirmed, Word
from gate.canonical import Json
from gate.change import Phase
from gate.escort import Asked
from gate.judgement import Latencies, Probe
from gate.policy import Seat
from gate.waiver import SignedWaiver


class State(StrEnum):
    """Where a change stands."""

    DRAFT = "draft"
    REFUSED = "refused"
    OPEN = "open"
    RUNNING = "running"
    SOAKING = "soaking"
    COMMITTING = "committing"
    HALTED = "halted"
    BACKING_OUT = "backing out"
    HELD = "held"
    BACKED_OUT = "backed out"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


BEFORE = frozenset({State.DRAFT, State.REFUSED, State.OPEN})
READY = frozenset({State.OPEN})
BEGUN = frozenset({State.RUNNING, State.SOAKING, State.COMMITTING, State.HALTED, State.BACKING_OUT})
ENDED = frozenset({State.HELD, State.BACKED_OUT, State.DENIED, State.WITHDRAWN})
MOVING = BEGUN - {State.HALTED}


SOAK = "soak"
"""What a question is about that asks whether to watch for another soak."""


class Answer(StrEnum):
    """What a person may answer when the gate asks or has halted."""

    AGAIN = "again"
    BACK_OUT = "back-out"


@dataclass(frozen=True)
class Mark:
    """The last that is known of one step."""

    phase: Phase
    number: int
    attempt: int
    act_before: datetime | None = None
    outcome: str = ""
    """`done`, `already`, `failed`, `unknown`; empty while it has begun and not ended."""

    looked: str = ""
    """`done`, `not_begun`, `unknown`: what the last look since then found; empty before one."""

    prompted: bool = False
    """The array waited to be told something that the playbook does not tell it: a person reads what it asked."""

    again: bool = False
    """A person said that it may be sent again."""

    left: bool = False
    """A person was asked about it and went back without its answer."""

    at: datetime | None = None
    because: str = ""
    confirmed: Mapping[Word, Confirmed] = field(default_factory=dict)
    """What people have said of a step that is done by hand."""

    @property
    def settled(self) -> bool:
        """True when the step is known to have been done."""
        return self.outcome in ("done", "already") or self.looked == "done"

    @property
    def may_have_begun(self) -> bool:
        """False when it was never sent, or a look showed that it was not begun: an array's own "no" is not enough."""
        return self.settled or (self.attempt > 0 and self.looked != "not_begun")


@dataclass(frozen=True)
class Standing:
    """Everything the gate knows of a change's moves; made by `lifecycle.fold` and by nothing else."""

    change: str
    seq: int
    state: State
    number: int
    title: str
    requester: str
    request: Mapping[str, Json]
    opened_at: datetime
    updated_at: datetime
    plan_digest: str = ""
    plan_blob: str = ""
    verdict_digest: str = ""
    verdict_blob: str = ""
    verdict_at: datetime | None = None
    verdict_until: datetime | None = None
    """When the first of the facts under the verdict expires; None when none does."""

    dry_run: str = ""
    """Digest of the newest dry run of the plan in force; empty when there was none."""

    dry_run_at: datetime | None = None
    to_sign: Mapping[Seat, tuple[str, ...]] = field(default_factory=dict)
    """Seat → checks of the verdict in force that it must sign for by name."""

    waivable: Mapping[str, str] = field(default_factory=dict)
    """Check → digest of its finding in the verdict in force, for each that did not pass and may be waived."""

    waivers: tuple[SignedWaiver, ...] = ()
    """Every half of a waiver ever signed; `gate.waiver` says which are in force."""

    approvals: tuple[Signed, ...] = ()
    performer: str = ""
    stage: str = ""
    canary: str = ""
    started_at: datetime | None = None
    hold: str = ""
    """Why it is held; empty when it is not."""

    halted: str = ""
    """Why it was halted; empty before that."""

    stopped: str = ""
    """Who has stopped a contractor; the hold says why. Nothing is asked for or sent until the hold is lifted."""

    asked: Asked | None = None
    """The go that the gate waits for, or has and not yet spent."""

    marks: Mapping[tuple[Phase, int], Mark] = field(default_factory=dict)
    told: Mapping[tuple[Phase, int], str] = field(default_factory=dict)
    """Step → the last that the array told while it was waited for."""

    transcripts: Mapping[tuple[Phase, int], tuple[str, ...]] = field(default_factory=dict)
    """Step → digests of what was said, in order."""

    known_answers: Mapping[str, str] = field(default_factory=dict)
    """Array → digest of the known-answer data written before the change."""

    probes: tuple[Probe, ...] = ()
    probed_at: datetime | None = None
    """When the last round of the soak was entered."""

    latencies: Mapping[str, Latencies] = field(default_factory=dict)
    judgement: str = ""
    judged_because: tuple[str, ...] = ()
    extensions: int = 0
    question: str = ""
    question_step: str = ""
    closed: str = ""
    """How it closed; empty while it is open."""

    @property
    def signers(self) -> frozenset[str]:
        """Everybody who approved it or waived a finding of it, whether that still counts or not; none performs it."""
        approved = (one.statement.approver for one in self.approvals)
        return frozenset((*approved, *(one.statement.approver for one in self.waivers)))

    @property
    def begun(self) -> bool:
        """True once the stage has started and the change has not ended."""
        return self.state in BEGUN

    def mark(self, phase: Phase, number: int) -> Mark | None:
        """Return what is known of a step; None when it has not begun."""
        return self.marks.get((phase, number))


def may_go_back(standing: Standing) -> bool:
    """True when back-out is an answer: of a begun change, and while going back to what still goes on at the array."""
    onward = standing.question_step.partition(" ")[0] in (Phase.FORWARD, Phase.COMMIT)
    waits = bool(standing.question) and onward
    return standing.begun and not standing.closed and (standing.state is not State.BACKING_OUT or waits)


def stuck(standing: Standing) -> bool:
    """True when it has stopped in mid-stage and only people go on: halted, or asking in its commit or back-out."""
    asks = standing.state in (State.COMMITTING, State.BACKING_OUT) and bool(standing.question)
    return not standing.closed and (standing.state is State.HALTED or asks)
