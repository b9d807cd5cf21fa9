"""A person signs: the statement made, checked word by word against what is in force, verified, entered."""

import secrets
from datetime import datetime, timedelta

from gate.approval import NAMESPACE, Decision, Method, Statement, may_sit, read_statement, seats_due
from gate.authority import STAGE
from gate.canonical import Json, utc
from gate.control.desk import Desk, person
from gate.errors import BadInput, Moved, Refused
from gate.ledger.entry import Draft
from gate.person import Person
from gate.policy import ApprovalKind, Seat
from gate.sshsig import verify
from gate.standing import Standing, State

SLACK = timedelta(minutes=1)
"""How much later than the policy's lifetime a statement may say that it expires: clocks of two machines."""


def statement(desk: Desk, actor: Person, change: str, seat: str, decision: str) -> str:
    """Return the exact text this person would sign now."""
    return _statement(desk, actor, desk.standing(change), seat, Decision(decision))


def signed(
    desk: Desk,
    actor: Person,
    standing: Standing,
    seat: str,
    decision: Decision,
    reason: str,
    text: str,
    signature: str,
    seen: tuple[str, str] | None = None,
) -> tuple[Draft, ...]:
    """
    Return the entries of an approval or a denial; without a signature it is the signed-in session that speaks.

    `seen` are the plan's and the verdict's digests that a session's page showed: nobody signs what they did not see.
    """
    change = standing.change
    if seen is not None and seen != (standing.plan_digest, standing.verdict_digest):
        raise Moved("the plan or the verdict has changed since it was shown; nothing was done", hint="read it again")
    what = f"{decision} as {seat}"
    try:
        if signature or text:
            key = _verified(desk, actor, standing, named_seat(seat), decision, text, signature)
            method = Method.SSH
        else:
            if desk.settings.config.policy.approvals is not ApprovalKind.SESSION and decision is Decision.APPROVE:
                raise Refused(
                    "the policy counts signatures by enrolled keys only",
                    hint=f"sangate change approve {change} --seat {seat} --key FILE signs with your SSH key",
                )
            text, key, method = _statement(desk, actor, standing, seat, decision), "", Method.SESSION
        _may(desk, actor, standing, named_seat(seat), decision)
    except (Refused, BadInput) as error:
        raise desk.refuse(actor, change, what, error.message, error.hint) from None
    data: dict[str, Json] = {
        "seat": named_seat(seat).value,
        "decision": decision.value,
        "statement": text,
        "method": method.value,
        "signature": signature,
        "key": key,
        "reason": reason[:500],
    }
    if decision is Decision.APPROVE:
        return (Draft("approval.signed", person(actor), change, data),)
    closed = Draft("change.closed", person(actor), change, {"outcome": State.DENIED.value})
    return Draft("approval.denied", person(actor), change, data), closed


def _statement(desk: Desk, actor: Person, standing: Standing, seat: str, decision: Decision) -> str:
    _may(desk, actor, standing, named_seat(seat), decision)
    made = Statement(
        origin=desk.ledger.origin,
        change=standing.change,
        stage=STAGE,
        plan_digest=standing.plan_digest,
        verdict_digest=standing.verdict_digest,
        decision=decision.value,
        seat=named_seat(seat).value,
        approver=actor.id,
        expires=utc(desk.clock() + desk.settings.config.policy.approval_lifetime),
        nonce=secrets.token_hex(16),
        signs_for=signs_for(standing, named_seat(seat)),
    )
    return made.text()


def signs_for(standing: Standing, seat: Seat) -> str:
    """Return what a statement of this seat must sign for by name, as it is spelled there."""
    return " ".join(standing.to_sign.get(seat, ()))


def named_seat(name: str) -> Seat:
    """Return the seat of that name; BadInput when there is none."""
    try:
        return Seat(name)
    except ValueError:
        raise BadInput(f'there is no seat "{name[:40]}"', hint="seats: " + ", ".join(Seat)) from None


def _may(desk: Desk, actor: Person, standing: Standing, seat: Seat, decision: Decision) -> None:
    if standing.state is not State.OPEN:
        raise Refused(f"the change is {standing.state}: there is nothing to sign")
    if seat not in seats_due(desk.settings.config.policy.seats, standing.to_sign):
        raise Refused(f"the policy asks for no seat {seat}")
    if why := may_sit(actor, seat, standing.requester):
        raise Refused(why)
    if decision is Decision.DENY:
        return
    filled = desk.tally(standing, desk.plan(standing)).filled
    if seat in filled:
        raise Refused(f"the seat {seat} is filled by {filled[seat].statement.approver}")
    if actor.id in {signed.statement.approver for signed in filled.values()}:
        raise Refused("one person fills one seat")


def _verified(
    desk: Desk, actor: Person, standing: Standing, seat: Seat, decision: Decision, text: str, signature: str
) -> str:
    """Return the enrolled key that signed exactly what is in force; Refused names the first difference."""
    try:
        given = read_statement(text)
        key = verify(text.encode(), signature, NAMESPACE)
        expires = datetime.fromisoformat(given.expires)
        if utc(expires) != given.expires:
            raise ValueError("its expiry is not spelled in UTC")
    except (ValueError, TypeError) as error:
        raise BadInput(f"the signed statement cannot be used: {error}") from None
    in_force = {
        "origin": desk.ledger.origin,
        "change": standing.change,
        "stage": STAGE,
        "plan_digest": standing.plan_digest,
        "verdict_digest": standing.verdict_digest,
        "decision": decision.value,
        "seat": seat.value,
        "approver": actor.id,
        "signs_for": signs_for(standing, seat),
    }
    for name, value in in_force.items():
        if getattr(given, name) != value:
            raise Refused(
                f"the statement was signed for another {name.replace('_', ' ')} than the one in force",
                hint="read the change again and sign what it says now",
            )
    now = desk.clock()
    if not now < expires <= now + desk.settings.config.policy.approval_lifetime + SLACK:
        raise Refused("the statement has expired or would hold longer than the policy lets it")
    if given.nonce in {signed.statement.nonce for signed in standing.approvals}:
        raise Refused("this very statement is on record already")
    desk.enrolled(actor, key)
    return key
