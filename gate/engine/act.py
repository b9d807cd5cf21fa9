"""
Doing the one thing that `next_action` named, and entering it.

Entries that authorise (permit and intent, judgement) are appended only if the history is
still the one that was folded; facts are appended whatever came in between. An intent is durable before its effect.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import TypeVar

from gate.approval import Tally, tally
from gate.authority import STAGE, authorise
from gate.canonical import Json
from gate.change import Grant, Phase, Plan, Purpose, utc
from gate.engine import steps
from gate.engine.hands import Hands
from gate.engine.next import Act, Action, Ask, Baseline, Close, Halt, Judge, Look, ProbeRound, Question
from gate.engine.probes import baseline, probe_round
from gate.engine.steps import Outcome
from gate.errors import GateError, LedgerUnavailable
from gate.judgement import Limits, judge
from gate.ledger.entry import GATE, Blob, Draft
from gate.lifecycle import ALLOWED
from gate.permits import Office
from gate.permits.office import Wanted
from gate.person import Person
from gate.policy import ApprovalKind, Seat
from gate.standing import Standing, State
from gate.step import Step
from gate.store import Ledger

DRIVER = GATE
Given = TypeVar("Given")

WITNESS_PATIENCE = 2.0
"""Seconds that a move waits for the witnesses before it is thought over again, so that a hold is seen."""

WITNESSED_WITHIN = 10.0
"""Seconds that an intent waits for them; half of what it has until its command must have left."""


@dataclass(frozen=True)
class Crew:
    """Everything that acting needs besides the change itself."""

    ledger: Ledger
    hands: Hands
    office: Office
    people: Callable[[], Mapping[str, Person]]
    approvals: ApprovalKind
    permit_lifetime: timedelta
    evidence_max_age: timedelta
    covered: Callable[[int, float], bool] = lambda _size, _seconds: True
    """(size, seconds) → whether that many entries were cosigned within the time, where policy requires it."""


def count(crew: Crew, plan: Plan, standing: Standing) -> Tally:
    """Count the approvals that hold now for the plan and verdict in force."""
    return tally(
        tuple(Seat(seat) for seat in plan.seats),
        standing.to_sign,
        standing.plan_digest,
        standing.verdict_digest,
        standing.approvals,
        crew.people(),
        standing.requester,
        crew.approvals,
        crew.hands.clock(),
        STAGE,
    )


def perform(crew: Crew, plan: Plan, standing: Standing, action: Action, interrupted: Event) -> None:
    """Do one action; Moved when somebody else moved the change first, LedgerUnavailable when nothing can be entered."""
    match action:
        case Baseline(arrays):
            _assert_witnessed(crew)
            _baseline(crew, plan, standing, arrays)
        case Ask(phase, number, step):
            _ask(crew, plan, standing, phase, number, step, interrupted)
        case Act():
            _act(crew, plan, standing, action, interrupted)
        case Look(phase, number, step):
            _look(crew, plan, standing, phase, number, step, interrupted)
        case ProbeRound(number):
            drafts = probe_round(crew.ledger, crew.hands, plan, standing, number)
            crew.ledger.append_all(drafts)
        case Judge(rounds):
            _judge(crew, plan, standing, rounds)
        case Question(question, step_name):
            _enter(crew, standing, "person.asked", {"question": question, "step": step_name}, authorises=True)
        case Halt(because):
            _enter(crew, standing, "change.halted", {"because": because}, authorises=True)
        case Close(outcome):
            _close(crew, standing, outcome)


def _assert_witnessed(crew: Crew) -> None:
    """LedgerUnavailable unless everything so far is cosigned, where policy requires it: then the gate only looks."""
    if not crew.covered(crew.ledger.size(), WITNESS_PATIENCE):
        raise LedgerUnavailable("no witness has cosigned what authorises this, so no array is touched")


def _enter(crew: Crew, standing: Standing, kind: str, data: Mapping[str, Json], *, authorises: bool = False) -> None:
    draft = Draft(kind, DRIVER, standing.change, data)
    crew.ledger.append(draft, expect=standing.seq if authorises or kind in ALLOWED else None)


def _baseline(crew: Crew, plan: Plan, standing: Standing, arrays: tuple[str, ...]) -> None:
    try:
        drafts = [draft for array in arrays for draft in baseline(crew.hands, plan, standing, array)]
    except GateError as error:
        _enter(crew, standing, "change.halted", {"because": f"known-answer data could not be written: {error}"})
        return
    crew.ledger.append_all(drafts)  # what was written is a fact, whatever came in between


def _ask(crew: Crew, plan: Plan, standing: Standing, phase: Phase, number: int, step: Step, interrupted: Event) -> None:
    came = steps.ask(crew.hands, plan, plan.canary, step, interrupted)
    if came is not None:
        mark = standing.mark(phase, number)
        crew.ledger.append(_ended(crew, standing, plan, phase, number, step, mark.attempt + 1 if mark else 1, came))


def _act(crew: Crew, plan: Plan, standing: Standing, action: Act, interrupted: Event) -> None:
    phase, number, step, attempt = action.phase, action.number, action.step, action.attempt
    if action.look_first and not _to_be_sent(crew, plan, standing, action, interrupted):
        return
    _assert_witnessed(crew)
    now = crew.hands.clock()
    counted = count(crew, plan, standing)
    grant = authorise(plan, standing, counted, phase, now, crew.permit_lifetime, crew.evidence_max_age)
    if isinstance(grant, str):
        refused: dict[str, Json] = {"what": f"permit for {phase} step {step.id}", "why": grant, "who": "gate"}
        because = f"no permit for {phase} step {step.id}: {grant}"
        halted = Draft("change.halted", DRIVER, standing.change, {"because": because})
        attempt_refused = Draft("attempt.refused", DRIVER, standing.change, refused)
        crew.ledger.append_all((attempt_refused, halted), expect=standing.seq)
        return
    wanted = Wanted(plan, phase, number)
    if step.attended:
        _attend(crew, standing, wanted, action, grant, now)
        return
    permit = _ask_for(crew, standing, wanted, step, lambda: crew.office.issue(grant, now, wanted))
    if permit is None:
        return
    before = steps.act_before(step, now, permit.expires)
    permitted = _permit(grant.purpose, plan, permit.serial, utc(permit.expires))
    intended = _intent(plan, action, utc(before))
    entered = crew.ledger.append_all(
        (
            Draft("permit.issued", DRIVER, standing.change, permitted),
            Draft("step.intended", DRIVER, standing.change, intended),
        ),
        expect=standing.seq,
    )
    if crew.covered(entered[-1].index + 1, WITNESSED_WITHIN):
        came = steps.act(crew.hands, plan, step, permit, before)
    else:
        came = Outcome("unknown", "nothing was sent: no witness has cosigned the intent")
    crew.ledger.append(_ended(crew, standing, plan, phase, number, step, attempt, came))
    with suppress(GateError):  # it ends by itself in minutes
        crew.office.over(permit)


def _to_be_sent(crew: Crew, plan: Plan, standing: Standing, action: Act, interrupted: Event) -> bool:
    """Look first, and enter what was found where that ends the matter."""
    phase, number, step = action.phase, action.number, action.step
    seen = steps.look(crew.hands, plan, plan.canary, step, interrupted)
    if seen is None:
        return False
    if seen.outcome == "done":
        already = Outcome("already", "the array was as wanted, nothing was sent", seen.reply)
        crew.ledger.append(_ended(crew, standing, plan, phase, number, step, action.attempt, already))
        return False
    if action.repeats and seen.outcome != "not_begun":
        crew.ledger.append(_looked(crew, standing, plan, phase, number, step, seen))
        return False
    return True


def _attend(crew: Crew, standing: Standing, wanted: Wanted, action: Act, grant: Grant, now: datetime) -> None:
    """Let people begin what they do by hand: entered like an intent, and known to whoever makes permits."""

    def begins() -> bool:
        crew.office.attend(grant, now, wanted)
        return True

    if _ask_for(crew, standing, wanted, action.step, begins):
        opened = Draft("step.intended", DRIVER, standing.change, _intent(wanted.plan, action, utc(now)))
        crew.ledger.append(opened, expect=standing.seq)


def _ask_for(crew: Crew, standing: Standing, wanted: Wanted, step: Step, ask: Callable[[], Given]) -> Given | None:
    """Return what was asked for; None when there is none: a person hears why, and says whether to ask again."""
    try:
        return ask()
    except LedgerUnavailable:
        raise
    except GateError as error:
        why = f"{error.message}; {error.hint}" if error.hint else error.message
    what = f"permit for {wanted.phase} step {step.id}"
    refused: dict[str, Json] = {"what": what, "why": why[:1000], "who": "keyholder"}
    question = f"there is no {what}, and nothing was sent: {why}"[:1000]
    asked: dict[str, Json] = {"question": question, "step": f"{wanted.phase} {wanted.number}"}
    drafts = [Draft("attempt.refused", DRIVER, standing.change, refused)]
    drafts.append(Draft("person.asked", DRIVER, standing.change, asked))
    crew.ledger.append_all(drafts, expect=standing.seq)
    return None


def _permit(purpose: Purpose, plan: Plan, serial: int, expires: str) -> dict[str, Json]:
    return {
        "purpose": purpose.value,
        "stage": plan.stages[0].name,
        "array": plan.canary,
        "plan_digest": plan.digest,
        "serial": str(serial),
        "expires": expires,
    }


def _intent(plan: Plan, action: Act, act_before: str) -> dict[str, Json]:
    named = _named(plan, action.phase, action.number, action.step)
    return {**named, "command": action.step.command, "act_before": act_before, "attempt": action.attempt}


def _named(plan: Plan, phase: Phase, number: int, step: Step) -> dict[str, Json]:
    return {"phase": phase.value, "step": step.id, "number": number, "array": plan.canary}


def _ended(
    crew: Crew, standing: Standing, plan: Plan, phase: Phase, number: int, step: Step, attempt: int, came: Outcome
) -> Draft:
    data: dict[str, Json] = {
        **_named(plan, phase, number, step),
        "outcome": came.outcome,
        "because": came.because[:1000],
        "reply": came.reply.digest if came.reply else "",
        "attempt": attempt,
    }
    if came.prompt:
        data["prompt"] = came.prompt[:300]
    return Draft("step.ended", DRIVER, standing.change, data, _stored(crew, came))


def _stored(crew: Crew, came: Outcome) -> tuple[Blob, ...]:
    """The raw reply is durable before the entry that names it."""
    if came.reply is None or not came.reply.stdout:
        return ()
    digest = crew.ledger.put_blob(came.reply.stdout)
    return (Blob("reply", digest, len(came.reply.stdout)),)


def _look(
    crew: Crew, plan: Plan, standing: Standing, phase: Phase, number: int, step: Step, interrupted: Event
) -> None:
    came = steps.look(crew.hands, plan, plan.canary, step, interrupted)
    if came is not None:
        crew.ledger.append(_looked(crew, standing, plan, phase, number, step, came))


def _looked(crew: Crew, standing: Standing, plan: Plan, phase: Phase, number: int, step: Step, came: Outcome) -> Draft:
    data: dict[str, Json] = {
        **_named(plan, phase, number, step),
        "result": came.outcome,
        "because": came.because[:1000],
        "reply": came.reply.digest if came.reply else "",
    }
    return Draft("step.looked", DRIVER, standing.change, data, _stored(crew, came))


def _judge(crew: Crew, plan: Plan, standing: Standing, rounds: int) -> None:
    limits = Limits(
        plan.thresholds["latency_points_min"],
        plan.thresholds["latency_increase_max_percent"],
        plan.thresholds["latency_increase_floor_us"],
    )
    judged = judge(plan.canary, plan.control, rounds, standing.probes, standing.latencies.values(), limits)
    data: dict[str, Json] = {
        "result": judged.result.value,
        "because": [sentence[:500] for sentence in judged.because[:10]],
        "findings": len(judged.because),
    }
    _enter(crew, standing, "judgement.given", data)


def _close(crew: Crew, standing: Standing, outcome: str) -> None:
    closed = Draft("change.closed", DRIVER, standing.change, {"outcome": outcome})
    if standing.state is State.BACKING_OUT:
        backed_out = Draft("change.backed_out", DRIVER, standing.change, {})
        crew.ledger.append_all((backed_out, closed), expect=standing.seq)
    else:
        crew.ledger.append(closed, expect=standing.seq)
