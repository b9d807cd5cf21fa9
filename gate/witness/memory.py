"""
What the witness remembers: of each log the newest checkpoint it has cosigned, in a small SQLite file.

A checkpoint is durable before its cosignature leaves, and comparing with the last one and writing the next one are
one transaction, so neither a kill nor two requests at once can make it cosign two histories or a smaller tree.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.errors import BadInput, Outside

FORMAT = 1
FORGETS = "BEGIN SELECT RAISE(ABORT, 'a witness never forgets'); END"
TABLES = (
    "CREATE TABLE witness (id INTEGER PRIMARY KEY CHECK (id = 1), vkey TEXT NOT NULL) STRICT",
    """CREATE TABLE seen (
        origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT""",
    f"""CREATE TRIGGER seen_grows BEFORE UPDATE ON seen
        WHEN NEW.size < OLD.size OR NEW.size = OLD.size AND NEW.root <> OLD.root
        OR NEW.at < OLD.at OR NEW.origin <> OLD.origin {FORGETS}""",
    f"CREATE TRIGGER seen_stays BEFORE DELETE ON seen {FORGETS}",
    # Truly signed checkpoints that contradict what was seen: the proof that somebody signs two histories.
    """CREATE TABLE contradiction (
        origin TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (origin, note)
    ) STRICT""",
)
MOST_CONTRADICTIONS = 100
"""Kept of each log, the first ones."""


@dataclass(frozen=True)
class Seen:
    """The newest checkpoint of one log that was cosigned here."""

    size: int
    root: bytes
    note: str
    """With the log's signatures and the cosignature."""

    at: int
    """POSIX seconds of the cosignature."""


class Memory:
    """The file, held by one process. Safe to use from many threads: they take turns."""

    def __init__(self, path: Path, vkey: str) -> None:
        """Open or begin it; Outside when it cannot be used, BadInput when it is another witness's."""
        self._turn = threading.Lock()
        self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Outside(f"another witness runs on {path}") from None
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "recursive_triggers = ON"):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            self._begin(vkey)
        except sqlite3.Error as problem:
            os.close(self._lock)
            raise Outside(f"{path} cannot be used: {problem}") from None
        except BaseException:
            self.close()
            raise

    def _begin(self, vkey: str) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO witness VALUES (1, ?)", (vkey,))
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
        there = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT or sorted(there) != sorted(TABLES):
            raise Outside("the witness's memory is of another format, or was altered by hand")
        (ours,) = connection.execute("SELECT vkey FROM witness").fetchone()
        if ours != vkey:
            raise BadInput(
                f"this memory belongs to the witness {ours}, not to {vkey}",
                hint="a witness keeps its name and key for life; begin a new one in another folder",
            )

    def newest(self, origin: str) -> Seen | None:
        """Return what was last cosigned of a log."""
        with self._turn:
            row = self._connection.execute(
                "SELECT size, root, note, at FROM seen WHERE origin = ?", (origin,)
            ).fetchone()
        return Seen(*row) if row else None

    @contextmanager
    def turn(self, origin: str) -> Iterator[tuple[Seen | None, Callable[[Seen], None]]]:
        """
        Lend what was last cosigned of a log together with the verb that replaces it.

        Durable when the block has ended; nothing is written when it raises. Outside when it cannot be written.
        """
        with self._turn:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                row = self._connection.execute(
                    "SELECT size, root, note, at FROM seen WHERE origin = ?", (origin,)
                ).fetchone()
                yield Seen(*row) if row else None, lambda seen: self._write(origin, seen)
                self._connection.execute("COMMIT")
            except sqlite3.Error as problem:
                raise Outside(f"the witness cannot write: {problem}") from None
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _write(self, origin: str, seen: Seen) -> None:
        self._connection.execute(
            "INSERT INTO seen VALUES (?1, ?2, ?3, ?4, ?5) "
            "ON CONFLICT (origin) DO UPDATE SET size = ?2, root = ?3, note = ?4, at = ?5",
            (origin, seen.size, seen.root, seen.note, seen.at),
        )

    def keep_contradiction(self, origin: str, note: str, at: int) -> None:
        """Keep a truly signed checkpoint that does not fit; the first hundred of each log."""
        with self._turn:
            try:
                self._connection.execute(
                    "INSERT OR IGNORE INTO contradiction SELECT ?1, ?2, ?3 "
                    "WHERE (SELECT count(*) FROM contradiction WHERE origin = ?1) < ?4",
                    (origin, note, at, MOST_CONTRADICTIONS),
                )
            except sqlite3.Error as problem:
                raise Outside(f"the witness cannot write: {problem}") from None

    def contradictions(self, origin: str) -> list[str]:
        """Return the notes that were kept so, the first one first."""
        with self._turn:
            rows = self._connection.execute(
                "SELECT note FROM contradiction WHERE origin = ? ORDER BY at, rowid", (origin,)
            ).fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._turn:
            self._connection.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1
