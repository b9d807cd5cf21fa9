"""
What a change is, read from nothing but its entries (promise 8).

`fold` is the only reader of a change's history; `ALLOWED` is the table of which entry may follow in which state.
An entry that authorises is appended only if the history is still the one that was folded, so what this module says
about a history is what was true when the next entry was written.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gate.approval import NAMESPACE, Signed, read_statement
from gate.attendance import NAMESPACE as ATTENDED
from gate.attendance import Confirmed, Word, read_confirmation
from gate.finding import Outcome, When
from gate.judgement import Held, Latencies, Probe
from gate.ledger.entry import Entry
from gate.lifecycle.answered import answered, asked
from gate.lifecycle.escorted import escort_asked, escort_go, escort_stopped
from gate.lifecycle.said import blob, listed, moment, place, said, signature, whole
from gate.standing import BEFORE, BEGUN, MOVING, Mark, Standing, State
from gate.verdict import rows, stands, to_sign
from gate.waiver import NAMESPACE as WAIVER
from gate.waiver import SignedWaiver, read_waiver

ALLOWED: Mapping[str, frozenset[State]] = {
    "plan.sealed": BEFORE,
    "verdict.given": BEFORE,
    "approval.signed": frozenset({State.OPEN}),
    "approval.denied": frozenset({State.OPEN}),
    "waiver.signed": frozenset({State.OPEN, State.REFUSED}),
    "stage.started": frozenset({State.OPEN}),
    "permit.issued": MOVING,
    "step.intended": MOVING,
    "step.confirmed": MOVING,
    "escort.asked": MOVING,
    "escort.go": MOVING,
    "known_answer.written": frozenset({State.RUNNING}),
    "judgement.given": frozenset({State.RUNNING, State.SOAKING}),
    "change.withdrawn": BEFORE | {State.HALTED, State.COMMITTING, State.BACKING_OUT},
    "change.halted": MOVING,
    "person.answered": BEGUN,
    "change.backed_out": frozenset({State.BACKING_OUT}),
}
"""Entry kind → states in which it may be written. Kinds not named here are facts and may always be written."""


def fold(history: Iterable[Entry]) -> Standing:
    """
    Read a change's entries in order.

    ValueError when they do not begin with its opening, when one is missing, or when one does not carry what its kind
    must: a number that cannot be read must never become a step that seems not begun.
    """
    entries = iter(history)
    first = next(entries, None)
    if first is None or first.kind != "change.opened" or first.change is None or first.seq != 1:
        raise ValueError("a change begins with its change.opened entry")
    standing, seq, at = _read(_opened, first, first), 1, first.time
    for entry in entries:
        seq, at = seq + 1, entry.time
        if entry.seq != seq:
            raise ValueError(f"{first.change}: entry {entry.seq} where {seq} was due")
        if entry.kind in MOVES:
            standing = _read(MOVES[entry.kind], standing, entry)
        if entry.kind in AFTER:
            standing = replace(standing, **AFTER[entry.kind])
    return replace(standing, seq=seq, updated_at=at)


def _read(move: Callable[[Any, Entry], Standing], before: object, entry: Entry) -> Standing:
    try:
        return move(before, entry)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{entry.change}: entry {entry.seq} is no {entry.kind} that can be read") from None


def _opened(_: object, entry: Entry) -> Standing:
    request = entry.data["request"]
    if not isinstance(request, dict):
        raise TypeError(request)
    return Standing(
        change=str(entry.change),
        seq=1,
        state=State.DRAFT,
        number=whole(entry, "number"),
        title=str(entry.data["title"]),
        requester=entry.actor.id,
        request=request,
        opened_at=entry.time,
        updated_at=entry.time,
    )


def _sealed(standing: Standing, entry: Entry) -> Standing:
    digest = str(entry.data["plan_digest"])
    if digest != standing.plan_digest:
        standing = replace(standing, dry_run="", dry_run_at=None)
    return replace(standing, plan_digest=digest, plan_blob=blob(entry, "plan"), canary=str(entry.data["canary"]))


def _tried(standing: Standing, entry: Entry) -> Standing:
    if entry.data["plan_digest"] != standing.plan_digest:
        return standing
    return replace(standing, dry_run=blob(entry, "dry-run"), dry_run_at=entry.time)


def _verdict(standing: Standing, entry: Entry) -> Standing:
    """
    Only the `approve` part decides whether people may sign; the `start` part is asked anew at each start.

    What was approved and begun stays in force to its end, whatever comes later.
    """
    if standing.state not in BEFORE:
        return standing
    lasting = rows(listed(entry, "findings"), When.APPROVE)
    passed = bool(lasting) and all(stands(row) for row in lasting)
    missing = listed(entry, "missing")
    whole = entry.data["opens"] is True or When(str(entry.data["when"])) is When.START
    opens = passed and whole and not missing and bool(entry.data["plan_digest"])
    return replace(
        standing,
        state=State.OPEN if opens else State.REFUSED,
        plan_digest=str(entry.data["plan_digest"]),
        verdict_digest=str(entry.data["verdict_digest"]),
        verdict_blob=blob(entry, "verdict"),
        verdict_at=entry.time,
        verdict_until=moment(entry, "valid_until") if entry.data.get("valid_until") else None,
        to_sign=to_sign(lasting),
        waivable={row["check"]: row["finding"] for row in lasting if row.get("waivable") is True},
    )


def _signed(standing: Standing, entry: Entry) -> Standing:
    """
    Verify the signature of a signed approval each time it is read, and keep the key that it fits.

    Whoever can write the ledger's file alone cannot forge such an approval: `gate.approval` counts it only when that
    key is enrolled for the approver now. This holds as long as the keys in `working.db` are right, and says nothing of
    session approvals, which carry no signature.
    """
    text, method, key = signature(entry, NAMESPACE)
    signed = Signed(read_statement(text), method, entry.time, key)
    return replace(standing, approvals=(*standing.approvals, signed))


def _waived(standing: Standing, entry: Entry) -> Standing:
    """Keep one person's half of a waiver; like an approval, its signature is verified each time it is read."""
    text, method, key = signature(entry, WAIVER)
    half = SignedWaiver(read_waiver(text), method, entry.time, key)
    if (half.statement.change, half.statement.approver) != (entry.change, entry.actor.id):
        raise ValueError(entry.change)
    return replace(standing, waivers=(*standing.waivers, half))


