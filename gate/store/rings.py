"""Which keys the ledger has enrolled and revoked, kept up by reading only what was appended since the last look."""

import threading

from gate.keyring import KINDS, Ring, grown
from gate.store import Ledger


class Rings:
    """Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._ring = Ring()

    def now(self) -> Ring:
        """Return the ring as the ledger has it at this moment, whichever process has appended to it."""
        with self._lock:
            size = self._ledger.size()
            if size != self._ring.size:
                start = self._ring.size
                self._ring = grown(self._ring, self._ledger.of_kind(KINDS, start, size), size)
            return self._ring
