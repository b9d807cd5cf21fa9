"""Which rehearsals have begun and not ended, by the entries of the ledger alone."""

import threading
from datetime import datetime

from gate.store import Ledger

BEGUN, ENDED = "rehearsal.begun", ("backup.rehearsed", "rehearsal.cleared")


class Begun:
    """Reads each entry once; safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._read_to = 0
        self._last: dict[str, datetime] = {}
        self._open: set[str] = set()

    def at(self, protection: str) -> datetime | None:
        """Return when the last one of a protection began; None when there was none."""
        with self._lock:
            self._read()
            return self._last.get(protection)

    def open(self, protection: str) -> bool:
        """Say whether one began whose end, or whose removal, is not on record."""
        with self._lock:
            self._read()
            return protection in self._open

    def _read(self) -> None:
        for entry in self._ledger.entries(self._read_to):
            self._read_to = entry.index + 1
            name = str(entry.data.get("protection"))
            if entry.kind == BEGUN:
                self._last[name] = entry.time
                self._open.add(name)
            elif entry.kind in ENDED:
                self._open.discard(name)
