"""
An exception that two people sign for one finding of one change, and whether it is in force (promise 10).

There is no skip flag. A waiver names the finding by the digest of what it rests on, so it covers no later finding of
the same check; it expires; every seat of the policy's `waiver_seats` must be filled by another person, none of whom
asked for the change or performs it; and what may never be waived says so in its own record (`Check.waivable`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from gate.approval import Method, may_sit, over, read_signed
from gate.canonical import encode
from gate.finding import Waiver, first
from gate.person import Person
from gate.policy import ApprovalKind, Seat

NAMESPACE = "waiver@sangate"
"""Namespace of `ssh-keygen -Y sign`: a signature made for an approval waives nothing."""

SLACK = timedelta(minutes=1)
"""How much longer than `Terms.longest` a waiver may say that it holds: clocks of two machines."""


@dataclass(frozen=True)
class WaiverStatement:
    """What one person signs; the field order here is not the byte order, `text` is."""

    origin: str
    change: str
    check: str
    finding: str
    """Digest of the finding's material part."""

    seat: str
    approver: str
    reason: str
    expires: str
    nonce: str
    v: int = 1

    def text(self) -> str:
        """Return the canonical JSON that is signed, one line without a line end."""
        return encode(asdict(self)).decode()


@dataclass(frozen=True)
class SignedWaiver:
    """One person's half of a waiver on record, and how it was made."""

    statement: WaiverStatement
    method: Method
    at: datetime
    key: str = ""
    """The OpenSSH public key that the signature on record was verified with just now; empty when none fits."""


def read_waiver(text: str) -> WaiverStatement:
    """Read a statement back; ValueError unless it is exactly the canonical text of one."""
    return read_signed(text, WaiverStatement, "waiver")


@dataclass(frozen=True)
class Terms:
    """What a half must fit to count: by the gate's policy and people, or by the keyholder's."""

    origin: str
    """The ledger whose change it is about."""

    seats: tuple[Seat, ...]
    people: Mapping[str, Person]
    requester: str
    kind: ApprovalKind
    longest: timedelta
    """A half that would hold longer than this from now does not count."""

    performer: str = ""
    """Who has started a stage, and so waives nothing of it (promise 6); empty before anybody has."""


def in_force(signed: Iterable[SignedWaiver], terms: Terms, now: datetime) -> tuple[Waiver, ...]:
    """
    Return the waivers for which every seat is filled now, by distinct people.

    Halves belong together when they name the same check and the same finding; the earliest end ends all of it.
    """
    seats = terms.seats
    if len(set(seats)) < 2:
        return ()
    halves: dict[tuple[str, str], list[SignedWaiver]] = {}
    for half in signed:
        if not why_not(half, terms, now):
            halves.setdefault((half.statement.check, half.statement.finding), []).append(half)
    found = []
    for (check, finding), given in sorted(halves.items()):
        filled = _filled(seats, given)
        if set(filled) != set(seats):
            continue
        chosen = [filled[seat] for seat in seats]
        expires = first(*(datetime.fromisoformat(half.statement.expires) for half in chosen))
        if expires is not None:
            by = tuple((half.statement.seat, half.statement.approver) for half in chosen)
            found.append(Waiver(check, finding, expires, by, tuple(half.statement.reason for half in chosen)))
    return tuple(found)


def why_not(half: SignedWaiver, terms: Terms, now: datetime) -> str:
    """Say why one person's half does not count now; empty when it does."""
    statement = half.statement
    if statement.origin != terms.origin:
        return f"it was signed for {statement.change} of {statement.origin}"
    if half.at > now:
        return "it lies in the future"
    if because := over(statement.expires, now):
        return because
    if datetime.fromisoformat(statement.expires) - now > terms.longest + SLACK:
        return "it would hold longer than the policy lets it"
    if not statement.reason.strip():
        return "it gives no reason"
    if half.method is not Method.SSH and terms.kind is not ApprovalKind.SESSION:
        return "the policy counts signatures by enrolled keys only"
    if terms.performer and statement.approver == terms.performer:
        return "the performer does not waive what they perform"
    person = terms.people.get(statement.approver)
    if person is None:
        return "nobody of that name is known"
    if half.method is Method.SSH and (not half.key or half.key not in person.keys):
        return f"it is not signed by a key that is enrolled for {person.id}"
    seat = next((seat for seat in terms.seats if seat == statement.seat), None)
    return may_sit(person, seat, terms.requester) if seat else f"the policy lets no seat {statement.seat} waive"


def _filled(seats: tuple[Seat, ...], halves: list[SignedWaiver]) -> dict[Seat, SignedWaiver]:
    """Fill the seats with distinct people, each by their latest half; there are few, so trying is enough."""
    best: dict[Seat, SignedWaiver] = {}
    latest = {(half.statement.seat, half.statement.approver): half for half in halves}

    def fill(place: int, taken: dict[Seat, SignedWaiver]) -> None:
        nonlocal best
        if len(taken) > len(best):
            best = dict(taken)
        if place == len(seats):
            return
        people = {half.statement.approver for half in taken.values()}
        for (seat, approver), half in latest.items():
            if seat == seats[place] and approver not in people:
                fill(place + 1, {**taken, seats[place]: half})

    fill(0, {})
    return best
