"""A contractor in the midst of harm: their contract, an escort's signed goes, a stop, and what must hold of it all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import Json, utc
from gate.change import Contracted, Plan
from gate.cli.sshkey import sign
from gate.escort import NAMESPACE, Go
from gate.ledger.entry import Actor, Draft, Entry
from gate.person import Contract, Person, Role
from gate.standing import Standing

ESCORT = "lead"
"""Who says go: an approver, who holds a seat."""

CONTRACTOR, FIRM = "performer", "a firm"


def contracted(now: datetime) -> Contracted:
    """As the plan names them."""
    return Contracted(
        person=CONTRACTOR,
        firm=FIRM,
        name="their field engineer",
        sponsor=ESCORT,
        not_before=utc(now - timedelta(hours=1)),
        not_after=utc(now + timedelta(hours=1)),
        go_for="changes",
        escort_within_s=600,
    )


def hired(now: datetime, *, out: bool) -> Person:
    """As the table of people has them: `out` after they were stopped."""
    ends = now - timedelta(seconds=1) if out else now + timedelta(hours=1)
    contract = Contract(FIRM, "their field engineer", ESCORT, now - timedelta(hours=1), ends)
    return Person(CONTRACTOR, frozenset({Role.PERFORMER}), contractor=True, contract=contract)


def waits(standing: Standing) -> bool:
    """Whether a step waits for a go."""
    return standing.asked is not None and standing.asked.go is None


def go(plan: Plan, standing: Standing, key: Ed25519PrivateKey) -> Draft:
    """Return the escort's go to the step that waits for it."""
    asked = standing.asked
    assert asked is not None
    step = plan.steps(asked.phase)[asked.number]
    text = Go(
        origin=plan.origin,
        change=plan.change,
        plan_digest=plan.digest,
        array=plan.canary,
        phase=asked.phase.value,
        step=step.id,
        number=str(asked.number),
        attempt=str(asked.attempt),
        words=step.command,
        contractor=CONTRACTOR,
        firm=FIRM,
        escort=ESCORT,
        ask=asked.ask,
        expires=utc(asked.until),
        nonce=f"go to {asked.ask}",
    ).text()
    place: dict[str, Json] = {
        "phase": asked.phase.value,
        "step": step.id,
        "number": asked.number,
        "array": plan.canary,
    }
    said: dict[str, Json] = {"statement": text, "method": "ssh", "signature": sign(text, key, NAMESPACE), "key": ""}
    return Draft("escort.go", Actor("person", ESCORT), plan.change, {**place, **said})


def stop(plan: Plan) -> Draft:
    """Return the stop of the contractor; whoever enters it has shut their doors before."""
    data: dict[str, Json] = {"contractor": CONTRACTOR, "firm": FIRM, "reason": "not what was agreed"}
    return Draft("escort.stopped", Actor("person", ESCORT), plan.change, data)


def broken(history: Sequence[Entry]) -> list[str]:
    """Return where a step was begun without a go of its own, or begun after the stop and before people went on."""
    problems, stopped = [], False
    gone: list[str] = []
    for entry in history:
        match entry.kind:
            case "escort.stopped":
                stopped = True
            case "hold.lifted":
                stopped = False
            case "escort.asked":
                gone = []
            case "escort.go":
                gone = [str(entry.data["step"])]
            case "step.intended":
                if stopped:
                    problems.append(f"{entry.data['step']} was begun after the contractor was stopped")
                if gone != [entry.data["step"]]:
                    problems.append(f"{entry.data['step']} was begun and nobody had said go to it")
                gone = []
    return problems
