"""Running one step: asking until it is answered, acting once, looking before anything is repeated."""

import time
from datetime import datetime, timedelta
from threading import Event

from gate.change import Plan
from gate.engine.hands import Hands
from gate.errors import GateError
from gate.evidence import ReplyState
from gate.gather.asking import Outcome, facts_of, judged, only_asks, patience, seen, told
from gate.permits.office import Permit
from gate.playbook import holds, why_not
from gate.step import Step
from gate.transcript import scrubbed

SENDING = timedelta(seconds=20)
"""From intent to the last byte of a command (our choice); an unfinished intent is looked at after it."""

SENDING_IMAGE = timedelta(minutes=10)
RESTARTING = 60
"""Seconds that a look gives an array which does not answer before the outcome is called unknown (our choice)."""

REST = 0.2
"""Seconds between two tries when a device does not answer."""

SETTLING = 1.0
"""Seconds between two looks at an array that shows nothing begun."""


def ask(
    hands: Hands,
    plan: Plan,
    array: str,
    step: Step,
    interrupted: Event,
    silence_s: float = RESTARTING,
    left_s: float | None = None,
) -> Outcome | None:
    """
    Ask until the step is answered or its time is over; None when `interrupted` while waiting.

    Silence never becomes an answer. A step that says `disconnects: expected` bears it until its time is over, any
    other one for `silence_s` seconds, as long as a restart of a management controller may take. `left_s` is what is
    left of its time when it is not at its beginning; the question is put once whatever is left.
    """
    if why := only_asks(plan.family, step.command):
        return Outcome("failed", why)
    deadline = time.monotonic() + (step.within_s if left_s is None else left_s)
    heard = time.monotonic()
    while True:
        reply = hands.ask(array, step.command, patience(step))
        last = judged(step, facts_of(plan.family, step.reader, reply), reply)
        if last.outcome != "unknown":
            return last
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
        reply = scrubbed(hands.act(plan, step, permit, before), (permit.password, permit.pem))
    except GateError as error:
        return Outcome("unknown", f"nothing was sent: {error}")
    facts = facts_of(plan.family, step.reader, reply)
    if reply.state is ReplyState.ANSWERED and holds(step.expect, facts):
        return Outcome("done", told(step, facts), reply)
    if reply.state is ReplyState.ANSWERED and reply.exit_status not in (0, None):
        return Outcome("failed", why_not(step.expect, facts), reply)
    return Outcome("unknown", reply.problem or why_not(step.expect, facts), reply)


def look(hands: Hands, plan: Plan, array: str, step: Step, interrupted: Event, settle_s: float = 0.0) -> Outcome | None:
    """
    Ask whether a mutating step was begun: `done`, `not_begun` or `unknown`; a restarting array gets time.

    `not_begun` must be the answer for `settle_s` seconds on end: what was sent before a connection ended may lie with
    an array that stood still, and begin when it goes on.
    """
    if why := only_asks(plan.family, step.look_command):
        return Outcome("unknown", why)
    deadline = time.monotonic() + max(step.within_s, RESTARTING)
    settled: float | None = None
    while True:
        reply = hands.ask(array, step.look_command)
        facts = facts_of(plan.family, step.look_reader, reply)
        found, now = seen(step, facts, reply), time.monotonic()
        if found is None:
            settled, rest = None, REST
            if now > deadline:
                silent = reply.problem or facts.get("unreadable", "no reason given")
                return Outcome("unknown", f"the array could not be asked: {silent}", reply)
        else:
            settled = now + settle_s if settled is None else settled
            if found.outcome != "not_begun" or now >= settled:
                return found
            rest = min(SETTLING, settled - now)
        if interrupted.wait(rest):
            return None