def _started(standing: Standing, entry: Entry) -> Standing:
    return replace(
        standing,
        state=State.RUNNING,
        stage=str(entry.data["stage"]),
        canary=str(entry.data["array"]),
        performer=entry.actor.id,
        started_at=entry.time,
    )


def _marked(standing: Standing, mark: Mark, transcript: str = "") -> Standing:
    at = (mark.phase, mark.number)
    said_so_far = standing.transcripts.get(at, ())
    if transcript:
        standing = replace(standing, transcripts={**standing.transcripts, at: (*said_so_far, transcript)})
    return replace(standing, marks={**standing.marks, at: mark}, asked=None)  # what has begun has spent its go


def _told(standing: Standing, entry: Entry) -> Standing:
    return replace(standing, told={**standing.told, place(entry): str(entry.data["facts"])})


def _intended(standing: Standing, entry: Entry) -> Standing:
    phase, number = place(entry)
    mark = Mark(phase, number, whole(entry, "attempt"), moment(entry, "act_before"), at=entry.time)
    return _marked(standing, mark)


def _step_ended(standing: Standing, entry: Entry) -> Standing:
    phase, number = place(entry)
    before = standing.mark(phase, number) or Mark(phase, number, 1)
    outcome, because, asked = said(entry, "outcome"), str(entry.data["because"]), bool(entry.data.get("prompt"))
    since, at = before.act_before, entry.time
    mark = Mark(phase, number, before.attempt, since, outcome, "", asked, at=at, because=because)
    return _marked(standing, mark, blob(entry, "transcript"))


