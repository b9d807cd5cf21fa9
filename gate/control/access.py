"""Who is asking: sign-in, tokens, people and their keys; what happened is an entry, secrets never are."""

from collections.abc import Iterable

from gate.canonical import Json, utc
from gate.control.desk import Desk, person
from gate.errors import GateError, NotSignedIn
from gate.ledger.entry import ANONYMOUS, GATE, Draft
from gate.people import Ticket
from gate.person import Contract, Person, Role
from gate.policy import ApprovalKind, Seat


def terms(name: str, contract: Contract) -> dict[str, Json]:
    """Return what is entered of a contract."""
    who: dict[str, Json] = {"person": name, "firm": contract.firm, "name": contract.name, "sponsor": contract.sponsor}
    return {**who, "not_before": utc(contract.not_before), "not_after": utc(contract.not_after)}


class Access:
    """The use cases around people."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def session_approvals(self) -> bool:
        """True when the policy counts a signed-in web session as an approval."""
        return self._desk.settings.config.policy.approvals is ApprovalKind.SESSION

    @property
    def waiver_seats(self) -> tuple[str, ...]:
        """Seats that must all sign a waiver."""
        return tuple(seat.value for seat in self._desk.settings.config.policy.waiver_seats)

    def sign_in(self, name: str, password: str, kind: str) -> Ticket:
        """Make a `session` or a `token`; a refused attempt is an entry of the ledger's own sequence."""
        server = self._desk.settings.config.server
        lifetime = server.token_lifetime if kind == "token" else server.session_lifetime
        try:
            ticket = self._desk.people.sign_in(name, password, kind, lifetime)
        except NotSignedIn as refused:
            shown = name[:63] if name.isascii() and name.isprintable() else "?"
            refusal = Draft("auth.refused", ANONYMOUS, None, {"name": shown, "why": refused.message})
            try:
                self._desk.ledger.append(refusal)
            except GateError:
                raise refused from None
            raise
        self._desk.ledger.append(Draft("auth.signed_in", person(ticket.person), None, {"method": kind}))
        return ticket

    def who(self, secret: str, kind: str) -> Person:
        """Return whose session or token this is; NotSignedIn otherwise."""
        return self._desk.people.who(secret, kind)

    def sign_out(self, secret: str) -> None:
        """End one session or token."""
        self._desk.people.sign_out(secret)

    def add_person(
        self,
        actor: Person | None,
        name: str,
        password: str,
        roles: Iterable[Role] = (),
        seats: Iterable[Seat] = (),
        *,
        contract: Contract | None = None,
    ) -> Person:
        """
        Add a person, a contractor where there is a contract.

        `actor` is None for the administrator at the machine's own command line.
        """
        if actor is not None and (Role.ADMIN not in actor.roles or actor.contractor):
            raise self._desk.refuse(actor, None, f"add {name}", "only an administrator adds people")
        roles, seats = sorted(roles), sorted(seats)
        made = self._desk.people.add(name, password, roles, seats, contract)
        data: dict[str, Json] = {"person": name, "roles": list(roles), "seats": list(seats)}
        by = person(actor) if actor else GATE
        drafts = [Draft("person.added", by, None, data)]
        if contract is not None:
            drafts.append(Draft("contract.made", by, None, terms(name, contract)))
        try:
            self._desk.ledger.append_all(drafts)
        except GateError:
            self._desk.people.forget(name)
            raise
        return made

    def set_password(self, name: str, password: str) -> None:
        """
        Give somebody another password, for the administrator at the machine's own command line.

        Every session and token of theirs ends with the one before.
        """
        before = self._desk.people.set_password(name, password)
        try:
            self._desk.ledger.append(Draft("password.changed", GATE, None, {"person": name}))
        except GateError:
            self._desk.people.put_back(name, before)
            raise

    def set_contract(self, name: str, contract: Contract) -> Person:
        """
        Put a contract in place of a contractor's last one, for the administrator at the machine's own command line.

        Plans that name them were signed for the contract before, and start no more.
        """
        before = self._desk.people.set_contract(name, contract)
        try:
            self._desk.ledger.append(Draft("contract.made", GATE, None, terms(name, contract)))
        except GateError:
            if before is not None:
                self._desk.people.set_contract(name, before)
            raise
        return self._desk.people.get(name)
