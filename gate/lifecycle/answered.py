"""What the gate asks people, and what their answers make of a standing."""

from dataclasses import replace

from gate.ledger.entry import Entry
from gate.lifecycle.said import said
from gate.standing import SOAK, Answer, Standing, State


def asked(standing: Standing, entry: Entry) -> Standing:
    """The gate waits for a person."""
    return replace(standing, question=said(entry, "question"), question_step=str(entry.data["step"]))


def answered(standing: Standing, entry: Entry) -> Standing:
    """A person has said again, or has gone back: both are about the step that the question was about."""
    clear = replace(standing, question="", question_step="", asked=None)
    back = Answer(str(entry.data["answer"])) is Answer.BACK_OUT
    about = {
        key: replace(mark, left=True, again=False) if back else replace(mark, again=True, left=False, at=entry.time)
        for key, mark in standing.marks.items()
        if f"{mark.phase} {mark.number}" == standing.question_step
    }
    clear = replace(clear, marks={**standing.marks, **about})
    if back:
        return replace(clear, state=State.BACKING_OUT)
    if standing.question_step == SOAK:
        return replace(clear, judgement="", judged_because=(), extensions=standing.extensions + 1)
    return clear
