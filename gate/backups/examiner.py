"""What opens a restored copy and reads it in full: one row of `gate.backups.EXAMINERS` for each engine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gate.backups.answers import Asking
from gate.evidence import BackupRun, Reply, TableDigest
from gate.inventory import Dataset


@dataclass(frozen=True)
class Content:
    """What a dataset holds: all tables that were asked for, or why not."""

    at: datetime
    """When the reading had ended: the content is not younger than this."""

    tables: tuple[TableDigest, ...]
    problem: str = ""
    """Empty only when every table was read to its last row."""

    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """How far an append-only table had come when a reference was recorded."""

    table: str
    up_to: str
    """The highest key, in decimal digits, as in TableDigest."""


@dataclass(frozen=True)
class Restored:
    """A copy that a tool has brought back, and what to read of it."""

    path: str
    dataset: Dataset
    run: BackupRun
    work: str
    """An empty directory below the scratch, for whatever the engine needs beside the copy; removed afterwards."""

    marks: tuple[Mark, ...] = ()
    """Append-only tables are read up to each of these; one without a mark is read up to its own highest key."""

    def marks_of(self, table: str) -> tuple[str, ...]:
        """Return the keys up to which a table is to be read."""
        return tuple(mark.up_to for mark in self.marks if mark.table == table)


@dataclass(frozen=True)
class Opened:
    """How far an engine came with a restored copy. Anything that did not hold is a problem."""

    tables: tuple[TableDigest, ...] = ()
    examined: tuple[str, ...] = ()
    """The engine's own checks that passed."""

    statements: tuple[str, ...] = ()
    """Business statements that were true."""

    ready_at: datetime | None = None
    """When the engine had opened the copy and was consistent; None: as soon as the copy was there."""

    problem: str = ""


@dataclass(frozen=True)
class Examiner:
    """One engine."""

    content: Callable[[Dataset], Asking[Content]]
    """Production's content now, read on its own host under the read-only credential."""

    examine: Callable[[Restored, list[Reply]], Asking[Opened]]
    """
    (what was restored, log) → how far it came.

    Starts whatever must run, on no network, and stops it in any case, also when an exception is thrown in.
    """

    halt: Callable[[str, list[Reply]], Asking[None]] | None = None
    """
    (the gate's own place on the rehearsal host, log): stop what an interrupted rehearsal left running from below it.

    Nothing else is ever stopped. Raises Unread when something may still run. None: this engine runs nothing.
    """
