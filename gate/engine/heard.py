"""What is kept of talking with an array: the raw reply, the transcript, and news while something is waited for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gate.change import Plan
from gate.engine.hands import Asker
from gate.evidence import Reply
from gate.gather.asking import Outcome, facts_of
from gate.ledger.entry import Blob
from gate.step import Step
from gate.store import Ledger
from gate.transcript import recording, redact

MOST_KEPT = 100
"""Different answers of one step that its transcript keeps; the last is always among them (our choice)."""

MOST_NEWS = 50
"""Entries that tell how a wait goes on, for one step (our choice)."""


@dataclass
class Hearing:
    """Stands between a step and whoever asks; keeps every answer that differs from the one before."""

    asker: Asker
    plan: Plan
    step: Step
    news: Callable[[str, Reply], None] | None = None
    """Told how a wait goes on, each time the facts change."""

    replies: list[Reply] = field(default_factory=list)
    told: str = ""
    entered: int = 0

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Ask, and remember."""
        reply = self.asker.ask(target, command, deadline_s=deadline_s)
        last = self.replies[-1] if self.replies else None
        if last is not None and _same(last, reply):
            self.replies[-1] = reply
        else:
            self.replies.append(reply)
            del self.replies[MOST_KEPT // 2 : -MOST_KEPT // 2]
        if self.news is not None and self.step.until and self.entered < MOST_NEWS:
            self._tell(reply, self.news)
        return reply

    def _tell(self, reply: Reply, news: Callable[[str, Reply], None]) -> None:
        facts = facts_of(self.plan.family, self.step.reader, reply)
        told = ", ".join(f"{name} {value}" for name, value in facts.items() if value)[:300]
        if told and told != self.told:
            self.told, self.entered = told, self.entered + 1
            news(told, reply)


def _same(one: Reply, other: Reply) -> bool:
    return (one.command, one.state, one.stdout, one.stderr) == (other.command, other.state, other.stdout, other.stderr)


def kept(
    ledger: Ledger, plan: Plan, step: Step, came: Outcome, replies: Iterable[Reply] = (), secrets: Iterable[str] = ()
) -> tuple[Blob, ...]:
    """Store what was heard, durably before the entry that names it; a raw reply that holds a secret is not stored."""
    known = tuple(secrets)
    heard = list(replies) or ([came.reply] if came.reply is not None else [])
    blobs = []
    if came.reply is not None and (raw := raw_reply(ledger, came.reply, known)) is not None:
        blobs.append(raw)
    if heard:
        made = recording(f"{plan.change} {step.id} on {plan.canary}", heard, known)
        blobs.append(Blob("transcript", ledger.put_blob(made), len(made)))
    return tuple(blobs)


def raw_reply(ledger: Ledger, reply: Reply, known: Iterable[str] = ()) -> Blob | None:
    """Store a raw reply; None when it holds nothing, or what looks like a secret."""
    text = reply.stdout.decode("utf-8", "replace")
    if not reply.stdout or redact(text, known) != text:
        return None
    return Blob("reply", ledger.put_blob(reply.stdout), len(reply.stdout))
