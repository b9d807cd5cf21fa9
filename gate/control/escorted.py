"""What the faces show of a contractor under escort: who they are, what waits for a go, who may say it."""

from dataclasses import asdict
from typing import Any

from gate.canonical import utc
from gate.control.verdicts import Sources
from gate.escort import may_escort
from gate.person import Person
from gate.standing import MOVING

View = dict[str, Any]
NOBODY = "no contractor is at work on this change"


def escort_view(sources: Sources, viewer: Person) -> View | None:
    """Return who performs under escort and what waits for a go; None where people of the house perform."""
    plan, standing = sources.plan, sources.standing
    if plan is None or plan.contractor is None:
        return None
    return {
        **asdict(plan.contractor),
        "why_not": may_escort(viewer, standing.requester, plan.contractor),
        "why_not_stop": "" if standing.begun and not standing.closed else NOBODY,
        "stopped": standing.stopped,
        "asks": _asks(sources, may_escort(viewer, standing.requester, plan.contractor)),
    }


def _asks(sources: Sources, why_not: str) -> View | None:
    """Return the step that a go is asked for, in its exact words; None when none is."""
    plan, standing = sources.plan, sources.standing
    asked = standing.asked
    if plan is None or asked is None or standing.state not in MOVING:
        return None
    step, late = plan.steps(asked.phase)[asked.number], sources.now >= asked.until
    return {
        "phase": asked.phase.value,
        "number": asked.number,
        "step": step.id,
        "say": step.say,
        "words": step.command,
        "array": plan.canary,
        "mutates": step.mutates,
        "attended": step.attended,
        "finish_first": step.finish_first,
        "point_of_no_return": step.point_of_no_return,
        "attempt": asked.attempt,
        "ask": asked.ask,
        "until": utc(asked.until),
        "go": asked.go.statement.escort if asked.go else "",
        "why_not": why_not or ("the time to say go is over" if late else ""),
    }
