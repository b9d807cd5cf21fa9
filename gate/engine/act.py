"""
Doing the one thing that `next_action` named, and entering it.

Entries that authorise (permit and intent, judgement) are appended only if the history is still the one that was folded;
facts are appended whatever came in between. An intent is durable before its effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import TypeVar

from gate.approval import Tally, tally
from gate.authority import STAGE, authorise, escorted, outside_contract
from gate.canonical import Json, utc
from gate.change import Grant, Plan
from gate.engine import steps
from gate.engine.actions import Act, Ask, Baseline, Close, Halt, Judge, Look, ProbeRound, Prove, Question
from gate.engine.crew import Crew
from gate.engine.drafts import DRIVER, begun, ended, escort_asked, halted, intent
from gate.engine.escorting import Absent, AskEscort, Next
from gate.engine.heard import kept
from gate.engine.hosts import host_probes, still_alive, unseen
from gate.engine.lines import Line
from gate.engine.next import BASELINE
from gate.engine.probes import baseline, probe_round
from gate.engine.questions import ask, look, look_back, to_be_sent
from gate.errors import GateError, LedgerUnavailable
from gate.gather.asking import Outcome
from gate.judgement import Limits, judge
from gate.ledger.entry import Draft
from gate.lifecycle import ALLOWED
from gate.permits.office import Wanted
from gate.policy import Seat
from gate.standing import Standing, State
from gate.step import Step

Given = TypeVar("Given")

WITNESS_PATIENCE = 2.0
"""Seconds that a move waits for the witnesses before it is thought over again, so that a hold is seen."""

WITNESSED_WITHIN = 10.0
"""Seconds that an intent waits for them; half of what it has until its command must have left."""


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


def perform(crew: Crew, plan: Plan, standing: Standing, action: Next, interrupted: Event) -> None:
    """Do one action; Moved when somebody else moved the change first, LedgerUnavailable when nothing can be entered."""
    match action:
        case Baseline(arrays):
            _assert_witnessed(crew)
            _baseline(crew, plan, standing, arrays)
        case Ask():
            ask(crew, plan, standing, action, interrupted)
        case Act():
            _act(crew, plan, standing, action, interrupted)
        case Look():
            look(crew, plan, standing, action, interrupted)
        case Prove():
            look_back(crew, plan, standing, action, interrupted)
        case ProbeRound(number):
            drafts = probe_round(crew.ledger, crew.hands, plan, standing, number)
            drafts += host_probes(crew.ledger, crew.hands, plan, standing, number)
            crew.ledger.append_all(drafts)
        case Judge(rounds):
            _judge(crew, plan, standing, rounds)
        case AskEscort() | Absent():
            _await_escort(crew, plan, standing, action)
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
    seen = host_probes(crew.ledger, crew.hands, plan, standing, BASELINE) if plan.canary in arrays else []
    if why := still_alive(seen) or unseen(seen):
        crew.ledger.append_all((*seen, halted(standing, why)), expect=standing.seq)
        return
    try:
        drafts = [draft for array in arrays for draft in baseline(crew.hands, plan, standing, array)]
    except GateError as error:
        _enter(crew, standing, "change.halted", {"because": f"known-answer data could not be written: {error}"})
        return
    crew.ledger.append_all([*drafts, *seen])  # what was written is a fact, whatever came in between


def _act(crew: Crew, plan: Plan, standing: Standing, action: Act, interrupted: Event) -> None:
    phase, number, step, attempt = action.phase, action.number, action.step, action.attempt
    if action.look_first and not to_be_sent(crew, plan, standing, action, interrupted):
        return
    _assert_witnessed(crew)
    now = crew.hands.clock()
    counted = count(crew, plan, standing)
    people = crew.people()
    no_go = escorted(plan, standing, phase, number, people, crew.approvals, now)
    no_go = no_go or outside_contract(plan, standing, phase, people, now)
    grant = authorise(plan, standing, counted, phase, now, crew.permit_lifetime, crew.evidence_max_age, no_go)
    if isinstance(grant, str):
        refused: dict[str, Json] = {"what": f"permit for {phase} step {step.id}", "why": grant, "who": "gate"}
        because = f"no permit for {phase} step {step.id}: {grant}"
        attempt_refused = Draft("attempt.refused", DRIVER, standing.change, refused)
        crew.ledger.append_all((attempt_refused, halted(standing, because)), expect=standing.seq)
        return
    wanted = Wanted(plan, phase, number)
    if step.attended:
        _attend(crew, standing, wanted, action, grant, now)
        return
    permit = _ask_for(crew, standing, wanted, step, lambda: crew.office.issue(grant, now, wanted))
    if permit is None:
        return
    before = steps.act_before(step, now, permit.expires)
    try:
        entered = crew.ledger.append_all(begun(grant.purpose, plan, permit, action, before), expect=standing.seq)
    except GateError:  # no entry names it, so it is to open nothing
        crew.give_back(permit)
        raise
    if crew.covered(entered[-1].index + 1, WITNESSED_WITHIN):
        with crew.lines.open(plan.change, Line(not step.finish_first)) as line:
            came = steps.act(replace(crew.hands, attach=line.attach), plan, step, permit, before)
    else:
        came = Outcome("unknown", "nothing was sent: no witness has cosigned the intent")
    blobs = kept(crew.ledger, plan, step, came, secrets=(permit.password, permit.pem))
    crew.ledger.append(ended(standing, plan, (phase, number, step), attempt, came, blobs))
    crew.give_back(permit)


def _await_escort(crew: Crew, plan: Plan, standing: Standing, action: AskEscort | Absent) -> None:
    """Ask for a go, or hold where none came; a contractor who is out by now is not asked for."""
    if isinstance(action, Absent):
        _enter(crew, standing, "hold.placed", {"reason": action.because}, authorises=True)
    elif shut := outside_contract(plan, standing, action.phase, crew.people(), crew.hands.clock()):
        _enter(crew, standing, "change.halted", {"because": shut})
    else:
        crew.ledger.append(escort_asked(plan, action, crew.run, crew.hands.clock()), expect=standing.seq)


def _attend(crew: Crew, standing: Standing, wanted: Wanted, action: Act, grant: Grant, now: datetime) -> None:
    """Let people begin what they do by hand: entered like an intent, and known to whoever makes permits."""

    def begins() -> bool:
        crew.office.attend(grant, now, wanted)
        return True

    if _ask_for(crew, standing, wanted, action.step, begins):
        opened = Draft("step.intended", DRIVER, standing.change, intent(wanted.plan, action, utc(now)))
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
    mark = standing.mark(wanted.phase, wanted.number)
    now = "nothing was sent now; it was sent before" if mark and mark.attempt else "nothing was sent"
    # Its own name: "again" to this one asks for the permit again, and is no leave to send a step twice.
    asked: dict[str, Json] = {"question": f"there is no {what}, and {now}: {why}"[:1000], "step": f"permit {step.id}"}
    drafts = [Draft("attempt.refused", DRIVER, standing.change, refused)]
    drafts.append(Draft("person.asked", DRIVER, standing.change, asked))
    crew.ledger.append_all(drafts, expect=standing.seq)
    return None


def _judge(crew: Crew, plan: Plan, standing: Standing, rounds: int) -> None:
    names = ("latency_points_min", "latency_increase_max_percent", "latency_increase_floor_us")
    limits = Limits(**{name.removeprefix("latency_"): plan.thresholds[name] for name in names})
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
