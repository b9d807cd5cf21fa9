"""Everything that only reads the ledger's file; each question through a connection of its own."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from gate.errors import CannotTell
from gate.ledger import entry, merkle, proof
from gate.ledger import tiles as tiling
from gate.ledger.entry import Entry
from gate.store.connections import Connections
from gate.store.proofs import Tree
from gate.store.tip import count, kind_begins, read_tip

CHUNK = 250
"""Entries that are read at once: with their bytes they stay in a processor's own memory."""

BODIES = "SELECT body FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx"
JOINED = "SELECT count(*), CAST(group_concat(body, x'0a') AS BLOB) FROM entry WHERE idx >= ? AND idx < ?"
UPWARDS = frozenset(
    {
        *("Init", "Transaction", "Goto", "Halt", "Noop", "Explain"),
        *("Null", "Integer", "Variable", "Blob", "Copy", "SCopy", "Cast"),
        *("OpenRead", "SeekGE", "Rowid", "Ge", "Column", "AggStep", "Next", "AggFinal", "ResultRow"),
    }
)
"""What SQLite does to walk one table from the first index up and join each row as it comes; nothing that sorts."""


class Reading:
    """The half of gate.store.Ledger that changes nothing."""

    def __init__(self, file: Connections) -> None:
        self._file = file

    def history(self, change: str) -> tuple[Entry, ...]:
        """See Ledger."""
        rows = self._file.rows("SELECT idx, body FROM entry WHERE change = ? ORDER BY seq", (change,))
        found = tuple(entry.read(body, index) for index, body in rows)
        for seq, item in enumerate(found, 1):
            if (item.change, item.seq) != (change, seq):
                raise CannotTell(
                    f"the history of {change} is not whole at entry {item.index}",
                    hint="somebody changed the database by hand; verify an export",
                )
        return found

    def changes(self) -> tuple[str, ...]:
        """See Ledger."""
        return tuple(
            row[0]
            for row in self._file.rows("SELECT change FROM entry WHERE seq = 1 AND change IS NOT NULL ORDER BY idx")
        )

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """See Ledger."""
        for index, stored in enumerate(self.bodies(start, end), start):
            yield entry.read(stored, index)

    def of_kind(self, kind: str, start: int = 0, end: int | None = None) -> list[tuple[int, bytes]]:
        """See Ledger."""
        question = "SELECT idx, body FROM entry WHERE idx >= ? AND idx < ? AND (idx = 0 OR instr(body, ?)) ORDER BY idx"
        return self._file.rows(question, (start, self.size() if end is None else end, kind_begins(kind)))

    def bodies(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See Ledger."""
        return chain.from_iterable(self.pieces(start, end))

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[list[bytes]]:
        """See Ledger."""
        end = self.size() if end is None else min(end, self.size())
        for low in range(start, end, CHUNK):
            high = min(low + CHUNK, end)
            rows = self._file.rows(BODIES, (low, high))
            _whole(len(rows), low, high)
            yield [stored for (stored,) in rows]

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """See Ledger."""
        end = self.size() if end is None else min(end, self.size())
        with self._file.apart() as connection:
            joins = joins_upwards(connection)
            for low in range(start, end, CHUNK):
                high = min(low + CHUNK, end)
                found, joined = joined_bodies(connection, low, high) if joins else bodies_to_join(connection, low, high)
                _whole(found, low, high)
                yield found, joined + b"\n"

    def size(self) -> int:
        """See Ledger."""
        with self._file.reading() as connection:
            return count(connection)

    def last_time(self) -> datetime | None:
        """See Ledger."""
        with self._file.reading() as connection:
            latest = read_tip(connection).latest
        return datetime.fromisoformat(latest) if latest else None

    def kept_checkpoint(self) -> str | None:
        """See Ledger."""
        rows = self._file.rows(
            "SELECT note FROM checkpoint WHERE size <= (SELECT coalesce(max(idx) + 1, 0) FROM entry) "
            "ORDER BY size DESC LIMIT 1"
        )
        return str(rows[0][0]) if rows else None

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """See Ledger."""
        with self._file.reading() as connection:
            return Tree(connection).inclusion(index, size)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """See Ledger."""
        with self._file.reading() as connection:
            return Tree(connection).consistency(old, new)

    def read_again(self, size: int) -> bytes:
        """See Ledger."""
        with self._file.reading() as connection:
            return Tree(connection).read_again(size)

    def tiles(self, size: int) -> Iterator[tuple[str, bytes]]:
        """See Ledger."""
        for tile in tiling.tiles(size):
            if tile.level:
                with self._file.reading() as connection:
                    tree = Tree(connection)
                    yield tile.path, b"".join([tree.subtree(start, end) for start, end in tile.subtrees])
            else:
                first = tile.index * tiling.WIDTH
                bodies = list(self.bodies(first, first + tile.width))
                yield tile.entries_path, tiling.bundle(bodies)
                yield tile.path, b"".join(map(merkle.leaf_hash, bodies))

    def rotations(self) -> tuple[str, ...]:
        """See Ledger."""
        found = []
        for (start,) in self._file.rows("SELECT start FROM key WHERE number > 1 ORDER BY number"):
            index = start - 1
            notes = self._file.rows("SELECT note FROM checkpoint WHERE size = ?", (start,))
            if not notes:
                raise CannotTell(f"the checkpoint that both keys signed at entry {index} is missing")
            (body,) = self.bodies(index, start)
            found.append(proof.write(proof.Proof(index, self.inclusion(index, start), notes[0][0], body)))
        return tuple(found)


def joins_upwards(connection: sqlite3.Connection, question: str = JOINED) -> bool:
    """
    Say whether SQLite joins bodies in the order of their indexes.

    Its documentation promises an order only with ORDER BY inside (from 3.44 on, and then it sorts), but the program
    that it makes of the question shows the one it takes. A step that is not known here is an answer of no.
    """
    steps = [row[1] for row in connection.execute(f"EXPLAIN {question}", (0, 0))]
    return set(steps) <= UPWARDS and all(steps.count(step) == 1 for step in ("OpenRead", "SeekGE", "Next"))


def joined_bodies(connection: sqlite3.Connection, low: int, high: int) -> tuple[int, bytes]:
    """Return how many entries there are and their bytes with line ends between, put together by SQLite."""
    ((found, joined),) = connection.execute(JOINED, (low, high))
    return found, joined or b""


def bodies_to_join(connection: sqlite3.Connection, low: int, high: int) -> tuple[int, bytes]:
    """Return the same, put together here."""
    rows = connection.execute(BODIES, (low, high)).fetchall()
    return len(rows), b"\n".join([stored for (stored,) in rows])


def _whole(found: int, low: int, high: int) -> None:
    """Raise CannotTell unless all are there: idx is the primary key, so as many as that are just these."""
    if found != high - low:
        raise CannotTell(f"entries are missing between {low} and {high}")
