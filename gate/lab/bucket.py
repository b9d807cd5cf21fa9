"""
A simulated bucket with versions and Object Lock: what a conforming service keeps and refuses, and how one that does not
conform behaves when a fault is switched on.
"""

import secrets
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field

COMPLIANCE, GOVERNANCE = "COMPLIANCE", "GOVERNANCE"


class Denied(Exception):
    """The service says no; the arguments are its status, its code and its words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


def access_denied() -> Denied:
    """The refusal that locks and rights share."""
    return Denied(403, "AccessDenied", "Access Denied")


@dataclass
class Stored:
    """One version of an object; without content it is a delete marker."""

    key: str
    id: str
    content: bytes | None
    modified: float
    mode: str = ""
    until: float = 0.0
    """Unix seconds; the lock holds before it."""


@dataclass
class Bucket:
    """One bucket; every method is safe from many threads and raises Denied as S3 would answer."""

    name: str
    prefix: str = ""
    """Below which the copies lie."""

    faults: MutableMapping[str, str] = field(default_factory=dict)
    made: bool = False
    """A bucket that was never made answers NoSuchBucket to everything."""

    _versions: list[Stored] = field(default_factory=list)
    """Oldest first."""

    _lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> float:
        """The service's own clock."""
        return time.time() + float(self.faults.get("store-clock") or 0)

    def put(self, key: str, content: bytes, mode: str = "", until: float = 0.0) -> Stored:
        """Add a version on top."""
        with self._lock:
            if mode and until <= self.now():
                raise Denied(400, "InvalidArgument", "The retain until date must be in the future!")
            if "no-locks" in self.faults:
                mode, until = "", 0.0
            return self._add(Stored(key, secrets.token_hex(16), content, self.now(), mode, until))

    def get(self, key: str, version: str = "") -> Stored:
        """Return one version, or the newest state; a marker in front answers as if nothing were there."""
        with self._lock:
            of_it = [one for one in self._versions if one.key == key and version in ("", one.id)]
            if not of_it or of_it[-1].content is None:
                code = "NoSuchVersion" if version and not of_it else "NoSuchKey"
                raise Denied(404, code, "The specified key does not exist.")
            return of_it[-1]

    def delete(self, key: str, version: str, *, bypass: bool) -> Stored | None:
        """Without a version add a marker, which always succeeds; with one take it away unless it is held."""
        with self._lock:
            if not version:
                return self._add(Stored(key, secrets.token_hex(16), None, self.now()))
            for one in self._versions:
                if one.key == key and one.id == version:
                    if one.until > self.now() and not self._passes(one, bypass=bypass):
                        raise access_denied()
                    if one.content is None and "no-delete-of-markers" in self.faults:
                        raise access_denied()
                    self._versions.remove(one)
                    return one
            return None

    def retain(self, key: str, version: str, mode: str, until: float, *, bypass: bool) -> None:
        """Set a lock; one that is there may be lengthened, and not be shortened or weakened."""
        with self._lock:
            one = self.get(key, version)
            weaker = until < one.until or (one.mode == COMPLIANCE and mode != COMPLIANCE)
            held = one.until > self.now() and "lock-shortens" not in self.faults
            if held and weaker and not self._passes(one, bypass=bypass):
                raise access_denied()
            if until <= self.now():
                raise Denied(400, "InvalidArgument", "The retain until date must be in the future!")
            one.mode, one.until = mode, until

    def list(self, prefix: str) -> list[tuple[Stored, bool]]:
        """Return every version below a prefix by key and age, newest first, and whether it is the newest."""
        with self._lock:
            newest = {one.key: one.id for one in self._versions}
            below = [one for one in reversed(self._versions) if one.key.startswith(prefix)]
        return [(one, newest[one.key] == one.id) for one in sorted(below, key=lambda one: one.key)]

    def remode(self, mode: str) -> None:
        """Put another mode on every lock, as an administrator of the service itself could."""
        with self._lock:
            for one in self._versions:
                one.mode = mode if one.mode else ""

    def _add(self, one: Stored) -> Stored:
        self._versions.append(one)
        return one

    def _passes(self, one: Stored, *, bypass: bool) -> bool:
        if "lock-lets-go" in self.faults:
            return True
        return bypass and one.mode == GOVERNANCE and "lock-bypassed" in self.faults
