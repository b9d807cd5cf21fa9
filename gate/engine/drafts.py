"""The entries about one step, in their exact keys."""

import secrets
from datetime import datetime, timedelta

from gate.canonical import Json, utc
from gate.change import Phase, Plan, Purpose
from gate.engine.actions import Act
from gate.engine.escorting import AskEscort
from gate.evidence import Reply
from gate.gather.asking import Outcome
from gate.ledger.entry import GATE, Blob, Draft
from gate.permits.office import Permit
from gate.standing import Standing
from gate.step import Step
from gate.transcript import redact

DRIVER = GATE


def named(plan: Plan, phase: Phase, number: int, step: Step) -> dict[str, Json]:
    """Return what names a step in every entry about it."""
    return {"phase": phase.value, "step": step.id, "number": number, "array": plan.canary}


def halted(standing: Standing, because: str) -> Draft:
    """Return that the gate does nothing more of its own accord, and why."""
    return Draft("change.halted", DRIVER, standing.change, {"because": because})


def intent(plan: Plan, action: Act, act_before: str) -> dict[str, Json]:
    """Return what is about to be sent, and until when."""
    place = named(plan, action.phase, action.number, action.step)
    return {**place, "command": action.step.command, "act_before": act_before, "attempt": action.attempt}


def escort_asked(plan: Plan, action: AskEscort, run: str, now: datetime) -> Draft:
    """Return what an escort is asked to say go to, and until when."""
    within = timedelta(seconds=plan.contractor.escort_within_s if plan.contractor else 0)
    data: dict[str, Json] = {
        **named(plan, action.phase, action.number, action.step),
        "command": action.step.command,
        "attempt": action.attempt,
        "ask": secrets.token_hex(16),
        "run": run,
        "until": utc(now + within),
    }
    return Draft("escort.asked", DRIVER, plan.change, data)


def begun(purpose: Purpose, plan: Plan, permit: Permit, action: Act, before: datetime) -> tuple[Draft, Draft]:
    """Return what a permit was made for, and what is about to be sent with it until when."""
    permitted: dict[str, Json] = {
        "purpose": purpose.value,
        "stage": plan.stages[0].name,
        "array": plan.canary,
        "plan_digest": plan.digest,
        "serial": str(permit.serial),
        "expires": utc(permit.expires),
    }
    intended = intent(plan, action, utc(before))
    return Draft("permit.issued", DRIVER, plan.change, permitted), Draft("step.intended", DRIVER, plan.change, intended)


def ended(
    standing: Standing, plan: Plan, place: tuple[Phase, int, Step], attempt: int, came: Outcome, blobs: tuple[Blob, ...]
) -> Draft:
    """Return how a step came out."""
    data: dict[str, Json] = {
        **named(plan, *place),
        "outcome": came.outcome,
        "because": redact(came.because)[:1000],
        "reply": came.reply.digest if came.reply else "",
        "attempt": attempt,
    }
    if came.prompt:
        data["prompt"] = redact(came.prompt)[:300]
    return Draft("step.ended", DRIVER, standing.change, data, blobs)


def looked(
    standing: Standing, plan: Plan, place: tuple[Phase, int, Step], came: Outcome, blobs: tuple[Blob, ...]
) -> Draft:
    """Return what a look at the array found."""
    data: dict[str, Json] = {
        **named(plan, *place),
        "result": came.outcome,
        "because": redact(came.because)[:1000],
        "reply": came.reply.digest if came.reply else "",
    }
    return Draft("step.looked", DRIVER, standing.change, data, blobs)


def told(plan: Plan, place: tuple[Phase, int, Step], facts: str, reply: Reply) -> Draft:
    """Return how a wait goes on."""
    return Draft(
        "step.told", DRIVER, plan.change, {**named(plan, *place), "facts": redact(facts), "reply": reply.digest}
    )
