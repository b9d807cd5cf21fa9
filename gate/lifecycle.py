"""
What a change is, read from nothing but its entries (promise 8).

`fold` is the only reader of a change's history; `ALLOWED` is the table of which entry may follow in which state.
An entry that authorises is appended only if the history is still the one that was folded, so what this module says
about a history is what was true when the next entry was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gate.approval import Method, Signed, read_statement
from gate.change import Phase
from gate.finding import Outcome
from gate.judgement import Latencies, Probe
from gate.ledger.entry import Entry
from gate.standing import BEFORE, BEGUN, MOVING, Answer, Mark, Standing, State

ALLOWED: Mapping[str, frozenset[State]] = {
    "plan.sealed": BEFORE,
    "approval.signed": frozenset({State.OPEN}),
    "approval.denied": frozenset({State.OPEN}),
    "stage.started": frozenset({State.OPEN}),
    "permit.issued": MOVING,
    "step.intended": MOVING,
    "known_answer.written": frozenset({State.RUNNING}),
    "judgement.given": frozenset({State.RUNNING, State.SOAKING}),
    "change.withdrawn": BEFORE | {State.HALTED},
    "change.halted": MOVING,
    "person.answered": BEGUN,
    "change.backed_out": frozenset({State.BACKING_OUT}),
}
"""Entry kind → states in which it may be written. Kinds not named here are facts and may always be written."""


def fold(history: Iterable[Entry]) -> Standing:
    """Read a change's entries in order; ValueError when they do not begin with its opening."""
    entries = iter(history)
    first = next(entries, None)
    if first is None or first.kind != "change.opened" or first.change is None or first.seq != 1:
        raise ValueError("a change begins with its change.opened entry")
    request = first.data["request"]
    number = first.data["number"]
    standing = Standing(
        change=first.change,
        seq=1,
        state=State.DRAFT,
        number=number if isinstance(number, int) else 0,
        title=str(first.data["title"]),
        requester=first.actor.id,
        request=request if isinstance(request, dict) else {},
        opened_at=first.time,
        updated_at=first.time,
    )
    for entry in entries:
        if entry.kind in MOVES:
            standing = MOVES[entry.kind](standing, entry)
        standing = replace(standing, **AFTER.get(entry.kind, {}), seq=standing.seq + 1, updated_at=entry.time)
        if entry.seq != standing.seq:
            raise ValueError(f"{first.change}: entry {entry.seq} where {standing.seq} was due")
    return standing


def _blob(entry: Entry, name: str) -> str:
    return next((blob.sha256 for blob in entry.blobs if blob.name == name), "")


def _sealed(standing: Standing, entry: Entry) -> Standing:
    digest = str(entry.data["plan_digest"])
    return replace(standing, plan_digest=digest, plan_blob=_blob(entry, "plan"), canary=str(entry.data["canary"]))


def _verdict(standing: Standing, entry: Entry) -> Standing:
    """Only the `approve` part decides whether people may sign; the `start` part is asked anew at each start."""
    findings = entry.data["findings"]
    rows = [row for row in findings if isinstance(row, dict)] if isinstance(findings, (list, tuple)) else []
    lasting = [row for row in rows if row["when"] == "approve"]
    passed = bool(lasting) and all(row["outcome"] == Outcome.PASSED.value for row in lasting)
    opens = passed and not entry.data["missing"] and bool(entry.data["plan_digest"])
    return replace(
        standing,
        state=(State.OPEN if opens else State.REFUSED) if standing.state in BEFORE else standing.state,
        plan_digest=str(entry.data["plan_digest"]),
        verdict_digest=str(entry.data["verdict_digest"]),
        verdict_blob=_blob(entry, "verdict"),
        verdict_at=entry.time,
    )


def _signed(standing: Standing, entry: Entry) -> Standing:
    statement = read_statement(str(entry.data["statement"]))
    signed = Signed(statement, Method(str(entry.data["method"])), entry.time)
    return replace(standing, approvals=(*standing.approvals, signed))


def _started(standing: Standing, entry: Entry) -> Standing:
    return replace(
        standing,
        state=State.RUNNING,
        stage=str(entry.data["stage"]),
        canary=str(entry.data["array"]),
        performer=entry.actor.id,
        started_at=entry.time,
    )


def _key(entry: Entry) -> tuple[Phase, int]:
    number = entry.data["number"]
    return Phase(str(entry.data["phase"])), number if isinstance(number, int) else -1


