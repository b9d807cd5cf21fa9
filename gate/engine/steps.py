"""Running one step: asking until it is answered, acting once, looking before anything is repeated."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from gate.change import Plan
from gate.engine.hands import Hands
from gate.errors import GateError
from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.permits.office import Permit
from gate.playbook import any_holds, holds, why_not
from gate.step import Step

SENDING = timedelta(seconds=20)
"""From intent to the last byte of a command (our choice); an unfinished intent is looked at after it."""

SENDING_IMAGE = timedelta(minutes=10)
RESTARTING = 60
"""Seconds that a look gives an array which does not answer before the outcome is called unknown (our choice)."""

USUAL = 30
"""Seconds within which an answer comes; a question that says a longer time is waited for so long."""

REST = 0.2
"""Seconds between two tries when a device does not answer."""


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


def facts_of(plan: Plan, reader: str, reply: Reply) -> dict[str, str]:
    """Read a reply with the plan's family; what cannot be read has no facts but `unreadable`."""
    return FAMILIES[ArrayFamily(plan.family)].readers[reader](reply)


def ask(
    hands: Hands, plan: Plan, array: str, step: Step, interrupted: Event, silence_s: float = RESTARTING
) -> Outcome | None:
    """
    Ask until the step is answered or its time is over; None when `interrupted` while waiting.

    Silence never becomes an answer. A step that says `disconnects: expected` bears it until its time is over, any
    other one for `silence_s` seconds, as long as a restart of a management controller may take.
    """
    deadline = time.monotonic() + step.within_s
    slow = float(step.within_s) if not step.until and step.within_s > USUAL else None
    heard = time.monotonic()
    last = Outcome("unknown", "it was not asked")
    while True:
        reply = hands.ask(array, step.command, slow)
        facts = facts_of(plan, step.reader, reply)
        if step.refuse and any_holds(step.refuse, facts):
            return Outcome("failed", _told(step, facts), reply)
        if not step.until or holds(step.until, facts):
            if not step.expect or holds(step.expect, facts):
                return Outcome("done", _told(step, facts), reply)
            if "unreadable" not in facts:
                return Outcome("failed", why_not(step.expect, facts), reply)
        last = Outcome("unknown", why_not(step.until or step.expect, facts), reply)
        answered = reply.state is ReplyState.ANSWERED
        rest = step.every_s if answered and step.until else REST
        heard = time.monotonic() if answered else heard
        silent = not answered and not step.disconnects and time.monotonic() - heard > silence_s
        if silent or time.monotonic() + rest > deadline:
            return last
        if interrupted.wait(rest):
            return None


def act_before(step: Step, now: datetime, expires: datetime) -> datetime:
    """
    Return the moment after which nothing of this step may leave any more; never later than the permit's end.

    An answer to a prompt leaves as well, and a prompt may come after a long examination.
    """
    sending = SENDING_IMAGE if step.send else SENDING
    return min(now + (max(sending, timedelta(seconds=step.within_s)) if step.answers else sending), expires)


def act(hands: Hands, plan: Plan, step: Step, permit: Permit, before: datetime) -> Outcome:
    """Send a mutating step once; whatever is not plainly accepted or plainly rejected is `unknown`."""
    try:
        reply = hands.act(plan, step, permit, before)
    except GateError as error:
        return Outcome("unknown", f"nothing was sent: {error}")
    facts = facts_of(plan, step.reader, reply)
    if reply.state is ReplyState.ANSWERED and holds(step.expect, facts):
        return Outcome("done", _told(step, facts), reply)
    if reply.state is ReplyState.ANSWERED and reply.exit_status not in (0, None):
        return Outcome("failed", why_not(step.expect, facts), reply)
    return Outcome("unknown", reply.problem or why_not(step.expect, facts), reply)


def look(hands: Hands, plan: Plan, array: str, step: Step, interrupted: Event) -> Outcome | None:
    """Ask whether a mutating step was begun: `done`, `not_begun` or `unknown`; a restarting array gets time."""
    deadline = time.monotonic() + max(step.within_s, RESTARTING)
    while True:
        reply = hands.ask(array, step.look_command)
        facts = facts_of(plan, step.look_reader, reply)
        if holds(step.look_done, facts):
            return Outcome("done", "the array shows that it was done", reply)
        if holds(step.look_not_begun, facts):
            return Outcome("not_begun", "the array shows that it was not begun", reply)
        if reply.state is ReplyState.ANSWERED and "unreadable" not in facts:
            return Outcome("unknown", "the array's answer fits neither done nor not begun", reply)
        if time.monotonic() > deadline:
            silent = reply.problem or facts.get("unreadable", "no reason given")
            return Outcome("unknown", f"the array could not be asked: {silent}", reply)
        if interrupted.wait(REST):
            return None


def _told(step: Step, facts: dict[str, str]) -> str:
    names = [name for name, _ in (*step.refuse, *step.until, *step.expect)]
    told = [f"{name} {facts[name]}" for name in dict.fromkeys(names) if name in facts]
    return ", ".join(told) or "as expected"
