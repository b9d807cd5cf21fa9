"""Whether a canary that seems to be taken back stays so: asked on end, since an update may begin late, or still run."""

import time
from collections.abc import Sequence
from threading import Event

from gate.change import Plan
from gate.engine.hands import Hands
from gate.engine.steps import RESTARTING, SETTLING
from gate.evidence import ReplyState
from gate.gather.asking import Outcome, facts_of, judged, only_asks, patience
from gate.step import Step


def prove(hands: Hands, plan: Plan, unended: Sequence[Step], interrupted: Event, settle_s: float) -> Outcome | None:
    """
    Return `done` when every question of the way back was answered as expected for `settle_s` seconds on end.

    `unended` are the waits whose end nobody has seen: each must show now that it has ended, well or not. Anything else
    is `unknown`; None when interrupted.
    """
    asks = [step for step in plan.back_out if not step.mutates]
    deadline, settled = time.monotonic() + max(settle_s, RESTARTING), 0.0
    while True:
        found, silent = _all(hands, plan, asks, unended)
        now = time.monotonic()
        if found.outcome == "done":
            settled = settled or now + settle_s
            if now >= settled:
                return found
        elif not silent or now > deadline:
            return found
        else:
            settled = 0.0
        if interrupted.wait(min(SETTLING, max(0.0, settled - now)) if settled else SETTLING):
            return None


def _all(hands: Hands, plan: Plan, asks: Sequence[Step], unended: Sequence[Step]) -> tuple[Outcome, bool]:
    """Return what all questions together say, and whether one of them was not answered at all."""
    last = None
    if not asks:
        return Outcome("unknown", "the plan has no question that tells what a canary taken back looks like"), False
    for step in (*unended, *asks):
        if why := only_asks(plan.family, step.command):
            return Outcome("unknown", why), False
        reply = hands.ask(plan.canary, step.command, patience(step))
        facts = facts_of(plan.family, step.reader, reply)
        came, last = judged(step, facts, reply), reply
        if came.outcome == "done" or (came.outcome == "failed" and step in unended):
            continue
        said = f"{step.id}: {reply.problem or came.because}"
        return Outcome("unknown", said, reply), reply.state is not ReplyState.ANSWERED or "unreadable" in facts
    return Outcome("done", "the canary shows what it showed before, on end", last), False
