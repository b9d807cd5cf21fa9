"""The run of a change as the faces show it: its steps, its probes, and what people do by hand."""

from dataclasses import asdict
from typing import Any

from gate.attendance import Word, counting, why_not
from gate.canonical import utc
from gate.change import Phase
from gate.control.verdicts import Sources
from gate.engine.next import by_hand, rounds_due
from gate.person import Person
from gate.standing import Mark

View = dict[str, Any]


def run_view(sources: Sources) -> View | None:
    """Return the run as far as it is on record; None before a stage has started."""
    plan, standing = sources.plan, sources.standing
    if plan is None or not standing.stage:
        return None
    steps = []
    for phase in Phase:
        for number, step in enumerate(plan.steps(phase)):
            mark = standing.mark(phase, number)
            state = "pending" if mark is None else (mark.outcome or "running")
            if mark is not None and mark.looked:
                state = "done" if mark.looked == "done" else "unknown"
            steps.append(
                {
                    "phase": phase.value,
                    "number": number,
                    "id": step.id,
                    "say": step.say,
                    "command": step.command,
                    "mutates": step.mutates,
                    "attended": step.attended,
                    "confirmed": _confirmed(mark),
                    "state": state,
                    "because": mark.because if mark else "",
                    "attempt": mark.attempt if mark else 0,
                    "at": utc(mark.at) if mark and mark.at else "",
                    "told": standing.told.get((phase, number), ""),
                    "transcripts": len(standing.transcripts.get((phase, number), ())),
                }
            )
    return {
        "stage": standing.stage,
        "canary": plan.canary,
        "control": plan.control,
        "started_at": utc(standing.started_at) if standing.started_at else "",
        "hold": standing.hold,
        "question": standing.question,
        "halted": standing.halted,
        "steps": steps,
        "rounds": rounds_due(plan, standing),
        "probes": [{**asdict(probe), "outcome": probe.outcome.value} for probe in standing.probes],
        "latencies": [asdict(points) for points in standing.latencies.values()],
        "known_answers": dict(standing.known_answers),
        "judgement": standing.judgement,
        "judged_because": list(standing.judged_because),
    }


def _confirmed(mark: Mark | None) -> list[View]:
    """Return who has said what of a step that is done by hand."""
    if mark is None:
        return []
    return [
        {
            "word": word.value,
            "person": given.statement.person,
            "by": given.statement.by,
            "method": given.method.value,
            "at": utc(given.at),
        }
        for word, given in mark.confirmed.items()
    ]


def by_hand_view(sources: Sources, viewer: Person) -> View | None:
    """Return the step that people are doing by hand now, and why the viewer may not give each word; None if none."""
    waiting = by_hand(sources.plan, sources.standing) if sources.plan is not None else None
    if waiting is None:
        return None
    phase, number, step = waiting
    mark = sources.standing.marks[(phase, number)]
    confirmed, people, requester = mark.confirmed, sources.people, sources.standing.requester
    return {
        "phase": phase.value,
        "number": number,
        "id": step.id,
        "words": step.command,
        "by": step.attended,
        "confirmed": _confirmed(mark),
        "why_not": {
            word.value: why_not(viewer, word, requester, confirmed, people)
            for word in Word
            if word not in counting(confirmed, people)
        },
    }