def _looked(standing: Standing, entry: Entry) -> Standing:
    phase, number = place(entry)
    before = standing.mark(phase, number) or Mark(phase, number, 0)
    asked_alone = bool(before.confirmed) or before.act_before is None  # nothing was sent that said why
    because = str(entry.data["because"]) if asked_alone else before.because
    looked = replace(before, looked=said(entry, "result"), again=False, at=entry.time, because=because)
    return _marked(standing, looked, blob(entry, "transcript"))


def _confirmed(standing: Standing, entry: Entry) -> Standing:
    """Keep one person's word; like an approval, its signature is verified each time it is read."""
    phase, number = place(entry)
    before = standing.mark(phase, number)
    text, method, key = signature(entry, ATTENDED)
    given = Confirmed(read_confirmation(text), method, entry.time, key)
    bound = (given.statement.change, given.statement.person, given.statement.phase, given.statement.number)
    if before is None or bound != (entry.change, entry.actor.id, phase.value, str(number)):
        raise ValueError(entry.change)
    confirmed = {**before.confirmed, Word(given.statement.word): given}
    return _marked(standing, replace(before, confirmed=confirmed, at=entry.time))


def _halted(standing: Standing, entry: Entry) -> Standing:
    return replace(standing, state=State.HALTED, halted=str(entry.data.get("because", "")))


def _hold(standing: Standing, entry: Entry) -> Standing:
    hold = "kept outside the log" if "reason" in entry.private else said(entry, "reason")
    return replace(standing, hold=hold, asked=None)


def _written(standing: Standing, entry: Entry) -> Standing:
    known = {**standing.known_answers, str(entry.data["array"]): str(entry.data["digest"])}
    return replace(standing, known_answers=known)


def _probed(standing: Standing, entry: Entry) -> Standing:
    array, name = str(entry.data["array"]), str(entry.data["name"])
    number = whole(entry, "round")
    if number > 0:
        state = State.SOAKING if standing.state is State.RUNNING else standing.state
        standing = replace(standing, state=state, probed_at=entry.time)
    if name == "latency":
        points = tuple(item for item in listed(entry, "value") if isinstance(item, int))
        known = standing.latencies.get(array, Latencies(array, (), ()))
        known = replace(known, before=points) if number == 0 else replace(known, after=known.after + points)
        return replace(standing, latencies={**standing.latencies, array: known})
    probe = Probe(array, name, number, Outcome(str(entry.data["outcome"])), str(entry.data["value"]))
    return replace(standing, probes=(*standing.probes, probe))


def _judged(standing: Standing, entry: Entry) -> Standing:
    result, because = Held(str(entry.data["result"])), tuple(str(item) for item in listed(entry, "because"))
    state = State.COMMITTING if result is Held.HELD else standing.state
    return replace(standing, state=state, judgement=result.value, judged_because=because)


def _closed(standing: Standing, entry: Entry) -> Standing:
    outcome = said(entry, "outcome")
    state = State.HELD if outcome == State.HELD and standing.state is State.COMMITTING else standing.state
    return replace(standing, state=state, closed=outcome)


MOVES = {
    "plan.sealed": _sealed,
    "dry_run.ended": _tried,
    "verdict.given": _verdict,
    "approval.signed": _signed,
    "waiver.signed": _waived,
    "stage.started": _started,
    "step.intended": _intended,
    "step.ended": _step_ended,
    "step.looked": _looked,
    "step.confirmed": _confirmed,
    "step.told": _told,
    "escort.asked": escort_asked,
    "escort.go": escort_go,
    "escort.stopped": escort_stopped,
    "hold.placed": _hold,
    "change.halted": _halted,
    "known_answer.written": _written,
    "probe.finished": _probed,
    "judgement.given": _judged,
    "person.asked": asked,
    "person.answered": answered,
    "change.closed": _closed,
}
"""Entry kind → what it makes of a standing. Kinds not named here change nothing."""

AFTER: Mapping[str, Mapping[str, Any]] = {
    "approval.denied": {"state": State.DENIED},
    "hold.lifted": {"hold": "", "stopped": "", "asked": None},
    "change.backed_out": {"state": State.BACKED_OUT},
    "change.withdrawn": {"state": State.WITHDRAWN},
}
"""Entry kind → what it sets whatever it carries."""
