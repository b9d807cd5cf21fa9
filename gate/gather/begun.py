"""Which rehearsals have begun and not ended, and where, by the entries of the ledger alone."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from gate.ledger.entry import Entry
from gate.store import Ledger

BEGUN, ENDED, CLEARED = "rehearsal.begun", "backup.rehearsed", "rehearsal.cleared"


class Left(NamedTuple):
    """Where a rehearsal may have left a copy of production."""

    host: str
    scratch: str


class Begun:
    """Reads each entry once; safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._read_to = 0
        self._last: dict[str, datetime] = {}
        self._at: dict[str, Left] = {}
        self._left: dict[str, set[Left]] = {}

    def at(self, protection: str) -> datetime | None:
        """Return when the last one of a protection began; None when there was none."""
        with self._lock:
            self._read()
            return self._last.get(protection)

    def left(self) -> Mapping[str, frozenset[Left]]:
        """Return protection → every place at which one began whose end, or whose removal, is not on record."""
        with self._lock:
            self._read()
            return {name: frozenset(places) for name, places in self._left.items() if places}

    def _read(self) -> None:
        for entry in self._ledger.entries(self._read_to):
            self._read_to = entry.index + 1
            name = str(entry.data.get("protection"))
            if entry.kind == BEGUN:
                self._last[name], self._at[name] = entry.time, _place(entry)
                self._left.setdefault(name, set()).add(_place(entry))
            elif entry.kind == ENDED and name in self._at:
                self._left[name].discard(self._at[name])
            elif entry.kind == CLEARED:
                self._left.setdefault(name, set()).discard(_place(entry))


def _place(entry: Entry) -> Left:
    return Left(str(entry.data.get("host")), str(entry.data.get("scratch")))
