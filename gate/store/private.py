"""
Salts and values of the fields that are kept outside the log, in a file of their own: what may be forgotten.

A row is written before the entry that commits to it, so an entry never commits to what was lost. Deleting a row
overwrites it in the file (`secure_delete`); copies of the file, such as backups, are for their owner to delete.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from gate.canonical import Json, encode
from gate.errors import LedgerUnavailable
from gate.ledger.commitment import SALT, commit
from gate.ledger.entry import Draft

TABLE = (
    "CREATE TABLE IF NOT EXISTS private "
    "(commitment TEXT PRIMARY KEY, field TEXT NOT NULL, salt BLOB NOT NULL, value TEXT NOT NULL) STRICT"
)
BUSY_S = 5.0


class Private:
    """One file, opened for each question: it is rarely needed. Safe to use from many threads and processes."""

    def __init__(self, path: Path, fields: frozenset[str]) -> None:
        """`fields` are `kind.field`; which may be among them, gate/ledger/entry.py says."""
        self.path = path
        self._fields = fields

    def separate(self, draft: Draft) -> Draft:
        """Keep what is private in a draft durably, and return the draft with commitments in its place."""
        wanted = {key: value for key, value in draft.data.items() if f"{draft.kind}.{key}" in self._fields and value}
        if not wanted:
            return draft
        committed: dict[str, str] = dict(draft.private)
        rows = []
        for field, value in wanted.items():
            salt = os.urandom(SALT)
            committed[field] = commit(salt, field, value)
            rows.append((committed[field], field, salt, encode(value).decode()))
        self._keep(rows)
        rest = {key: value for key, value in draft.data.items() if key not in wanted}
        return replace(draft, data=rest, private=committed)

    def put_back(self, field: str, salt: bytes, value: Json) -> None:
        """Keep what an export disclosed."""
        self._keep([(commit(salt, field, value), field, salt, encode(value).decode())])

    def get(self, commitment: str) -> tuple[bytes, Json] | None:
        """Return salt and value; None when they are not, or no longer, here."""
        if not self.path.exists():
            return None
        with self._open("read") as connection:
            row = connection.execute("SELECT salt, value FROM private WHERE commitment = ?", (commitment,)).fetchone()
        return (bytes(row[0]), json.loads(row[1])) if row else None

    def forget(self, commitments: list[str]) -> int:
        """Delete for good; return how many were there."""
        if not self.path.exists():
            return 0
        with self._open("change") as connection:
            connection.execute("BEGIN IMMEDIATE")
            changed = sum(
                connection.execute("DELETE FROM private WHERE commitment = ?", (one,)).rowcount for one in commitments
            )
            connection.execute("COMMIT")
        return changed

    def _keep(self, rows: list[tuple[str, str, bytes, str]]) -> None:
        with self._open("write") as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO private VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")

    @contextmanager
    def _open(self, what: str) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S)) as connection:
                for pragma in ("journal_mode = DELETE", "synchronous = FULL", "secure_delete = ON"):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.execute(TABLE)
                yield connection
        except (sqlite3.Error, OSError) as problem:
            raise LedgerUnavailable(f"cannot {what} the private fields in {self.path}: {problem}") from None
