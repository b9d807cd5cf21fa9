"""
Who is asking: local people with passwords, their sessions and tokens, their enrolled keys.

Kept in the working database, never in the ledger. Passwords are argon2id hashes with the library's defaults (RFC 9106,
second recommendation). A session or token is 256 random bits of which only the SHA-256 is kept. Names with which
somebody failed to sign in are in memory alone and go after LOCKED: they are often real people's, and no redaction would
find them in a file.
"""

import base64
import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlite_utils import Database

from gate.canonical import utc
from gate.errors import BadInput, NotSignedIn, NotThere, ShutOut
from gate.keyring import Ring
from gate.people.enrolled import Keys
from gate.people.working import outside, writing
from gate.person import Contract, Person, Role, unfit
from gate.policy import Seat

MOST_FAILURES = 5
"""Failed sign-ins of one name within LOCKED before it must wait (our choice; OWASP asks for some limit)."""

LOCKED = timedelta(minutes=5)
SHORTEST_PASSWORD = 12
"""Characters; NIST SP 800-63B-4 asks for 15 where a password stands alone, 8 where it does not."""


@dataclass(frozen=True)
class Ticket:
    """A sign-in that was just made; `secret` is told once."""

    secret: str
    person: Person
    expires: datetime


class People(Keys):
    """The people table of one gate; safe to use from many threads."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime],
        hasher: PasswordHasher | None = None,
        ring: Callable[[], Ring] = Ring,
    ) -> None:
        """
        Open or create the working database at `path`; without a hasher, passwords cost what the library says.

        `ring` tells which keys the ledger has enrolled and revoked: no other key is anybody's.
        """
        self._clock, self._ring = clock, ring
        self._lock = threading.Lock()
        with outside():
            self._db = Database(sqlite3.connect(path, check_same_thread=False))
            self._db.execute("PRAGMA secure_delete = ON").fetchall()  # what is deleted is overwritten in the file
        self._failed: dict[str, list[datetime]] = {}
        """Name → when it failed, within LOCKED. A restart forgets it; whoever guesses cannot restart the gate."""

        # For strangers: no password fits it, and to find that out takes as long as for somebody who is known.
        self._hasher = made = hasher or PasswordHasher()
        random = (base64.b64encode(secrets.token_bytes(size)).decode() for size in (made.salt_len, made.hash_len))
        cost = f"m={made.memory_cost},t={made.time_cost},p={made.parallelism}"
        self._strangers = "$".join(("$argon2id$v=19", cost, *(one.rstrip("=") for one in random)))
        with self._lock, outside(), writing(self._db):
            self._create()

    def _create(self) -> None:
        self._db.table("person").create(
            {"id": str, "roles": str, "seats": str, "contractor": int, "password": str}, pk="id", if_not_exists=True
        )
        self._db.table("key").create({"public": str, "person": str}, pk="public", if_not_exists=True)
        self._db.table("ticket").create(
            {"digest": str, "person": str, "kind": str, "expires": str}, pk="digest", if_not_exists=True
        )
        terms = dict.fromkeys(("person", "firm", "name", "sponsor", "not_before", "not_after"), str)
        self._db.table("contract").create(terms, pk="person", if_not_exists=True)
        self._db.execute("DROP TABLE IF EXISTS failure")  # earlier versions kept the names that were tried

    def add(
        self,
        name: str,
        password: str,
        roles: Iterable[Role] = (),
        seats: Iterable[Seat] = (),
        contract: Contract | None = None,
    ) -> Person:
        """Add a person, a contractor where there is a contract; BadInput for what nobody can be added with."""
        if not name.replace("-", "").isalnum() or not name.isascii() or not name.islower() or len(name) > 63:
            raise BadInput(f'a name is lower-case letters, digits and hyphens, not "{name[:70]}"')
        _long_enough(password)
        if contract is not None:
            self._examine(contract, tuple(roles), tuple(seats))
        row = {
            "id": name,
            "roles": json.dumps(sorted(roles)),
            "seats": json.dumps(sorted(seats)),
            "contractor": int(contract is not None),
            "password": self._hasher.hash(password),
        }
        with self._lock, outside():
            try:
                with writing(self._db):
                    self._db.table("person").insert(row)
                    if contract is not None:
                        self._db.table("contract").insert(_terms(name, contract), replace=True)
            except sqlite3.IntegrityError:
                raise BadInput(f'there is already a person "{name}"') from None
            return self._person(name)

    def forget(self, name: str) -> None:
        """Remove a person whose adding could not be entered."""
        with self._lock, outside(), writing(self._db):
            self._db.table("person").delete_where("id = ?", [name])
            self._db.table("contract").delete_where("person = ?", [name])

    def _examine(self, contract: Contract, roles: tuple[Role, ...], seats: tuple[Seat, ...]) -> None:
        """BadInput for a contract that cannot be, or duties that no contractor has; NotThere without the sponsor."""
        if why := unfit(contract, roles, seats, self.get(contract.sponsor)):
            raise BadInput(why)

    def set_contract(self, name: str, contract: Contract) -> Contract | None:
        """Put a contract in place of the one before, which is returned; whoever was signed in is so no longer."""
        before = self.get(name)
        if not before.contractor:
            raise BadInput(f"{before.id} is no contractor", hint="add a contractor under a name of their own")
        self._examine(contract, tuple(before.roles), tuple(before.seats))
        with self._lock, outside(), writing(self._db):
            self._db.table("contract").insert(_terms(name, contract), replace=True)
            self._db.table("ticket").delete_where("person = ?", [name])
        return before.contract

    def set_password(self, name: str, password: str) -> str:
        """Put a password in place of the one before, whose hash is returned; who was signed in is so no longer."""
        return self._replace(name, self._hasher.hash(_long_enough(password)))

    def put_back(self, name: str, hashed: str) -> None:
        """Put the hash back of a password whose change could not be entered."""
        self._replace(name, hashed)

    def _replace(self, name: str, hashed: str) -> str:
        with self._lock, outside(), writing(self._db):
            rows = list(self._db.table("person").rows_where("id = ?", [name]))
            if not rows:
                raise NotThere(f'there is no person "{name[:63]}"')
            self._db.table("person").update(name, {"password": hashed})
            self._db.table("ticket").delete_where("person = ?", [name])
            return str(rows[0]["password"])

    def shut_out(self, name: str, now: datetime) -> None:
        """End a contractor's time box now, and with it every session and token; one that is over stays as it is."""
        with self._lock, outside(), writing(self._db):
            self._db.execute(
                "UPDATE contract SET not_after = ? WHERE person = ? AND not_after > ?", [utc(now), name, utc(now)]
            )

    def get(self, name: str) -> Person:
        """Return the person; NotThere when there is none."""
        with self._lock, outside():
            return self._person(name)

    def all(self) -> dict[str, Person]:
        """Return everybody by id."""
        ring = self._ring()
        with self._lock, outside():
            return {str(row["id"]): self._person(str(row["id"]), ring) for row in self._db.table("person").rows}

    def sign_out_all(self, name: str) -> None:
        """End every session and token of a person."""
        with self._lock, outside(), writing(self._db):
            self._db.table("ticket").delete_where("person = ?", [name])

    def confirm(self, name: str, password: str) -> datetime:
        """Check a password; NotSignedIn says no more than that it was refused, and after five refusals to wait."""
        now = self._clock()
        with self._lock, outside():
            # Counted before it is judged: many wrong ones at once are no more than many.
            self._count(name[:63], now)
            rows = list(self._db.table("person").rows_where("id = ?", [name]))
        known = str(rows[0]["password"]) if rows else self._strangers
        try:
            self._hasher.verify(known, password)
            matches = bool(rows)
        except (Argon2Error, InvalidHashError):
            matches = False
        if not matches:
            raise NotSignedIn("name or password is not right")
        with self._lock, outside():
            times = self._failed.get(name[:63], [])
            if now in times:
                times.remove(now)
            _let_in(self._person(name), now)
        return now

    def _count(self, name: str, now: datetime) -> None:
        """Count an attempt as failed; NotSignedIn when there were too many."""
        recent = ((one, [at for at in times if at > now - LOCKED]) for one, times in self._failed.items())
        self._failed = {one: times for one, times in recent if times}
        times = self._failed.setdefault(name, [])
        if len(times) >= MOST_FAILURES:
            raise NotSignedIn("too many failed sign-ins", hint=f"wait {int(LOCKED.total_seconds() // 60)} minutes")
        times.append(now)

    def sign_in(self, name: str, password: str, kind: str, lifetime: timedelta) -> Ticket:
        """Check a password and make a `session` or a `token`; errors are those of `confirm`."""
        now = self.confirm(name, password)
        secret = ("sgt_" if kind == "token" else "sgs_") + secrets.token_urlsafe(32)
        with self._lock, outside(), writing(self._db):
            self._db.table("ticket").delete_where("expires < ?", [utc(now)])
            row = {"digest": _digest(secret), "person": name, "kind": kind, "expires": utc(now + lifetime)}
            self._db.table("ticket").insert(row)
            person = self._person(name)
        ends = person.contract.not_after if person.contract else now + lifetime
        return Ticket(secret, person, min(ends, now + lifetime))

    def who(self, secret: str, kind: str) -> Person:
        """Return whose session or token this is; NotSignedIn when it is nobody's or has ended."""
        with self._lock, outside():
            rows = list(
                self._db.table("ticket").rows_where(
                    "digest = ? and kind = ? and expires > ?", [_digest(secret), kind, utc(self._clock())]
                )
            )
            if not rows:
                raise NotSignedIn("the sign-in has ended or was never made", hint="sign in again: sangate login")
            return _let_in(self._person(str(rows[0]["person"])), self._clock())

    def sign_out(self, secret: str) -> None:
        """End one session or token."""
        with self._lock, outside(), writing(self._db):
            self._db.table("ticket").delete_where("digest = ?", [_digest(secret)])

    def _person(self, name: str, ring: Ring | None = None) -> Person:
        rows = list(self._db.table("person").rows_where("id = ?", [name]))
        if not rows:
            raise NotThere(f'there is no person "{name[:63]}"')
        row = rows[0]
        terms = next(iter(self._db.table("contract").rows_where("person = ?", [name])), None)
        ring = ring or self._ring()
        keys = (str(key["public"]) for key in self._db.table("key").rows_where("person = ?", [name]))
        return Person(
            name,
            frozenset(Role(role) for role in json.loads(str(row["roles"]))),
            frozenset(Seat(seat) for seat in json.loads(str(row["seats"]))),
            bool(row["contractor"]),
            tuple(key for key in keys if ring.counts(name, key)),
            _contract(terms) if terms else None,
        )


def _long_enough(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(f"a password has at least {SHORTEST_PASSWORD} characters")
    return password


def _let_in(person: Person, now: datetime) -> Person:
    if shut := person.shut(now):
        raise ShutOut(shut, hint="an administrator sets a time box: sangate user contract")
    return person


def _terms(name: str, contract: Contract) -> dict[str, str]:
    box = {"not_before": utc(contract.not_before), "not_after": utc(contract.not_after)}
    return {"person": name, "firm": contract.firm, "name": contract.name, "sponsor": contract.sponsor, **box}


def _contract(row: Mapping[str, object]) -> Contract:
    box = (datetime.fromisoformat(str(row[one])) for one in ("not_before", "not_after"))
    return Contract(str(row["firm"]), str(row["name"]), str(row["sponsor"]), *box)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
