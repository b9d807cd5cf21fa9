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
from typing import Any, ClassVar, Protocol, TypeVar

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


class SignedText(Protocol):
    """A statement of version 1, of texts alone, that has one spelling."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def text(self) -> str:
        """Return the canonical JSON that is signed."""


Readable = TypeVar("Readable", bound=SignedText)


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
    signs_for: str = ""
    """
    Names of the checks that did not pass and that this seat answers for by name, sorted, one space between them.

    Left out of the text when it is empty.
    """

    v: int = 1

    def text(self) -> str:
        """Return the canonical JSON that is signed, one line without a line end."""
        fields = asdict(self)
        if not self.signs_for:
            del fields["signs_for"]
        return encode(fields).decode()


@dataclass(frozen=True)
class Signed:
    """A statement on record, and how it was made."""

    statement: Statement
    method: Method
    at: datetime
    key: str = ""
    """The OpenSSH public key that the signature on record was verified with just now; empty when none fits."""


def read_statement(text: str) -> Statement:
    """Read a statement back; ValueError unless it is exactly the canonical text of one."""
    return read_signed(text, Statement, "statement", ("signs_for",))


def read_signed(text: str, shape: type[Readable], name: str, left_out: tuple[str, ...] = ()) -> Readable:
    """
    Read what somebody signed back; ValueError unless it is exactly the canonical text of one of that shape.

    Every field but the version is a text; those `left_out` may be missing from it.
    """
    try:
        fields = json.loads(text)
    except RecursionError:
        raise ValueError(f"not a {name} of version 1") from None
    if not isinstance(fields, dict) or set(fields) | set(left_out) != set(shape.__dataclass_fields__):
        raise ValueError(f"not a {name} of version 1")
    if fields.pop("v") != 1 or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError(f"not a {name} of version 1")
    statement = shape(**fields)
    if statement.text() != text:
        raise ValueError(f"the {name} is not in canonical form")
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


def seats_due(seats: tuple[Seat, ...], demands: Mapping[Seat, tuple[str, ...]]) -> tuple[Seat, ...]:
    """Return the plan's seats, and after them those that a finding demands besides."""
    return (*seats, *(seat for seat in sorted(demands) if demands[seat] and seat not in seats))


def tally(
    seats: tuple[Seat, ...],
    demands: Mapping[Seat, tuple[str, ...]],
    plan_digest: str,
    verdict_digest: str,
    approvals: Iterable[Signed],
    people: Mapping[str, Person],
    requester: str,
    kind: ApprovalKind,
    now: datetime,
    stage: str,
) -> Tally:
    """
    Count the approvals that hold now for exactly this plan, verdict and stage.

    `demands` are the checks that a seat must sign for by name: an approval from that seat which does not is none.
    The stage has to be asked for: after a back-out the next stage may stand on the same plan and the same verdict.
    """
    seats = seats_due(seats, demands)
    valid: list[Signed] = []
    refused: list[tuple[str, str]] = []
    for signed in approvals:
        because = _why_not(signed, seats, plan_digest, verdict_digest, people, requester, kind, now, stage)
        because = because or _unsigned(signed.statement, demands)
        if because:
            refused.append((f"{signed.statement.approver} ({signed.statement.seat})", because))
        else:
            valid.append(signed)
    filled = _seated(seats, valid)
    for signed in valid:
        sitting = filled.get(Seat(signed.statement.seat))
        if sitting is not signed:
            because = f"the seat is filled by {sitting.statement.approver}" if sitting else "one person fills one seat"
            refused.append((f"{signed.statement.approver} ({signed.statement.seat})", because))
    missing = tuple(seat for seat in seats if seat not in filled)
    return Tally(filled, missing, tuple(refused))


def _seated(seats: tuple[Seat, ...], valid: list[Signed]) -> dict[Seat, Signed]:
    """Fill as many seats as distinct people can (augmenting paths), so that the order of signing decides nothing."""
    chosen: dict[str, Signed] = {}

    def fill(seat: Seat, asked: set[str]) -> bool:
        for signed in valid:
            approver = signed.statement.approver
            if signed.statement.seat != seat or approver in asked:
                continue
            asked.add(approver)
            if approver not in chosen or fill(Seat(chosen[approver].statement.seat), asked):
                chosen[approver] = signed
                return True
        return False

    for seat in seats:
        fill(seat, set())
    return {Seat(signed.statement.seat): signed for signed in chosen.values()}


def _why_not(
    signed: Signed,
    seats: tuple[Seat, ...],
    plan_digest: str,
    verdict_digest: str,
    people: Mapping[str, Person],
    requester: str,
    kind: ApprovalKind,
    now: datetime,
    stage: str,
) -> str:
    statement = signed.statement
    if statement.decision != Decision.APPROVE:
        return "it is not an approval"
    if statement.plan_digest != plan_digest:
        return "it was given for another plan"
    if statement.verdict_digest != verdict_digest:
        return "it was given for another verdict"
    if statement.stage != stage:
        return f"it was given for the stage {statement.stage}"
    if signed.at > now:
        return "it lies in the future"
    if because := over(statement.expires, now):
        return because
    if signed.method is not Method.SSH and kind is not ApprovalKind.SESSION:
        return "the policy counts signatures by enrolled keys only"
    person = people.get(statement.approver)
    if person is None:
        return "nobody of that name is known"
    if signed.method is Method.SSH and (not signed.key or signed.key not in person.keys):
        return f"it is not signed by a key that is enrolled for {person.id}"
    seat = next((seat for seat in seats if seat == statement.seat), None)
    return may_sit(person, seat, requester) if seat else f"the policy has no seat {statement.seat}"


def _unsigned(statement: Statement, demands: Mapping[Seat, tuple[str, ...]]) -> str:
    """Name the checks for which this statement's seat must sign and does not."""
    lacking = sorted(set(demands.get(Seat(statement.seat), ())) - set(statement.signs_for.split()))
    return f"it does not sign for {', '.join(lacking)}" if lacking else ""


def over(expires: str, now: datetime) -> str:
    """The moment of expiry itself is over; what names no moment has never begun."""
    try:
        ends = datetime.fromisoformat(expires)
    except ValueError:
        return "it does not say when it expires"
    if ends.tzinfo is None:
        return "it does not say when it expires"
    return "it has expired" if now >= ends else ""


def may_sit(person: Person, seat: Seat, requester: str) -> str:
    """Say why this person may not fill this seat of a change asked for by `requester`; empty when they may."""
    if person.contractor:
        return "a contractor fills no seat"
    if person.id == requester:
        return "the requester does not approve their own change"
    if seat not in person.seats:
        return f"{person.id} does not hold the seat {seat}"
    return ""


def may_perform(person: Person, requester: str, signers: Iterable[str]) -> str:
    """Say why this person may not start a stage; empty when they may. `signers` approved or waived something of it."""
    if "performer" not in person.roles:
        return f"{person.id} is not a performer"
    if person.id == requester:
        return "the requester does not perform their own change"
    if person.id in set(signers):
        return "somebody who approved or waived does not perform"
    return ""


def may_try(person: Person) -> str:
    """Say why this person may not have the fleet asked what a playbook asks; empty when they may."""
    if person.contractor:
        return "a contractor does not have arrays asked"
    works = person.seats or person.roles & {"requester", "performer"}
    return "" if works else "only a requester, a performer or the holder of a seat"


def may_resume(person: Person, requester: str) -> str:
    """Say why this person may not let a stopped change go on; empty when they may."""
    if person.contractor:
        return "a contractor does not decide that it goes on"
    return "the requester does not decide that it goes on" if person.id == requester else ""
