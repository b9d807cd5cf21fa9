"""What one answer makes of one step that asks: the same for a real run, a dry run and a vendor's precheck."""

from collections.abc import Callable
from dataclasses import dataclass

from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.playbook import any_holds, holds, why_not
from gate.step import Step
from gate.tree import show

USUAL = 30
"""Seconds within which an answer comes; a question that says a longer time is waited for so long."""

Put = Callable[[str, float | None], Reply]
"""(words, seconds or None for the usual time) → the reply; under the read-only credential."""


@dataclass(frozen=True)
class Outcome:
    """How a step came out: `done`, `failed` or `unknown`, why, and the digest of the last raw reply."""

    outcome: str
    because: str
    reply: Reply | None = None

    @property
    def prompt(self) -> str:
        """What the array waited to be told that the playbook does not tell it; empty when nothing."""
        return self.because if self.reply is not None and self.reply.state is ReplyState.PROMPTED else ""


def facts_of(family: str, reader: str, reply: Reply) -> dict[str, str]:
    """Read a reply with the family's reader; what cannot be read has no facts but `unreadable`."""
    return FAMILIES[ArrayFamily(family)].readers[reader](reply)


def only_asks(family: str, command: str) -> str:
    """Say why a question may not be put: its exact words are not on the family's list; empty when it may."""
    known = FAMILIES[ArrayFamily(family)].may_ask(command)
    return "" if known else f'not asked: "{show(command)}" is not on the list of questions that change nothing'


def patience(step: Step) -> float | None:
    """Return the seconds that one slow answer may take; None where the usual time is enough."""
    return float(step.within_s) if not step.until and step.within_s > USUAL else None


def judged(step: Step, facts: dict[str, str], reply: Reply) -> Outcome:
    """Say what one answer makes of an asking step: `done`, `failed`, or `unknown` where it is asked again."""
    if step.refuse and any_holds(step.refuse, facts):
        return Outcome("failed", told(step, facts), reply)
    if not step.until or holds(step.until, facts):
        if not step.expect or holds(step.expect, facts):
            return Outcome("done", told(step, facts), reply)
        if "unreadable" not in facts:
            return Outcome("failed", why_not(step.expect, facts), reply)
    return Outcome("unknown", why_not(step.until or step.expect, facts), reply)


def seen(step: Step, facts: dict[str, str], reply: Reply) -> Outcome | None:
    """Return what an answer to a step's look says: `done`, `not_begun`, `unknown`; None when it could not be read."""
    if holds(step.look_done, facts):
        return Outcome("done", "the array shows that it was done", reply)
    if holds(step.look_not_begun, facts):
        return Outcome("not_begun", "the array shows that it was not begun", reply)
    if reply.state is ReplyState.ANSWERED and "unreadable" not in facts:
        unfit = f"the array's answer fits neither done nor not begun: {why_not(step.look_done, facts)}"
        return Outcome("unknown", unfit, reply)
    return None


def told(step: Step, facts: dict[str, str]) -> str:
    """Return the facts that the step's conditions name, as a sentence."""
    names = [name for name, _ in (*step.refuse, *step.until, *step.expect)]
    found = [f"{name} {facts[name]}" for name in dict.fromkeys(names) if name in facts]
    return ", ".join(found) or "as expected"
