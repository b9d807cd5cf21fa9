"""The tree as it lies in the database: proofs, roots at any size, and a full examination."""

import sqlite3
from collections import Counter
from collections.abc import Iterator

from gate.errors import CannotTell
from gate.ledger import entry, merkle
from gate.ledger.place import place_of
from gate.store import schema
from gate.store.tip import count

STORED_LEVEL = 8
"""Subtrees of 2**8 leaves and more are stored; smaller ones are hashed again from the entries."""

INDEXED = """SELECT change, count(*) FROM entry INDEXED BY entry_of_change
WHERE change IS NOT NULL AND idx < ? GROUP BY change"""
"""Entries of each change as a history finds them: by the index, which need not hold what the table does."""


class Tree:
    """Reads through one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that entry `index` is in the tree of `size`."""
        return merkle.inclusion(index, self._within(size), self.subtree)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `old` is the beginning of the tree of `new`."""
        return merkle.consistency(old, self._within(new), self.subtree)

    def frontier(self, size: int) -> merkle.Frontier:
        """Return the frontier as it was when there were `size` entries."""
        start, found = 0, []
        for bit in reversed(range(self._within(size).bit_length())):
            if size >> bit & 1:
                found.append(self.subtree(start, start + (1 << bit)))
                start += 1 << bit
        return tuple(found)

    def subtree(self, start: int, end: int) -> bytes:
        """Return the root over the entries from `start` to before `end` (start < end)."""
        width = end - start
        if width & (width - 1) == 0 and start % width == 0 and width >= 1 << STORED_LEVEL:
            level = width.bit_length() - 1
            row = self._connection.execute(
                "SELECT hash FROM subtree WHERE level = ? AND idx = ?", (level, start >> level)
            ).fetchone()
            if row is None:
                raise CannotTell(f"the tree over entries {start} to {end - 1} is missing")
            return bytes(row[0])
        if width <= 1 << STORED_LEVEL:
            leaves = [merkle.leaf_hash(body) for body in self._bodies(start, end)]
            if len(leaves) != width:
                raise CannotTell(f"entries are missing between {start} and {end}")
            return merkle.root_of(leaves)
        middle = start + merkle.split(width)
        return merkle.node_hash(self.subtree(start, middle), self.subtree(middle, end))

    def examine(self) -> tuple[int, bytes]:
        """
        Hash every entry again; compare the stored parts of the tree, the head and the columns for searching.

        Return size and packed frontier, for comparison with what is remembered elsewhere.
        """
        self._connection.execute("BEGIN")
        try:
            head = tuple(self._connection.execute("SELECT size, frontier FROM head").fetchone())
            frontier: merkle.Frontier = ()
            size, met = 0, head == (0, b"")
            for index, body, change, seq in self._connection.execute(
                "SELECT idx, body, change, seq FROM entry ORDER BY idx"
            ):
                found = entry.read(body, index)
                if index != size or (found.change, found.seq) != (change, seq):
                    raise CannotTell(f"entry {size} is not where or what it was")
                frontier, completed = merkle.extend(size, frontier, merkle.leaf_hash(body))
                self._compare_stored(index, completed)
                size += 1
                met = met or (size == head[0] and b"".join(frontier) == head[1])
            if not met:
                raise CannotTell(f"the {size} entries are not the ones that the tree of {head[0]} was made from")
            return size, b"".join(frontier)
        finally:
            self._connection.execute("ROLLBACK")

    def read_again(self, size: int) -> bytes:
        """
        Hash the first `size` entries again and return their root, after what is derived from them was compared.

        That is the tables and triggers, both columns for searching, and their index: an entry that none of them leads
        to is in the tree and in no history. Nothing is kept from one call to the next. 50,000 entries take about half
        a second of one processor.
        """
        self._connection.execute("BEGIN")
        try:
            schema.assert_format(self._connection)
            lengths: Counter[str] = Counter()
            found = merkle.root_of(self._leaves(size, lengths))
            if dict(self._connection.execute(INDEXED, (size,))) != lengths:
                raise CannotTell("the index of the changes does not lead to all of their entries", hint=schema.BY_HAND)
            return found
        finally:
            self._connection.execute("ROLLBACK")

    def _leaves(self, size: int, lengths: Counter[str]) -> Iterator[bytes]:
        """Yield the hash of each entry, and count those of each change."""
        rows = self._connection.execute("SELECT idx, body, change, seq FROM entry WHERE idx < ? ORDER BY idx", (size,))
        due = 0
        for due, (index, body, change, seq) in enumerate(rows, 1):
            if index != due - 1:
                raise CannotTell(f"entry {due - 1} is missing", hint=schema.BY_HAND)
            if place_of(body, index) != (change, seq):
                raise CannotTell(f"entry {index} is not found where its own bytes place it", hint=schema.BY_HAND)
            if change is not None:
                lengths[change] += 1
            yield merkle.leaf_hash(body)
        if due != size:
            raise CannotTell(f"there are {due} entries, not {size}", hint=schema.BY_HAND)

    def _compare_stored(self, index: int, completed: tuple[bytes, ...]) -> None:
        for level in range(STORED_LEVEL, len(completed)):
            stored = self._connection.execute(
                "SELECT hash FROM subtree WHERE level = ? AND idx = ?", (level, index >> level)
            ).fetchone()
            if stored != (completed[level],):
                first = index + 1 - (1 << level)
                raise CannotTell(f"an entry between {first} and {index} is not what it was")

    def _bodies(self, start: int, end: int) -> list[bytes]:
        rows = self._connection.execute("SELECT body FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end))
        return [row[0] for row in rows]

    def _within(self, size: int) -> int:
        there = count(self._connection)
        if size > there:
            raise CannotTell(f"the ledger has {there} entries, not {size}")
        return size
