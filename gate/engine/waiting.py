"""
What goes on at an array after the gate has begun it, as far as a plan's steps and a standing tell. Pure, like `next`.

An answer such as "accepted" settles the step that was sent, and the update runs for hours after it. Until it has ended
the array still shows its old version, which looks like a way back that is done.
"""

from collections.abc import Iterator
from datetime import datetime

from gate.attendance import Word
from gate.change import Phase, Plan
from gate.standing import Mark, Standing
from gate.step import Step

Place = tuple[Phase, int, Step]
ONWARD = (Phase.FORWARD, Phase.COMMIT)


def since(plan: Plan, standing: Standing, phase: Phase, number: int) -> datetime | None:
    """
    Return the moment from which the time of a waiting step counts, as the ledger tells it; None for now.

    Inside a block no hold takes effect, so its wait has begun when the step before it ended, however often it was taken
    up anew. A person who says "again" gives it its whole time once more.
    """
    mark, steps = standing.mark(phase, number), plan.steps(phase)
    if mark is not None and mark.again:
        return mark.at
    if not number or not (steps[number].finish_first and steps[number - 1].finish_first):
        return None
    before = standing.mark(phase, number - 1)
    return before.at if before is not None else None


def awaited(plan: Plan, standing: Standing) -> tuple[Place, Mark | None] | None:
    """Return the first wait for what may have begun whose end is not known, and that no person has left."""
    return next(
        ((place, mark) for place, mark in _waits(plan, standing) if not _ended(mark) and not (mark and mark.left)), None
    )


def unended(plan: Plan, standing: Standing) -> list[Step]:
    """Return every step that waits for what may have begun, and whose end nobody has seen."""
    return [step for (_, _, step), mark in _waits(plan, standing) if not _ended(mark)]


def _ended(mark: Mark | None) -> bool:
    return mark is not None and mark.outcome in ("done", "already", "failed")


def _waits(plan: Plan, standing: Standing) -> Iterator[tuple[Place, Mark | None]]:
    """Yield the waits of each block of `finish_first` steps that may have begun at the array."""
    for phase in ONWARD:
        begun = False
        for number, step in enumerate(plan.steps(phase)):
            mark = standing.mark(phase, number)
            if step.mutates:
                begun = mark is not None and mark.may_have_begun
            begun = begun and step.finish_first
            if begun and step.until:
                yield (phase, number, step), mark


def at_hand(plan: Plan, standing: Standing) -> tuple[Place, Mark] | None:
    """Return the step that was opened to be done by hand and of which nobody knows how it ended."""
    for mark in standing.marks.values():
        step = plan.steps(mark.phase)[mark.number]
        open_ = step.attended and not (mark.settled or mark.looked or mark.left)
        if mark.phase in ONWARD and open_:
            return (mark.phase, mark.number, step), mark
    return None


def both_said(mark: Mark) -> bool:
    """Return whether two people have said that a step is done."""
    return set(mark.confirmed) == set(Word)


def to_prove(plan: Plan, standing: Standing) -> Place | None:
    """
    Return the last question of the way back when what it found has to last before anybody believes it.

    So it is where something was begun and nothing had to be sent to take it back, or the end of it was never seen.
    """
    asks = [number for number, step in enumerate(plan.back_out) if not step.mutates]
    begun = any(
        step.mutates and not step.send and mark is not None and mark.may_have_begun
        for phase in ONWARD
        for number, step in enumerate(plan.steps(phase))
        for mark in (standing.mark(phase, number),)
    )
    if not asks or not begun or (_taken_back(plan, standing) and not unended(plan, standing)):
        return None
    mark = standing.mark(Phase.BACK_OUT, asks[-1])
    if mark is not None and mark.looked == "done":
        return None
    return Phase.BACK_OUT, asks[-1], plan.back_out[asks[-1]]


def _taken_back(plan: Plan, standing: Standing) -> bool:
    marks = (standing.mark(Phase.BACK_OUT, number) for number, step in enumerate(plan.back_out) if step.mutates)
    return any(mark is not None and mark.settled and mark.outcome != "already" for mark in marks)