def _marked(standing: Standing, mark: Mark) -> Standing:
    return replace(standing, marks={**standing.marks, (mark.phase, mark.number): mark})


def _intended(standing: Standing, entry: Entry) -> Standing:
    phase, number = _key(entry)
    attempt = entry.data["attempt"]
    act_before = datetime.fromisoformat(str(entry.data["act_before"]))
    return _marked(standing, Mark(phase, number, attempt if isinstance(attempt, int) else 1, act_before, at=entry.time))


def _step_ended(standing: Standing, entry: Entry) -> Standing:
    phase, number = _key(entry)
    before = standing.mark(phase, number) or Mark(phase, number, 1)
    outcome, because = str(entry.data["outcome"]), str(entry.data["because"])
    return _marked(standing, replace(before, outcome=outcome, because=because, looked="", again=False, at=entry.time))


def _looked(standing: Standing, entry: Entry) -> Standing:
    phase, number = _key(entry)
    before = standing.mark(phase, number) or Mark(phase, number, 0)
    return _marked(standing, replace(before, looked=str(entry.data["result"]), at=entry.time))


def _hold(standing: Standing, entry: Entry) -> Standing:
    return replace(standing, hold=str(entry.data["reason"]))


def _written(standing: Standing, entry: Entry) -> Standing:
    known = {**standing.known_answers, str(entry.data["array"]): str(entry.data["digest"])}
    return replace(standing, known_answers=known)


def _probed(standing: Standing, entry: Entry) -> Standing:
    array, name, value = str(entry.data["array"]), str(entry.data["name"]), entry.data["value"]
    number = entry.data["round"]
    number = number if isinstance(number, int) else 0
    state = State.SOAKING if number > 0 and standing.state is State.RUNNING else standing.state
    if name == "latency":
        points = tuple(item for item in value if isinstance(item, int)) if isinstance(value, (list, tuple)) else ()
        known = standing.latencies.get(array, Latencies(array, (), ()))
        known = replace(known, before=points) if number == 0 else replace(known, after=known.after + points)
        return replace(standing, state=state, latencies={**standing.latencies, array: known})
    probe = Probe(array, name, number, Outcome(str(entry.data["outcome"])), str(value))
    return replace(standing, state=state, probes=(*standing.probes, probe))


def _judged(standing: Standing, entry: Entry) -> Standing:
    result, because = str(entry.data["result"]), entry.data["because"]
    sentences = tuple(str(item) for item in because) if isinstance(because, (list, tuple)) else (str(because),)
    state = State.COMMITTING if result == "held" else standing.state
    return replace(standing, state=state, judgement=result, judged_because=sentences)


def _asked(standing: Standing, entry: Entry) -> Standing:
    return replace(standing, question=str(entry.data["question"]), question_step=str(entry.data["step"]))


def _answered(standing: Standing, entry: Entry) -> Standing:
    clear = replace(standing, question="", question_step="")
    if entry.data["answer"] == Answer.BACK_OUT:
        return replace(clear, state=State.BACKING_OUT)
    if standing.judgement == "inconclusive":
        return replace(clear, judgement="", judged_because=(), extensions=standing.extensions + 1)
    for key, mark in standing.marks.items():
        if f"{mark.phase} {mark.number}" == standing.question_step:
            return replace(clear, marks={**standing.marks, key: replace(mark, again=True)})
    return clear


def _closed(standing: Standing, entry: Entry) -> Standing:
    outcome = str(entry.data["outcome"])
    state = State.HELD if outcome == State.HELD and standing.state is State.COMMITTING else standing.state
    return replace(standing, state=state, closed=outcome)


MOVES = {
    "plan.sealed": _sealed,
    "verdict.given": _verdict,
    "approval.signed": _signed,
    "stage.started": _started,
    "step.intended": _intended,
    "step.ended": _step_ended,
    "step.looked": _looked,
    "hold.placed": _hold,
    "known_answer.written": _written,
    "probe.finished": _probed,
    "judgement.given": _judged,
    "person.asked": _asked,
    "person.answered": _answered,
    "change.closed": _closed,
}
"""Entry kind → what it makes of a standing. Kinds not named here change nothing."""

AFTER: Mapping[str, Mapping[str, Any]] = {
    "approval.denied": {"state": State.DENIED},
    "hold.lifted": {"hold": ""},
    "change.halted": {"state": State.HALTED},
    "change.backed_out": {"state": State.BACKED_OUT},
    "change.withdrawn": {"state": State.WITHDRAWN},
}
"""Entry kind → what it sets whatever it carries."""
