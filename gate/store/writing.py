"""
The one place that writes to the ledger's file: whose turn it is, one commit for all who wait, the memory after it.

An append rests on the end of the log as it is on disk. That is read in the transaction, unless the memory beside the
key still shows what this process wrote last: then nobody else has written, and the end is at hand. The triggers of
the file hold either way.
"""

import sqlite3
import time as clocks
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from gate.errors import GateError, LedgerUnavailable
from gate.store import schema
from gate.store.appending import Batch, Job, Row
from gate.store.connections import FULL, Connections
from gate.store.seen import Seen
from gate.store.tip import HEAD_EVERY, Tip, count, last_of, read_tip, revoked_since
from gate.store.turn import Turn

ASSERT_EVERY = 60.0
"""Seconds between two looks whether every trigger is still there; each checkpoint looks too."""

INSERT = "INSERT INTO entry VALUES (?, ?, ?, ?)"
AT_ONCE = (32, 8, 1)
"""Rows in one statement: each statement lets other threads run before its caller goes on."""

CANNOT = "the ledger cannot be written"


class Writer:
    """Safe to use from many threads; several processes may have one each."""

    def __init__(
        self,
        file: Connections,
        turn: Turn[Job],
        seen: Seen,
        clock: Callable[[], datetime],
        clock_tolerance: timedelta,
    ) -> None:
        self._file, self._turn, self._seen = file, turn, seen
        self._clock, self._tolerance = clock, clock_tolerance
        self._connection: sqlite3.Connection | None = None
        self._tip: Tip | None = None
        self._line = b""
        self._looked = 0.0

    def append(self, wanted: Job) -> None:
        """Append durably, with whatever others want at the same time; the job says how it went."""
        with self._turn.led(wanted) as jobs:
            if jobs:
                self._answer(jobs)

    @contextmanager
    def alone(self) -> Iterator[tuple[sqlite3.Connection, Tip]]:
        """Lend the writing connection and the tip, in turn and with every trigger looked at; nothing is begun."""
        with self._turn.taken():
            try:
                connection = self._open(looking=True)
                yield connection, self._known() or read_tip(connection)
            except (sqlite3.Error, OSError) as problem:
                self.drop()
                raise LedgerUnavailable(f"{CANNOT}: {problem}", hint=FULL) from None
            except BaseException:
                self._roll_back()
                raise

    def write(self, connection: sqlite3.Connection, tip: Tip, batch: Batch) -> Tip:
        """Put a batch behind `tip` in the transaction that has begun; return the tip there will be."""
        insert(connection, batch.rows)
        if batch.subtrees:
            connection.executemany("INSERT INTO subtree VALUES (?, ?, ?)", batch.subtrees)
        after = batch.tip()
        if after.size // HEAD_EVERY != tip.size // HEAD_EVERY:
            connection.execute(
                "UPDATE head SET size = ?, frontier = ?, time = ?", (after.size, after.packed, after.latest)
            )
        return after

    def remember(self, tip: Tip) -> None:
        """
        Note beside the key what has just been committed, and keep it at hand.

        What is durable stays so if that fails: then nothing is at hand, and the next append compares anew.
        """
        try:
            self._line, self._tip = self._seen.write(tip.size, tip.packed), tip
        except OSError:
            self._line, self._tip = b"", None

    def drop(self) -> None:
        """A closed connection rolls back whatever it had begun; the next append opens a fresh one."""
        self._tip = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(self, jobs: Sequence[Job]) -> None:
        """Commit all that can be; whatever happens, every job knows how it went."""
        try:
            self._commit(jobs)
        except (sqlite3.Error, OSError) as problem:
            self.drop()
            _fail(jobs, f"{CANNOT}: {problem}", FULL)
        except GateError as problem:
            self._roll_back()
            _fail(jobs, problem.message, problem.hint)
        except BaseException:
            self.drop()
            _fail(jobs, f"{CANNOT}: whoever was writing was stopped", "try again")
            raise

    def _commit(self, jobs: Sequence[Job]) -> None:
        connection = self._open()
        tip = self._known()
        if tip is not None:
            try:
                self._attempt(connection, tip, jobs)
            except sqlite3.IntegrityError:
                # Another process committed and died before it could say so beside the key.
                self._roll_back()
            else:
                return
        connection.execute("BEGIN IMMEDIATE")
        tip = read_tip(connection)
        self._seen.compare(tip.size, tip.packed)
        self._seen.write(tip.size, tip.packed)  # a memory that cannot be kept up refuses, before anything is written
        self._attempt(connection, tip, jobs)

    def _attempt(self, connection: sqlite3.Connection, tip: Tip, jobs: Sequence[Job]) -> None:
        batch = Batch(
            tip, partial(last_of, connection), self._clock(), self._tolerance, partial(revoked_since, connection)
        )
        made = []
        for one in jobs:
            one.error = None
            try:
                made.append((one, batch.add(one)))
            except GateError as error:
                one.error = error
        if not batch.rows:
            if not connection.in_transaction and count(connection) != tip.size:
                raise sqlite3.IntegrityError("the tip at hand is not the tip on disk")
            self._roll_back()
            return
        if len(batch.rows) == 1 and not connection.in_transaction and (tip.size + 1) % HEAD_EVERY:
            connection.execute(INSERT, batch.rows[0])  # a transaction by itself; STORED_LEVEL needs a multiple of 256
            after = batch.tip()
        else:
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            after = self.write(connection, tip, batch)
            connection.execute("COMMIT")
        self.remember(after)
        for one, entries in made:
            one.made = entries

    def _known(self) -> Tip | None:
        """Return the tip at hand if nobody has written since."""
        at_hand = self._tip is not None and not self._seen.stopped[0] and self._seen.line() == self._line
        return self._tip if at_hand else None

    def _open(self, *, looking: bool = False) -> sqlite3.Connection:
        fresh = self._connection is None
        connection = self._connection = self._connection or self._file.open()
        if fresh or looking or clocks.monotonic() - self._looked > ASSERT_EVERY:
            schema.assert_format(connection)
            self._looked = clocks.monotonic()
        return connection

    def _roll_back(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.drop()


def insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Insert rows by as few statements as there can be."""
    place = 0
    for width in AT_ONCE:
        statement = INSERT + ", (?, ?, ?, ?)" * (width - 1)
        while len(rows) - place >= width:
            connection.execute(statement, [value for row in rows[place : place + width] for value in row])
            place += width


def _fail(jobs: Sequence[Job], message: str, hint: str) -> None:
    """Each caller raises an error of its own; a job that was refused for its own sake keeps that answer."""
    for one in jobs:
        one.made = ()
        one.error = one.error or LedgerUnavailable(message, hint=hint)
