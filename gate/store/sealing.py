"""
Checkpoints: signing the tree as it is on disk, and keeping those that somebody may want again.

Before anything is signed the triggers are looked at, and the tree is compared with the memory beside the key and with
the newest checkpoint kept. A smaller tree than before is never signed.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gate.canonical import utc
from gate.errors import BadInput, LedgerUnavailable
from gate.ledger import checkpoint as heads
from gate.ledger import merkle
from gate.ledger.entry import Actor, Draft
from gate.ledger.note import Signer, sign
from gate.store import schema
from gate.store.anchors import Anchors
from gate.store.appending import Batch, job
from gate.store.seen import Seen, behind
from gate.store.tip import Tip, last_of
from gate.store.writing import Writer

KEEP_EVERY = timedelta(hours=1)
"""Checkpoints are kept sparsely: one an hour, and those that somebody asks to keep."""


class Seals:
    """Signs with one key; safe to use from many threads."""

    def __init__(
        self,
        writer: Writer,
        seen: Seen,
        anchors: Anchors,
        signer: Signer,
        clock: Callable[[], datetime],
        tolerance: timedelta,
    ) -> None:
        self._writer, self._seen, self._anchors, self._signer = writer, seen, anchors, signer
        self._clock, self._tolerance = clock, tolerance
        self.origin = signer.vkey.name

    def checkpoint(self, *, keep: bool) -> str:
        """Sign the tree and return the note; the same size is signed once if that checkpoint was kept."""
        with self._writer.alone() as (connection, tip):
            held = self._newest(connection, tip)
            cosigned = self._anchors.newest("cosigned", tip.size)
            if cosigned and cosigned[0] == tip.size:
                return cosigned[1].decode()
            if held and held[0] == tip.size:
                return str(held[1])
            signed = heads.sign(self._head(tip), self._signer)
            now = self._clock()
            if keep or not held or now - datetime.fromisoformat(held[2]) >= KEEP_EVERY:
                self._keep(connection, tip.size, signed, now, must=keep)
            self._seen.sync()
            return signed

    def first(self, drafts: Sequence[Draft]) -> None:
        """Append `drafts` if the log is empty, whoever else wants to begin it at the same time."""
        with self._writer.alone() as (connection, tip):
            if tip.size == 0:
                connection.execute("BEGIN IMMEDIATE")
                after = self._append(connection, tip, drafts)
                connection.execute("COMMIT")
                self._writer.remember(after)

    def rotate(self, successor: Signer, actor: Actor, reason: str) -> str:
        """
        Hand the log to another key: the entry, the key's row and the checkpoint that both sign, in one transaction.

        Return that checkpoint. This object goes on with the old key and is of no further use.
        """
        old, new = str(self._signer.vkey), str(successor.vkey)
        if successor.vkey.name != self.origin:
            raise BadInput(f"the new key is {successor.vkey.name}'s, the log is {self.origin}")
        if old == new:
            raise BadInput("that is the key which the log has already")
        with self._writer.alone() as (connection, tip):
            self._newest(connection, tip)
            connection.execute("BEGIN IMMEDIATE")
            rotated = Draft("key.rotated", actor, None, {"old": old, "key": new, "reason": reason})
            after = self._append(connection, tip, (rotated,))
            (number,) = connection.execute("SELECT max(number) FROM key").fetchone()
            connection.execute("INSERT INTO key VALUES (?, ?, ?)", (number + 1, new, after.size))
            signed = sign(self._head(after).text, self._signer, successor)
            self._keep(connection, after.size, signed, self._clock(), must=True)
            connection.execute("COMMIT")
            self._writer.remember(after)
            self._seen.sync()
        return signed

    def _append(self, connection: sqlite3.Connection, tip: Tip, drafts: Sequence[Draft]) -> Tip:
        batch = Batch(tip, lambda change: last_of(connection, change), self._clock(), self._tolerance)
        batch.add(job(drafts, None))
        return self._writer.write(connection, tip, batch)

    def _head(self, tip: Tip) -> heads.Checkpoint:
        return heads.Checkpoint(self.origin, tip.size, merkle.root(tip.frontier))

    def _newest(self, connection: sqlite3.Connection, tip: Tip) -> tuple[int, str, str] | None:
        """
        Return the newest checkpoint kept.

        LedgerUnavailable when more was signed or remembered than is there, or the log was handed to another key.
        """
        schema.assert_ours(connection, self.origin, str(self._signer.vkey))
        self._seen.compare(tip.size, tip.packed)
        held: tuple[int, str, str] | None = connection.execute(
            "SELECT size, note, made FROM checkpoint ORDER BY size DESC LIMIT 1"
        ).fetchone()
        if held and held[0] > tip.size:
            raise behind(held[0] - tip.size)
        return held

    def _keep(self, connection: sqlite3.Connection, size: int, signed: str, now: datetime, *, must: bool) -> None:
        try:
            connection.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (size, signed, utc(now)))
        except sqlite3.Error as problem:
            self._writer.drop()
            if must:
                raise LedgerUnavailable(f"the checkpoint cannot be kept: {problem}") from None
