"""
Trying a playbook without changing anything: its questions are put, and what changes something is told and not sent.

All that is given here is a way to ask under the read-only credential: no permit, no image and no connection that could
change something. Each question is held to its family's list once more before it goes out, and its answer is judged as
in a real run. What is asked only after something was changed need not hold yet; that it can be read is what is tried.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from gate.change import Phase
from gate.evidence import Reply, ReplyState
from gate.gather.asking import Outcome, Put, facts_of, judged, only_asks, patience, seen
from gate.inventory import Array
from gate.step import Step

GIVEN_UP = 2
"""Questions without any answer after which the array is asked no more (our choice)."""

AFTER_LOOK = {"done": "done already", "not_begun": "not begun"}


class Would(StrEnum):
    """What a step would come to if it were its turn now."""

    HOLDS = "holds"
    WAITS = "waits"
    """It asks again until its conditions hold; they do not yet."""

    STOPS = "stops"
    LATER = "later"
    """It does not hold now, and need not: something is changed before it."""

    UNKNOWN = "unknown"
    NOT_SENT = "not sent"


@dataclass(frozen=True)
class Tried:
    """One step, and what was found of it."""

    phase: Phase
    number: int
    step: Step
    would: Would
    because: str
    reply: Reply | None = None
    look: str = ""
    """For a step that changes something: what its look says now; empty for a question."""


@dataclass(frozen=True)
class DryRun:
    """What all steps of a playbook would come to on one array."""

    array: str
    tried: tuple[Tried, ...]
    replies: tuple[Reply, ...]
    """One for each question, in the order in which they were put."""

    @property
    def result(self) -> Would:
        """`holds` when the first change would be reached and every question can be read; `stops`; else `unknown`."""
        before = [one.would for one in self.tried[: first_change([one.step for one in self.tried])]]
        if Would.STOPS in before:
            return Would.STOPS
        unread = any(one.would is Would.UNKNOWN for one in self.tried)
        return Would.UNKNOWN if unread or Would.WAITS in before or not self.tried else Would.HOLDS

    @property
    def because(self) -> str:
        """Say in one sentence how it came out."""
        sends = sum(one.would is Would.NOT_SENT for one in self.tried)
        named = [one for one in self.tried if one.would in (Would.STOPS, Would.UNKNOWN, Would.WAITS)]
        if self.result is Would.HOLDS:
            asked = sum(one.would is Would.HOLDS for one in self.tried)
            return f"{asked} questions hold now, every answer can be read, {sends} steps were not sent"
        once: dict[str, Tried] = {}
        for one in named:  # what one answer spoils for several steps is said once
            once.setdefault(one.step.look_command if one.step.mutates else one.step.command, one)
        return "; ".join(f"{one.step.id}: {one.because}" for one in once.values())[:1000]


def first_change(steps: Iterable[Step]) -> int:
    """Return the number of the first step that changes something; how many there are when none does."""
    listed = list(steps)
    return next((number for number, step in enumerate(listed) if step.mutates), len(listed))


def dry_run(
    array: Array,
    phases: Iterable[tuple[Phase, tuple[Step, ...]]],
    put: Put,
    progress: Callable[[str], None] = lambda _: None,
) -> DryRun:
    """Put every question of the phases once to the array, in their order; nothing is raised for what it answers."""
    listed = [(phase, number, step) for phase, steps in phases for number, step in enumerate(steps)]
    questions = _Questions(array, [step for _, _, step in listed], put, progress)
    tried, changed = [], False
    for phase, number, step in listed:
        changed = changed or step.mutates
        tried.append(_not_sent(questions, phase, number, step) if step.mutates else
                     _asked(questions, phase, number, step, changed=changed))  # fmt: skip
    return DryRun(array.id, tuple(tried), tuple(questions.replies.values()))


class _Questions:
    """The same words are put once: within one dry run they have one answer."""

    def __init__(self, array: Array, steps: list[Step], put: Put, progress: Callable[[str], None]) -> None:
        self._array = array
        self._put = put
        self._progress = progress
        self._silent = 0
        self._patience: dict[str, float] = {}
        for step in steps:
            if not step.mutates:
                self._patience[step.command] = max(patience(step) or 0.0, self._patience.get(step.command, 0.0))
        self.replies: dict[str, Reply] = {}

    def ask(self, reader: str, words: str) -> "tuple[dict[str, str], Reply] | str":
        """Return facts and reply, or why it was not asked."""
        if why := only_asks(self._array.family, words):
            return why
        if words not in self.replies:
            if self._silent >= GIVEN_UP:
                return "not asked: the array did not answer what came before"
            self._progress(f"{self._array.id}: asking {words}")
            self.replies[words] = self._put(words, self._patience.get(words) or None)
            silent = self.replies[words].state is not ReplyState.ANSWERED
            self._silent = self._silent + 1 if silent else 0
        reply = self.replies[words]
        return facts_of(self._array.family, reader, reply), reply


def _asked(questions: _Questions, phase: Phase, number: int, step: Step, *, changed: bool) -> Tried:
    found = questions.ask(step.reader, step.command)
    if isinstance(found, str):
        return Tried(phase, number, step, Would.UNKNOWN, found)
    facts, reply = found
    came = judged(step, facts, reply)
    return Tried(phase, number, step, _would(came, facts, changed=changed), came.because, reply)


def _would(came: Outcome, facts: dict[str, str], *, changed: bool) -> Would:
    if came.outcome == "done":
        return Would.HOLDS
    if "unreadable" in facts:
        return Would.UNKNOWN
    if changed:
        return Would.LATER
    return Would.STOPS if came.outcome == "failed" else Would.WAITS


def _not_sent(questions: _Questions, phase: Phase, number: int, step: Step) -> Tried:
    said = f"done by hand by the {step.attended}" if step.attended else "not sent"
    found = questions.ask(step.look_reader, step.look_command)
    if isinstance(found, str):
        return Tried(phase, number, step, Would.UNKNOWN, f"its look: {found}", look="unknown")
    facts, reply = found
    came = seen(step, facts, reply)
    if came is None:
        because = f"its look cannot be read: {reply.problem or facts.get('unreadable', 'no reason given')}"
        return Tried(phase, number, step, Would.UNKNOWN, because, reply, look="unknown")
    look = AFTER_LOOK.get(came.outcome, "neither done nor not begun")
    return Tried(phase, number, step, Would.NOT_SENT, said, reply, look)
