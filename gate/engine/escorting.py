"""
What comes next while a contractor performs? As ever, but a step waits for an escort's go. Pure, like `next`.

Where the plan names no contractor this is `next_action` and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

from gate.authority import outside_box, purpose_of
from gate.change import Phase, Plan, Purpose
from gate.engine.actions import Act, Action, Ask, Halt, Wait
from gate.engine.next import next_action
from gate.escort import needs_go
from gate.standing import Standing
from gate.step import Step


@dataclass(frozen=True)
class AskEscort:
    """A contractor's step is due: an escort reads its words and says go, or does not."""

    phase: Phase
    number: int
    step: Step
    attempt: int


@dataclass(frozen=True)
class Absent:
    """No escort has said go in time: the change is held."""

    because: str


Next = Action | AskEscort | Absent


def next_escorted(plan: Plan, standing: Standing, now: datetime, run: str) -> Next:
    """
    Return the next action of a change whose stage has begun.

    `run` names this run of the driver: a go that an earlier one has asked for is asked for anew.
    """
    action = next_action(plan, standing, now)
    if not isinstance(action, Ask | Act) or not needs_go(plan, action.step):
        return action
    if standing.stopped:
        return Wait(f"on hold: {standing.hold}")
    if purpose_of(plan, standing, action.phase) is Purpose.FORWARD and (boxed := outside_box(plan, now)):
        return Halt(boxed)
    step, mark, asked = action.step, standing.mark(action.phase, action.number), standing.asked
    due = (action.phase, action.number, mark.attempt + 1 if mark else 1, run)
    if asked is None or (asked.phase, asked.number, asked.attempt, asked.run) != due:
        return AskEscort(action.phase, action.number, step, due[2])
    if now >= asked.until:
        because = f"no escort said go for {action.phase} step {step.id} until {asked.until:%H:%M:%S} UTC"
        return Wait(f"on hold: {standing.hold}; {because}") if standing.hold else Absent(because)
    return action if asked.go is not None else Wait(f"{step.id} waits for an escort's go", asked.until)
