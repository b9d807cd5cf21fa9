"""What is asked of an array on the way, and entered with what was heard. Nothing here needs a permit."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from gate.authority import escorted
from gate.change import Phase, Plan
from gate.engine import steps
from gate.engine.actions import Act, Ask, Look, Prove
from gate.engine.crew import Crew
from gate.engine.drafts import ended, halted, looked, told
from gate.engine.hands import Hands
from gate.engine.heard import Hearing, kept
from gate.engine.proving import prove
from gate.engine.waiting import since, unended
from gate.evidence import Reply
from gate.gather.asking import Outcome
from gate.standing import Standing, State
from gate.step import Step


def ask(crew: Crew, plan: Plan, standing: Standing, action: Ask, interrupted: Event) -> None:
    """
    Ask until the step is answered, and enter how it came out.

    While the canary is taken back, what was begun is waited for no longer than `settle`: who goes back is heard, and
    says whether to wait for its end.
    """
    phase, number, step = place = (action.phase, action.number, action.step)
    now = crew.hands.clock()
    if no_go := escorted(plan, standing, phase, number, crew.people(), crew.approvals, now):
        crew.ledger.append(halted(standing, no_go), expect=standing.seq)
        return

    def news(facts: str, reply: Reply) -> None:
        crew.ledger.append(told(plan, place, facts, reply))

    hearing, hands = _hearing(crew, plan, step, news, standing.told.get((phase, number), ""))
    mark, begun = standing.mark(phase, number), since(plan, standing, phase, number)
    left_s = step.within_s - max(0.0, (now - begun).total_seconds() if begun else 0.0)
    going_back = standing.state is State.BACKING_OUT and phase is not Phase.BACK_OUT
    if going_back and not (mark and mark.again):
        left_s = min(left_s, crew.settle.total_seconds())
    came = steps.ask(hands, plan, plan.canary, step, interrupted, left_s=left_s)
    if came is not None:
        blobs = kept(crew.ledger, plan, step, came, hearing.replies)
        crew.ledger.append(ended(standing, plan, place, mark.attempt + 1 if mark else 1, came, blobs))


def to_be_sent(crew: Crew, plan: Plan, standing: Standing, action: Act, interrupted: Event) -> bool:
    """
    Look first, and enter what was found where that ends the matter.

    What was sent before goes again only where the array shows that it was not begun. So does a step from which there is
    no way back, whoever has said "again": what fits neither done nor not begun is no state to take it in.
    """
    step, place = action.step, (action.phase, action.number, action.step)
    hearing, hands = _hearing(crew, plan, step)
    seen = steps.look(hands, plan, plan.canary, step, interrupted)
    if seen is None:
        return False
    if seen.outcome == "done":
        already = Outcome("already", "the array was as wanted, nothing was sent", seen.reply)
        blobs = kept(crew.ledger, plan, step, already, hearing.replies)
        crew.ledger.append(ended(standing, plan, place, action.attempt, already, blobs))
        return False
    only_untouched = action.repeats or (step.point_of_no_return and bool(step.look_not_begun))
    if only_untouched and seen.outcome != "not_begun":
        blobs = kept(crew.ledger, plan, step, seen, hearing.replies)
        crew.ledger.append(looked(standing, plan, place, seen, blobs))
        return False
    return True


def look(crew: Crew, plan: Plan, standing: Standing, action: Look, interrupted: Event) -> None:
    """Look whether a step was begun, and enter what was found."""
    step = action.step
    hearing, hands = _hearing(crew, plan, step)
    waits = not step.attended or standing.state is State.BACKING_OUT
    settle_s = crew.settle.total_seconds() if waits else 0.0
    came = steps.look(hands, plan, plan.canary, step, interrupted, settle_s)
    if came is not None:
        blobs = kept(crew.ledger, plan, step, came, hearing.replies)
        crew.ledger.append(looked(standing, plan, (action.phase, action.number, step), came, blobs))


def look_back(crew: Crew, plan: Plan, standing: Standing, action: Prove, interrupted: Event) -> None:
    """See whether the canary stays as it was taken back, and enter it."""
    step = action.step
    hearing, hands = _hearing(crew, plan, step)
    came = prove(hands, plan, unended(plan, standing), interrupted, crew.settle.total_seconds())
    if came is not None:
        blobs = kept(crew.ledger, plan, step, came, hearing.replies)
        crew.ledger.append(looked(standing, plan, (action.phase, action.number, step), came, blobs))


def _hearing(
    crew: Crew, plan: Plan, step: Step, news: Callable[[str, Reply], None] | None = None, last: str = ""
) -> tuple[Hearing, Hands]:
    """Return hands whose questions are remembered, and where; `last` is what was told of the step so far."""
    hearing = Hearing(crew.hands.asker, plan, step, news, told=last)
    return hearing, replace(crew.hands, asker=hearing)
