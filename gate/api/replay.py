"""
Idempotency keys: the same request with the same key is answered with the stored answer and done once.

Kept in memory for a day, for the newest thousand. After a restart a key is forgotten; what must not happen twice even
then is kept apart by the ledger (an entry that authorises is appended only if the change is still where it was read).
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.errors import BadInput, Moved

KEPT_FOR = timedelta(hours=24)
KEPT = 1000
LONGEST_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True)
class Stored:
    """An answer as it went out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes


@dataclass
class _Slot:
    request: str
    since: datetime
    answer: Stored | None = None


class Replay:
    """The answers of one serving process; safe to use from many threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def begin(self, secret: str, key: str, request: bytes) -> Stored | None:
        """
        Return the stored answer, or None when this is the first time and the request is to be carried out.

        BadInput (409) for a key that was used for something else, Moved while the first is still being answered.
        """
        name, asked, now = _digest(secret.encode(), key.encode()), _digest(request), self._clock()
        with self._lock:
            slot = self._slots.get(name)
            if slot is None or now - slot.since > KEPT_FOR:
                self._slots[name] = _Slot(asked, now)
                self._slots.move_to_end(name)
                while len(self._slots) > KEPT:
                    self._slots.popitem(last=False)
                return None
            if slot.request != asked:
                raise BadInput("this Idempotency-Key was used for another request", hint="take a new key")
            if slot.answer is None:
                raise Moved("the first request with this Idempotency-Key is still being answered")
            return slot.answer

    def end(self, secret: str, key: str, answer: Stored | None) -> None:
        """Keep the answer; None, or one of 500 and above, is forgotten, so that it can be asked for again."""
        name = _digest(secret.encode(), key.encode())
        with self._lock:
            slot = self._slots.get(name)
            if slot is None:
                return
            if answer is None or answer.status >= 500 or len(answer.content) > LONGEST_ANSWER:
                del self._slots[name]
            else:
                slot.answer = answer


def _digest(*parts: bytes) -> str:
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.hexdigest()
