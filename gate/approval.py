"""
A person's decision as one statement, and whether all seats are filled.

An approval binds to digests (promise 5) and duties are separate (promise 6): requester, approvers and performer are
different people, one person fills one seat, a contractor fills none.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from gate.canonical import encode
from gate.person import Person
from gate.policy import ApprovalKind, Seat

NAMESPACE = "approval@sangate"
"""Namespace of `ssh-keygen -Y sign`, so that a signature made for anything else does not count here."""


class Decision(StrEnum):
    """What a person may say of a verdict."""

    APPROVE = "approve"
    DENY = "deny"


class Method(StrEnum):
    """How the statement was made: signed with an enrolled SSH key, or by a signed-in web session."""

    SSH = "ssh"
    SESSION = "session"


@dataclass(frozen=True)
class Statement:
    """What is signed; the field order here is not the byte order, `text` is."""

    origin: str
    change: str
    stage: str
    plan_digest: str
    verdict_digest: str
    decision: str
    seat: str
    approver: str
    expires: str
    nonce: str
    v: int = 1

    def text(self) -> str:
        """Return the canonical JSON that is signed, one line without a line end."""
        return encode(asdict(self)).decode()


@dataclass(frozen=True)
class Signed:
    """A statement on record, already verified when it came in, and how it was made."""

    statement: Statement
    method: Method
    at: datetime


def read_statement(text: str) -> Statement:
    """Read a statement back; ValueError unless it is exactly the canonical text of one."""
    fields = json.loads(text)
    if not isinstance(fields, dict) or set(fields) != set(Statement.__dataclass_fields__):
        raise ValueError("not a statement of version 1")
    if fields.pop("v") != 1 or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("not a statement of version 1")
    statement = Statement(**fields)
    if statement.text() != text:
        raise ValueError("the statement is not in canonical form")
    return statement


@dataclass(frozen=True)
class Tally:
    """Which seats are filled, by whom and how; why each approval that does not count does not."""

    filled: Mapping[Seat, Signed]
    missing: tuple[Seat, ...]
    not_counted: tuple[tuple[str, str], ...]

    @property
    def complete(self) -> bool:
        """True when at least one seat is demanded and every one is filled."""
        return bool(self.filled) and not self.missing


def tally(
    seats: tuple[Seat, ...],
    plan_digest: str,
    verdict_digest: str,
    approvals: Iterable[Signed],
    people: Mapping[str, Person],
    requester: str,
    kind: ApprovalKind,
    now: datetime,
) -> Tally:
    """Count the approvals that hold now for exactly this plan and verdict."""
    filled: dict[Seat, Signed] = {}
    refused = []
    for signed in approvals:
        statement = signed.statement
        because = _why_not(signed, plan_digest, verdict_digest, people, requester, kind, now)
        if not because and statement.approver in {other.statement.approver for other in filled.values()}:
            because = "one person fills one seat"
        if not because and Seat(statement.seat) not in seats:
            because = f"the policy has no seat {statement.seat}"
        if because:
            refused.append((f"{statement.approver} ({statement.seat})", because))
        else:
            filled.setdefault(Seat(statement.seat), signed)
    missing = tuple(seat for seat in seats if seat not in filled)
    return Tally(filled, missing, tuple(refused))


def _why_not(
    signed: Signed,
    plan_digest: str,
    verdict_digest: str,
    people: Mapping[str, Person],
    requester: str,
    kind: ApprovalKind,
    now: datetime,
) -> str:
    statement = signed.statement
    if statement.decision != Decision.APPROVE:
        return "it is not an approval"
    if statement.plan_digest != plan_digest:
        return "it was given for another plan"
    if statement.verdict_digest != verdict_digest:
        return "it was given for another verdict"
    if now >= datetime.fromisoformat(statement.expires):
        return "it has expired"
    if signed.method is Method.SESSION and kind is not ApprovalKind.SESSION:
        return "the policy counts signatures by enrolled keys only"
    person = people.get(statement.approver)
    if person is None:
        return "nobody of that name is known"
    return may_sit(person, Seat(statement.seat), requester)


def may_sit(person: Person, seat: Seat, requester: str) -> str:
    """Say why this person may not fill this seat of a change asked for by `requester`; empty when they may."""
    if person.contractor:
        return "a contractor fills no seat"
    if person.id == requester:
        return "the requester does not approve their own change"
    if seat not in person.seats:
        return f"{person.id} does not hold the seat {seat}"
    return ""


def may_perform(person: Person, requester: str, approvers: Iterable[str]) -> str:
    """Say why this person may not start a stage; empty when they may."""
    if "performer" not in person.roles:
        return f"{person.id} is not a performer"
    if person.id == requester:
        return "the requester does not perform their own change"
    if person.id in set(approvers):
        return "somebody who approved does not perform"
    return ""
