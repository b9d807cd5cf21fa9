"""Two people waive one finding: each statement made, checked word by word, verified, entered."""

import secrets
from datetime import datetime

from gate.approval import Method, may_sit
from gate.canonical import Json, utc
from gate.checks import RECORDS
from gate.control.desk import Desk, person, reason_of
from gate.control.signing import named_seat
from gate.control.views import View
from gate.errors import BadInput, Moved, Refused
from gate.ledger.entry import Draft
from gate.person import Person
from gate.policy import ApprovalKind, Seat
from gate.sshsig import verify
from gate.standing import Standing, State
from gate.waiver import NAMESPACE, SLACK, WaiverStatement, in_force, read_waiver, why_not

NEVER = "this is never waived"


class Waiving:
    """The use cases around waivers; every refused attempt is an entry too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def waiver(self, actor: Person, change: str, check: str, seat: str, reason: str, expires: str) -> str:
        """Return the exact text of a waiver that this person would sign with `ssh-keygen -Y sign -n waiver@sangate`."""
        return statement_of(self._desk, actor, change, check, seat, reason_of(reason), expires)

    def waive(
        self,
        actor: Person,
        change: str,
        *,
        check: str,
        seat: str,
        reason: str = "",
        expires: str = "",
        statement: str = "",
        signature: str = "",
        seen: str | None = None,
    ) -> View:
        """
        Sign one half of a waiver of one finding; without a signature by session, for the finding that was `seen`.

        It counts once every seat of `policy.waiver_seats` has signed, and from the next check on.
        """
        if not statement:
            reason_of(reason)
        desk = self._desk
        desk.enter(
            change,
            lambda standing: (
                _signed(desk, actor, standing, check, seat, reason, expires, statement, signature, seen),
            ),
        )
        return desk.view(change, actor)


def statement_of(desk: Desk, actor: Person, change: str, check: str, seat: str, reason: str, expires: str) -> str:
    """Return the exact text this person would sign now."""
    return _made(desk, actor, desk.standing(change), check, named_seat(seat), reason, expires).text()


def _signed(
    desk: Desk,
    actor: Person,
    standing: Standing,
    check: str,
    seat: str,
    reason: str,
    expires: str,
    text: str,
    signature: str,
    seen: str | None,
) -> Draft:
    """Return the entry of one person's half; without a signature the session speaks, for what it has `seen`."""
    change = standing.change
    if seen is not None and seen != standing.waivable.get(check):
        raise Moved("the finding has changed since it was shown; nothing was done", hint="read it again")
    try:
        if signature or text:
            made, key = _verified(desk, actor, standing, check, named_seat(seat), text, signature)
            method = Method.SSH
        else:
            if desk.settings.config.policy.approvals is not ApprovalKind.SESSION:
                hint = f"sangate change waive {change} {check} --seat {seat} --key FILE signs with your SSH key"
                raise Refused("the policy counts signatures by enrolled keys only", hint=hint)
            made, key = _made(desk, actor, standing, check, named_seat(seat), reason, expires), ""
            method = Method.SESSION
    except (Refused, BadInput) as error:
        raise desk.refuse(actor, change, f"waive {check[:60]}", error.message, error.hint) from None
    data: dict[str, Json] = {
        "check": check,
        "seat": made.seat,
        "statement": made.text(),
        "method": method.value,
        "signature": signature,
        "key": key,
    }
    return Draft("waiver.signed", person(actor), change, data)


def _made(
    desk: Desk, actor: Person, standing: Standing, check: str, seat: Seat, reason: str, expires: str
) -> WaiverStatement:
    until = _moment(expires)
    _may(desk, actor, standing, check, seat, until)
    return WaiverStatement(
        origin=desk.ledger.origin,
        change=standing.change,
        check=check,
        finding=standing.waivable[check],
        seat=seat.value,
        approver=actor.id,
        reason=reason,
        expires=utc(until),
        nonce=secrets.token_hex(16),
    )


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput("a waiver ends at a moment", place="expires", hint="write it so: 2026-11-29T12:00:00Z")
    return found


def _may(desk: Desk, actor: Person, standing: Standing, check: str, seat: Seat, until: datetime) -> None:
    policy, now = desk.settings.config.policy, desk.clock()
    if standing.state not in (State.OPEN, State.REFUSED):
        raise Refused(f"the change is {standing.state}: there is nothing to waive")
    record = RECORDS.get(check)
    if record is None:
        raise BadInput(f'there is no check "{check[:40]}"', hint="docs/checks.md lists them")
    if not record.waivable and check not in standing.waivable:
        raise Refused(f"{check}: {NEVER}", hint=record.way_out)
    if check not in standing.waivable:
        raise Refused(f"{check} has nothing to waive in the verdict in force", hint="check the change again")
    if seat not in policy.waiver_seats:
        seats = ", ".join(policy.waiver_seats)
        raise Refused(f"the policy lets no seat {seat} waive", hint=f"seats that waive: {seats}")
    if why := may_sit(actor, seat, standing.requester):
        raise Refused(why)
    if not now < until <= now + policy.waiver_lifetime + SLACK:
        raise Refused("the waiver would be over already, or hold longer than policy.waiver_lifetime lets it")
    terms = desk.waiving(standing)
    for half in standing.waivers:
        same = (half.statement.check, half.statement.finding) == (check, standing.waivable[check])
        other = half.statement.approver == actor.id and half.statement.seat != seat
        if same and other and not why_not(half, terms, now):
            raise Refused("one person fills one seat")
    waived = in_force(standing.waivers, terms, now)
    if any((one.check, one.finding) == (check, standing.waivable[check]) for one in waived):
        raise Refused(f"{check} is waived already", hint="check the change again: the next verdict honours it")


def _verified(
    desk: Desk, actor: Person, standing: Standing, check: str, seat: Seat, text: str, signature: str
) -> tuple[WaiverStatement, str]:
    """Return the statement and the enrolled key that signed it; Refused names the first difference."""
    try:
        given = read_waiver(text)
        key = verify(text.encode(), signature, NAMESPACE)
    except (ValueError, TypeError) as error:
        raise BadInput(f"the signed waiver cannot be used: {error}") from None
    until = _moment(given.expires)
    if utc(until) != given.expires:
        raise BadInput("the signed waiver cannot be used: its expiry is not spelled in UTC")
    _may(desk, actor, standing, check, seat, until)
    in_force_now = {
        "origin": desk.ledger.origin,
        "change": standing.change,
        "check": check,
        "finding": standing.waivable[check],
        "seat": seat.value,
        "approver": actor.id,
    }
    for name, value in in_force_now.items():
        if getattr(given, name) != value:
            raise Refused(
                f"the waiver was signed for another {name} than the one in force",
                hint="read the change again and sign what it says now",
            )
    reason = given.reason
    if not reason.strip() or len(reason) > 500 or not reason.isprintable():
        raise BadInput("a waiver gives its reason in one line of at most 500 printable characters")
    if given.nonce in {half.statement.nonce for half in standing.waivers}:
        raise Refused("this very waiver is on record already")
    desk.enrolled(actor, key)
    return given, key
