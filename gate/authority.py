"""
May a permit be made, now, for this step? The only maker of a `Grant`.

Each purpose has its own rule (promise 2). `forward` needs the verdict, the approvals, the stage rule, the window and
no hold. `finish` and `back_out` belong to a stage that has begun and were approved with the plan: neither expiry nor
the end of the window nor a failed canary leaves an array half-flashed. Whatever the purpose, the array is the plan's
canary: there is no way in here to name another one (promise 3).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from gate.approval import Tally
from gate.change import Grant, Phase, Plan, Purpose
from gate.escort import why_no_go
from gate.person import Person
from gate.policy import ApprovalKind
from gate.standing import MOVING, Standing, State
from gate.step import Step

STAGE = "canary"
NO_GO = "nobody has looked whether an escort said go"


def purpose_of(plan: Plan, standing: Standing, phase: Phase) -> Purpose:
    """Return the purpose under which a step of this phase needs its permit."""
    if phase is Phase.BACK_OUT:
        return Purpose.BACK_OUT
    return Purpose.FINISH if phase is Phase.COMMIT or applying(plan, standing) else Purpose.FORWARD


def applying(plan: Plan, standing: Standing) -> bool:
    """
    True once a mutating `finish_first` step may have begun: from then on the update is finished or backed out.

    An intent whose step is known not to have begun finishes nothing: sending it is `forward`, with all its conditions.
    """
    return any(step.finish_first for step in _begun(plan, standing))


def _begun(plan: Plan, standing: Standing) -> list[Step]:
    """Return the mutating forward steps that were sent, unless it is known that they were not begun."""
    marks = ((step, standing.mark(Phase.FORWARD, number)) for number, step in enumerate(plan.forward))
    return [step for step, mark in marks if step.mutates and mark is not None and mark.may_have_begun]


def no_return(plan: Plan, standing: Standing) -> bool:
    """True once a `point_of_no_return` step was sent, unless it is known that it was not begun."""
    for phase in Phase:
        for number, step in enumerate(plan.steps(phase)):
            mark = standing.mark(phase, number)
            if step.point_of_no_return and mark is not None and mark.may_have_begun:
                return True
    return False


def escorted(
    plan: Plan,
    standing: Standing,
    phase: Phase,
    number: int,
    people: Mapping[str, Person],
    kind: ApprovalKind,
    now: datetime,
) -> str:
    """Say why no escort's go lets this step be sent; empty when one does, or when the plan names no contractor."""
    mark = standing.mark(phase, number)
    attempt = mark.attempt + 1 if mark else 1
    if plan.contractor is not None and standing.performer != plan.contractor.person:
        return f"the stage was started by {standing.performer}, whom the plan does not name"
    return why_no_go(plan, standing.asked, (phase, number, attempt), people, standing.requester, kind, now)


def outside_box(plan: Plan, now: datetime) -> str:
    """Say that the time box of the contractor is not open; empty when it is, or when there is none."""
    named = plan.contractor
    if named is None:
        return ""
    who = f"the time box of {named.person} ({named.firm})"
    if now < datetime.fromisoformat(named.not_before):
        return f"{who} opens at {named.not_before}"
    return f"{who} ended at {named.not_after}" if now >= datetime.fromisoformat(named.not_after) else ""


def outside_contract(plan: Plan, standing: Standing, phase: Phase, people: Mapping[str, Person], now: datetime) -> str:
    """Say why the contractor may take nothing forward by the table of people now; empty when they may, or nobody is."""
    if plan.contractor is None or purpose_of(plan, standing, phase) is not Purpose.FORWARD:
        return ""
    person = people.get(plan.contractor.person)
    if person is None or not person.contractor:
        return f"nobody knows {plan.contractor.person} as a contractor"
    return person.shut(now)


def authorise(
    plan: Plan,
    standing: Standing,
    tally: Tally,
    phase: Phase,
    now: datetime,
    lifetime: timedelta,
    evidence_max_age: timedelta,
    no_go: str = NO_GO,
) -> Grant | str:
    """
    Return the grant for the canary, or the sentence that says why there is none.

    `no_go` is what `escorted` says of the step: of a contractor's no grant is made without an escort's go, whatever
    the purpose.

    The first step that changes something rests on evidence no older than `evidence_max_age`, none of whose facts has
    expired (promise 4): a gate that was down between start and first step does not go on from what it once knew.
    """
    purpose = purpose_of(plan, standing, phase)
    if plan.contractor is not None and (standing.stopped or no_go):
        return f"it was stopped by {standing.stopped}" if standing.stopped else no_go
    if plan.digest != standing.plan_digest or plan.change != standing.change:
        return "the plan at hand is not the one in force"
    if standing.state not in MOVING or standing.closed:
        return f"the change is {standing.state}: no stage is under way"
    if standing.stage != STAGE or standing.canary != plan.canary or plan.stages[0].arrays != (plan.canary,):
        return "the stage under way is not the plan's canary stage"
    if standing.state is not MOMENT[phase]:
        return f"the change is {standing.state}: no {phase} step belongs there"
    old = standing.verdict_at is None or now - standing.verdict_at > evidence_max_age
    over = standing.verdict_until is not None and now >= standing.verdict_until
    if purpose is Purpose.FORWARD and (old or over) and not _begun(plan, standing):
        return "the evidence that the start rests on is too old by now"
    because = RULES[purpose](plan, standing, tally, now)
    if because:
        return because
    expires = now + lifetime
    if purpose is Purpose.FORWARD:
        ends = [plan.window_closes, *([plan.contractor.not_after] if plan.contractor else [])]
        expires = min(expires, *map(datetime.fromisoformat, ends), *_expiries(tally))
    return Grant(standing.change, STAGE, plan.canary, purpose, plan.digest, expires)


def _expiries(tally: Tally) -> list[datetime]:
    return [datetime.fromisoformat(signed.statement.expires) for signed in tally.filled.values()]


def _forward(plan: Plan, standing: Standing, tally: Tally, now: datetime) -> str:
    if standing.hold:
        return f"the change is on hold: {standing.hold}"
    if not tally.complete:
        lacking = ", ".join(tally.missing) or "every seat"
        reasons = "; ".join(f"{who}: {why}" for who, why in tally.not_counted)
        return f"approvals are missing for {lacking}" + (f" ({reasons})" if reasons else "")
    if boxed := outside_box(plan, now):
        return boxed
    if not datetime.fromisoformat(plan.window_opens) <= now < datetime.fromisoformat(plan.window_closes):
        return "the window is not open"
    return ""


def _finish(plan: Plan, standing: Standing, tally: Tally, now: datetime) -> str:
    if standing.state is State.COMMITTING and standing.hold:
        return f"the change is on hold: {standing.hold}"
    return ""


def _back_out(plan: Plan, standing: Standing, tally: Tally, now: datetime) -> str:
    return "there is no way back from the step that was sent" if no_return(plan, standing) else ""


MOMENT = {
    Phase.FORWARD: State.RUNNING,
    Phase.COMMIT: State.COMMITTING,
    Phase.BACK_OUT: State.BACKING_OUT,
}
"""Phase → the state in which its steps are taken: nothing is committed before the canary has held."""

RULES = {Purpose.FORWARD: _forward, Purpose.FINISH: _finish, Purpose.BACK_OUT: _back_out}
