"""Which keys the ledger has enrolled and revoked, kept up by reading only what was appended since the last look."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from gate.errors import CannotTell
from gate.keyring import KINDS, Ring, grown
from gate.store import Ledger
from gate.store.tip import kind_begins


def ring_in(path: Path) -> Ring:
    """Return the ring of a ledger's file that is opened for nothing else; CannotTell when it cannot be read."""
    question = "SELECT idx, body FROM entry WHERE idx = 0 OR instr(body, ?) ORDER BY idx"
    try:
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(question, (kind_begins(KINDS),)).fetchall()
    except sqlite3.Error as problem:
        raise CannotTell(f"the ledger {path} cannot be read: {problem}") from None
    return grown(Ring(), rows, 0)


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
