"""The working database: how it is written, and what is said when it cannot be."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from gate.errors import Outside


@contextmanager
def outside() -> Iterator[None]:
    """What the working database cannot do is said in a sentence, as Outside."""
    try:
        yield
    except sqlite3.Error as problem:
        raise Outside(
            f"the working database cannot be used: {problem}", hint="is the disk full or read-only?"
        ) from None


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """
    One transaction that is a writer's from its first statement on.

    One that reads first and writes later is told at once that the database is locked when another process has written
    in between; a writer from the start waits for its turn.
    """
    database.conn.execute("BEGIN IMMEDIATE")
    with database.conn:
        yield
