"""
Whose keys sign, by the ledger's own entries: enrolled by `key.enrolled`, taken away for good by `key.revoked`.

What is kept beside the ledger says which keys there are; it cannot bring one back that an entry has taken away, nor
make one count that no entry enrols. Only a log that goes on from another (a later epoch) may lack the enrolment of a
key that signs: it stands in the log before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gate.errors import CannotTell
from gate.ledger import entry
from gate.sshsig import fingerprint

ENROLLED, REVOKED = "key.enrolled", "key.revoked"
KINDS = "key."
"""How the kinds that are looked at begin."""


@dataclass(frozen=True)
class Enrolled:
    """One key: whose it is, since when, and what has taken it away."""

    person: str
    at: datetime | None = None
    """None where the enrolment is in another log."""

    index: int | None = None
    revoked: datetime | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Ring:
    """Every key that a log tells of, by its fingerprint."""

    size: int = 0
    """Entries that were read."""

    keys: Mapping[str, Enrolled] = field(default_factory=dict)
    whole: bool = False
    """Every enrolment is in this log: it goes on from no other."""

    broken: str = ""
    """Why the log cannot tell whose keys sign; then none does."""

    def counts(self, person: str, public: str) -> bool:
        """Say whether what this person signs with this key counts now."""
        try:
            found = self.keys.get(fingerprint(public))
        except ValueError:
            return False
        if self.broken or (found is None and self.whole):
            return False
        return found is None or (found.person == person and found.revoked is None)

    @property
    def revoked(self) -> frozenset[str]:
        """Fingerprints of the keys that were taken away."""
        return frozenset(name for name, key in self.keys.items() if key.revoked is not None)


def grown(ring: Ring, stored: Iterable[tuple[int, bytes]], size: int) -> Ring:
    """Return the ring after these entries (index, bytes) of the first `size`; others than of `KINDS` change nothing."""
    keys, whole, broken = dict(ring.keys), ring.whole, ring.broken
    for index, body in stored:
        try:
            read = entry.read(body, index)
        except CannotTell as problem:
            broken = broken or problem.message
            continue
        if index == 0:
            whole = read.kind == "log.opened" and "previous" not in read.data  # empty where none is known
        name, who = str(read.data.get("fingerprint")), str(read.data.get("person"))
        if read.kind == ENROLLED and name not in keys:
            keys[name] = Enrolled(who, read.time, index)
        elif read.kind == REVOKED and (name not in keys or keys[name].revoked is None):
            reason = str(read.data.get("reason", "kept outside the log"))
            found = keys.get(name, Enrolled(who))
            keys[name] = replace(found, revoked=read.time, by=read.actor.id, reason=reason)
    return Ring(size, keys, whole, broken)
