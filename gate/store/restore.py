"""
The ledger's file made again, or its missing tail put back, from the exact bytes of an export.

Nothing is believed: the bytes must give the root that the ledger's key has signed, what is in the file already must be
the same, and so must the head remembered beside the key. One transaction: all of it is put back, or nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from gate.canonical import utc
from gate.errors import BadInput, CannotTell, LedgerUnavailable, Refused
from gate.ledger import entry, merkle
from gate.ledger.checkpoint import Checkpoint
from gate.store import schema
from gate.store.appending import Job, Row
from gate.store.connections import FULL, Connections, sync_folder
from gate.store.proofs import STORED_LEVEL
from gate.store.seen import Seen, digest
from gate.store.tip import last_of, read_tip
from gate.store.turn import Turn
from gate.store.writing import insert

CHUNK = 512
WITHIN = 10.0

Bodies = Callable[[], Iterator[bytes]]


def restore(
    path: Path, seen: Path, bodies: Bodies, head: Checkpoint, signed: str, rotated: Mapping[int, str], now: datetime
) -> int:
    """
    Put back what the file at `path` lacks of the log that `head` covers; return how many entries it had before.

    `rotated` holds for each index of a `key.rotated` the checkpoint that both keys signed. BadInput names the first
    entry that is wrong; Refused when there is nothing to put back.
    """
    turn: Turn[Job] = Turn(path.with_name(path.name + ".lock"), within=WITHIN)
    memory, new = Seen(seen), not path.exists()
    try:
        with turn.taken(), closing(Connections(path).open()) as connection:
            first = entry.read(next(bodies(), b""), 0)
            schema.create(connection, head.origin, str(first.data.get("key")))
            schema.assert_format(connection)
            connection.execute("BEGIN IMMEDIATE")
            before = _Rest(connection, head, signed, rotated, memory).take(bodies(), now)
            connection.execute("COMMIT")
            sync_folder(path.parent)
            new = False
            return before
    except sqlite3.Error as problem:
        raise LedgerUnavailable(f"the ledger cannot be written: {problem}", hint=FULL) from None
    finally:
        memory.close()
        turn.close()
        for part in ("", "-wal", "-shm") if new else ():
            path.with_name(path.name + part).unlink(missing_ok=True)


class _Rest:
    """The entries that are not in the file yet."""

    def __init__(
        self, connection: sqlite3.Connection, head: Checkpoint, signed: str, rotated: Mapping[int, str], memory: Seen
    ) -> None:
        self._connection, self._head, self._signed, self._rotated = connection, head, signed, rotated
        self._remembered = memory.read()
        self._tip = read_tip(connection)
        self._size, self._frontier, self._latest = self._tip.size, self._tip.frontier, self._tip.latest
        self._lasts: dict[str, int] = {}
        self._rows: list[Row] = []

    def take(self, bodies: Iterator[bytes], now: datetime) -> int:
        before = self._size
        if before >= self._head.size:
            raise Refused(
                f"the ledger has {before} entries, the export {self._head.size}: there is nothing to put back"
            )
        (origin,) = self._connection.execute("SELECT origin FROM log").fetchone()
        if origin != self._head.origin:
            raise Refused(f"the file here is the log {origin}, the export is {self._head.origin}")
        self._compare(bodies)
        self._meet()
        for body in bodies:
            self._add(body, now)
        self._flush()
        if self._size != self._head.size:
            raise BadInput(f"the export ends after {self._size} entries; its checkpoint covers {self._head.size}")
        if merkle.root(self._frontier) != self._head.root:
            raise BadInput(f"the entries from {before} on are not those that were signed")
        packed = b"".join(self._frontier)
        self._connection.execute("UPDATE head SET size = ?, frontier = ?, time = ?", (self._size, packed, self._latest))
        self._connection.execute(
            "INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?)", (self._size, self._signed, utc(now))
        )
        return before

    def _compare(self, bodies: Iterator[bytes]) -> None:
        """What is in the file stays; the export must begin with it."""
        for index, stored in self._connection.execute("SELECT idx, body FROM entry ORDER BY idx"):
            if next(bodies, None) != stored:
                raise BadInput(
                    f"entry {index} of the export is not entry {index} of the ledger",
                    hint="one of the two was changed: verify both, and put the wrong one aside",
                )

    def _add(self, body: bytes, now: datetime) -> None:
        index = self._size
        if index >= self._head.size:
            raise BadInput(f"entry {index} is behind the checkpoint: it covers {self._head.size} entries")
        found = entry.read(body, index)
        if found.change is not None:
            last = self._lasts.get(found.change)
            last = last_of(self._connection, found.change)[0] if last is None else last
            if found.seq != last + 1:
                raise BadInput(f"entry {index} is number {found.seq} of {found.change}; {last + 1} is due")
            self._lasts[found.change] = found.seq
        self._frontier, completed = merkle.extend(index, self._frontier, merkle.leaf_hash(body))
        self._rows.append((index, body, found.change, found.seq))
        for level in range(STORED_LEVEL, len(completed)):
            self._connection.execute("INSERT INTO subtree VALUES (?, ?, ?)", (level, index >> level, completed[level]))
        self._size, self._latest = index + 1, max(self._latest, utc(found.time))
        if len(self._rows) == CHUNK:
            self._flush()
        if found.kind == "key.rotated":
            self._rotate(index, str(found.data["key"]), now)
        self._meet()

    def _rotate(self, index: int, key: str, now: datetime) -> None:
        note = self._rotated.get(index)
        if note is None:
            raise BadInput(
                f"the proof that the key was changed at entry {index} is missing", hint="NAME.rotations has it"
            )
        (number,) = self._connection.execute("SELECT max(number) FROM key").fetchone()
        self._connection.execute("INSERT INTO key VALUES (?, ?, ?)", (number + 1, key, index + 1))
        self._connection.execute("INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?)", (index + 1, note, utc(now)))

    def _meet(self) -> None:
        """At the size that is remembered beside the key, the history must be the one that is remembered."""
        size, remembered = self._remembered
        if size and size == self._size and remembered != digest(b"".join(self._frontier)):
            raise Refused(
                f"the first {size} entries are not those remembered beside the key",
                hint="the export tells another history; compare it with checkpoints that others hold",
            )

    def _flush(self) -> None:
        insert(self._connection, self._rows)
        self._rows.clear()


def first_changed(bodies: Iterator[bytes], leaves: bytes, head: Checkpoint) -> int | None:
    """Return the index of the first entry whose hash is not the one noted beside it; None when none can be named."""
    noted = [leaves[place : place + 32] for place in range(0, len(leaves), 32)]
    if len(noted) != head.size or merkle.root_of(noted) != head.root:
        return None
    for index, body in enumerate(bodies):
        if index >= len(noted) or merkle.leaf_hash(body) != noted[index]:
            return index
    return None


def newest_key(path: Path) -> str:
    """Return the key that signs the log in the file; empty when there is none that can be read."""
    if not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return str(connection.execute(schema.LAST_KEY).fetchone()[0])
    except (sqlite3.Error, TypeError):
        return ""


def ended(path: Path, seen: Path) -> tuple[str, int, int, str]:
    """
    Look at a log that goes on no more: origin, entries, the largest size known, and its newest checkpoint kept.

    What lies in the write-ahead file is brought into the database's own, which then is all there is of it.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (origin,) = connection.execute("SELECT origin FROM log").fetchone()
            size = read_tip(connection).size
            held = connection.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (sqlite3.Error, TypeError) as problem:
        raise CannotTell(f"the old ledger {path} cannot be read: {problem}") from None
    memory = Seen(seen)
    known = max(memory.read()[0], size, held[0] if held else 0)
    memory.close()
    return str(origin), size, known, str(held[1]) if held else ""
