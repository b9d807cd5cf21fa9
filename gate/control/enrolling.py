"""Keys that people sign with: enrolled by whoever they belong to, taken away for good by them or an administrator."""

from collections.abc import Mapping

from gate.canonical import Json, utc
from gate.control.desk import Desk, person, reason_of
from gate.control.views import View
from gate.errors import BadInput, GateError, NotSignedIn, NotThere, Refused
from gate.keyring import Enrolled, Ring
from gate.ledger.entry import GATE, Draft
from gate.people.enrolled import NOBODY
from gate.person import Person, Role
from gate.policy import ApprovalKind, Policy
from gate.sshsig import fingerprint


class Enrolling:
    """The use cases around keys; every refused attempt is an entry too."""

    _desk: Desk

    def enrol_key(self, actor: Person, public: str, password: str) -> str:
        """
        Enrol the key with which `actor` signs; return its fingerprint.

        The password is asked for again: a token that was stolen must not grow into a signature.
        """
        if actor.contractor:
            raise self._desk.refuse(actor, None, "enrol a key", "a contractor signs nothing")
        try:
            self._desk.people.confirm(actor.id, password)
        except NotSignedIn as refused:
            raise self._desk.refuse(actor, None, "enrol a key", refused.message, refused.hint) from None
        fingerprint = self._desk.people.enrol_key(actor.id, public)
        data: dict[str, Json] = {"person": actor.id, "fingerprint": fingerprint}
        try:
            self._desk.ledger.append(Draft("key.enrolled", person(actor), None, data))
        except GateError:
            self._desk.people.drop_key(public)
            raise
        return fingerprint

    def revoke_key(self, actor: Person | None, key: str, reason: str, *, leaves_nobody: bool = False) -> View:
        """
        Take a key away, by its fingerprint, for good. `actor` is None for the administrator at the machine.

        Its owner may, and an administrator. From the entry on nothing that it signed counts for anything that is yet to
        be decided: neither approval nor waiver, word or go, also where they were signed before. Every session and token
        of its owner ends: who has the key may have the machine on which they lie. Where it is the last key of a seat,
        `leaves_nobody` has to say that this is known.
        """
        desk, why = self._desk, reason_of(reason)
        keys_at = desk.ledger.size()
        ring = desk.ring()
        found = _found(desk, ring, key)
        if found.revoked is not None or found.person == NOBODY:
            because = f"the key was revoked before{f', by {found.by}' if found.by else ''}"
            raise Refused(because) if actor is None else desk.refuse(actor, None, f"revoke the key {key}", because)
        if actor is not None and actor.id != found.person and (Role.ADMIN not in actor.roles or actor.contractor):
            because = f"it is {found.person}'s: they revoke it, or an administrator"
            raise desk.refuse(actor, None, f"revoke the key {key}", because)
        empty = empty_seats(desk.settings.config.policy, desk.people.all(), key)
        if empty and not leaves_nobody:
            raise BadInput(
                f"nobody could sign as {' or '.join(empty)} after it: no change opens until one who holds the seat "
                "has enrolled another key, with their password",
                place="leaves_nobody",
                hint="a stolen key is revoked all the same: sangate key revoke … --leaves-nobody",
            )
        data: dict[str, Json] = {"person": found.person, "fingerprint": key, "reason": why}
        by = person(actor) if actor else GATE
        desk.ledger.append_all((Draft("key.revoked", by, None, data),), keys_at=keys_at)
        self.settle_keys()
        desk.people.sign_out_all(found.person)
        return {"fingerprint": key, "person": found.person, "empty_seats": empty}

    def settle_keys(self) -> None:
        """Take away beside the ledger what it has taken away: whoever did that may have been stopped right after."""
        self._desk.people.take_keys(self._desk.ring().revoked)

    def enrolled_keys(self, actor: Person) -> list[View]:
        """Return every key that people sign or signed with; `counts` says whether it does now."""
        ring, owners = self._desk.ring(), self._desk.people.owners()
        names = sorted({*ring.keys, *owners}, key=lambda name: (_owner(ring, owners, name), name))
        policy, people = self._desk.settings.config.policy, self._desk.people.all()
        counting = {fingerprint(key) for one in people.values() for key in one.keys}
        shown = []
        for name in names:
            found = ring.keys.get(name, Enrolled(_owner(ring, owners, name)))
            shown.append(
                {
                    "fingerprint": name,
                    "person": found.person,
                    "counts": name in counting,
                    "enrolled": utc(found.at) if found.at else "",
                    "entry": found.index,
                    "revoked": utc(found.revoked) if found.revoked else "",
                    "by": found.by,
                    "reason": found.reason,
                    "empty_seats": empty_seats(policy, people, name) if name in counting else [],
                }
            )
        return shown


def empty_seats(policy: Policy, everybody: Mapping[str, Person], key: str) -> list[str]:
    """Return the seats for which somebody can sign now and nobody could without this key."""
    if policy.approvals is ApprovalKind.SESSION:
        return []
    people = [one for one in everybody.values() if one.keys and not one.contractor]
    left = [one for one in people if {fingerprint(line) for line in one.keys} != {key}]
    seats = dict.fromkeys((*policy.seats, *policy.waiver_seats))
    return [
        seat.value
        for seat in seats
        if any(seat in one.seats for one in people) and not any(seat in one.seats for one in left)
    ]


def _owner(ring: Ring, owners: dict[str, str], key: str) -> str:
    return ring.keys[key].person if key in ring.keys else owners[key]


def _found(desk: Desk, ring: Ring, key: str) -> Enrolled:
    """Return a key by its fingerprint; NotThere when there is none."""
    owner = desk.people.owners().get(key)
    if key not in ring.keys and owner is None:
        hint = "sangate key list shows them all; a fingerprint begins with SHA256:"
        raise NotThere(f'no key "{key[:60]}" is enrolled', hint=hint)
    return ring.keys.get(key, Enrolled(owner or NOBODY))
