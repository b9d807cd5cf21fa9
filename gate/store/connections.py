"""Connections to the ledger's file: opened alike, lent to one reader at a time, closed together."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from gate.errors import CannotTell, LedgerUnavailable
from gate.store import schema

FULL = "is the disk full or read-only?"
"""What to ask oneself first when the file cannot be opened or written."""


class Connections:
    """Safe to use from many threads: each reads through a connection of its own for as long as it reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._closed = False

    def open(self) -> sqlite3.Connection:
        """Open one that is not lent out, with all that does not live in the file."""
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            schema.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend one; CannotTell when the file cannot be read, LedgerUnavailable when the ledger is closed."""
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self.open()
        try:
            yield connection
        except sqlite3.Error as problem:
            connection.close()
            raise CannotTell(f"the ledger cannot be read: {problem}") from None
        self.take_back(connection)

    @contextmanager
    def apart(self) -> Iterator[sqlite3.Connection]:
        """Open one to read from end to end: it keeps so few pages that a processor's own memory holds them."""
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        connection = self.open()
        try:
            connection.execute("PRAGMA cache_size = 16")
            yield connection
        except sqlite3.Error as problem:
            raise CannotTell(f"the ledger cannot be read: {problem}") from None
        finally:
            connection.close()

    def take_back(self, connection: sqlite3.Connection) -> None:
        """Lend this one again."""
        self._idle.put(connection)

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of one question."""
        with self.reading() as connection:
            return connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close those that nobody has, and lend none any more."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return


def sync_folder(folder: Path) -> None:
    """Force to disk that a file was made in a folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)
