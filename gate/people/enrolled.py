"""The table of enrolled keys. Whether one counts, the ledger says: see gate/keyring.py."""

import threading
from collections.abc import Callable, Container

from sqlite_utils import Database

from gate.errors import BadInput, NotThere
from gate.keyring import Ring
from gate.people.working import outside, writing
from gate.sshsig import fingerprint

NOBODY = ""
"""Whose a revoked key is: it stays in the table, so that nobody enrols it again."""


class Keys:
    """The half of `People` that is about keys."""

    _db: Database
    _lock: threading.Lock
    _ring: Callable[[], Ring]

    def enrol_key(self, name: str, public: str) -> str:
        """Enrol an Ed25519 OpenSSH public key with which this person signs; return its SHA-256 fingerprint."""
        try:
            found = fingerprint(public)
        except ValueError as problem:
            raise BadInput(str(problem), hint="ssh-keygen -t ed25519 makes one; give the .pub file") from None
        ring, owner = self._ring(), self.owners().get(found)
        if found in ring.revoked or owner == NOBODY:
            raise BadInput("this key was revoked, for good", hint="make another one: ssh-keygen -t ed25519")
        if found in ring.keys or (owner is not None and not ring.whole):
            raise BadInput("this key is enrolled already", hint="one key belongs to one person")
        with self._lock, outside():
            if not list(self._db.table("person").rows_where("id = ?", [name])):
                raise NotThere(f'there is no person "{name[:63]}"')
            with writing(self._db):  # a row that no entry has enrolled, left by who was killed or slipped in, is none
                self._db.table("key").upsert({"public": " ".join(public.split()[:2]), "person": name}, pk="public")
        return found

    def owners(self) -> dict[str, str]:
        """Return whose each key is by its fingerprint; NOBODY's is one that was revoked."""
        with self._lock, outside():
            return {fingerprint(str(row["public"])): str(row["person"]) for row in self._db.table("key").rows}

    def drop_key(self, public: str) -> None:
        """Remove a key whose enrolling could not be entered."""
        with self._lock, outside(), writing(self._db):
            self._db.table("key").delete_where("public = ?", [" ".join(public.split()[:2])])

    def take_keys(self, revoked: Container[str]) -> None:
        """Let nobody have these keys, by fingerprint, any more, whatever ledger is begun after this one."""
        taken = [one for one, owner in self.owners().items() if owner != NOBODY and one in revoked]
        with self._lock, outside(), writing(self._db):
            for row in list(self._db.table("key").rows) if taken else ():
                if fingerprint(str(row["public"])) in taken:
                    self._db.table("key").update(row["public"], {"person": NOBODY})
