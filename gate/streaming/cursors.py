"""
How far each sink has come, in a small database of its own: what it loses at worst is sent again.

A cursor moves only after delivery, so a kill between the two sends some entries twice; each is known by its index.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.errors import Outside

SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (
    name TEXT NOT NULL, origin TEXT NOT NULL, next INTEGER NOT NULL,
    delivered TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '', since TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (name, origin)
)
"""


@dataclass(frozen=True)
class Cursor:
    """One sink's place in one log."""

    next: int = 0
    """Index of the first entry that is not delivered yet."""

    delivered: str = ""
    """When something was delivered last; empty: never."""

    problem: str = ""
    """Why delivery does not go on; empty while it does."""

    since: str = ""
    """Since when there is a problem."""


class Cursors:
    """The cursors of one log. Safe to use from many threads; the file is made with the first cursor."""

    def __init__(self, path: Path, origin: str) -> None:
        self._path, self._origin = path, origin
        self._lock = threading.Lock()

    def read(self, name: str) -> Cursor:
        """Return where a sink is; a new one is at the beginning of the log."""
        if not self._path.exists():
            return Cursor()
        with self._open() as connection:
            query = "SELECT next, delivered, problem, since FROM cursor WHERE name = ? AND origin = ?"
            row = connection.execute(query, (name, self._origin)).fetchone()
        return Cursor(*row) if row else Cursor()

    def write(self, name: str, cursor: Cursor) -> None:
        """Keep where a sink is, durably."""
        with self._open() as connection:
            values = (name, self._origin, cursor.next, cursor.delivered, cursor.problem, cursor.since)
            connection.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?, ?)", values)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                connection = sqlite3.connect(self._path, timeout=5.0)
                try:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = FULL")
                    connection.execute(SCHEMA)
                    with connection:
                        yield connection
                finally:
                    connection.close()
        except sqlite3.Error as problem:
            raise Outside(f"the cursors of the sinks cannot be kept: {problem}", place=str(self._path)) from None
