"""
The end of the log: how many entries, the frontier of their tree, the latest time.

The head in the database is written now and then, not with each entry: the entries are the truth, and the few behind
the head are hashed again by whoever needs the tip. A commit of one entry so writes one row and nothing else.
"""

import sqlite3
from dataclasses import dataclass, field

from gate.errors import CannotTell
from gate.keyring import REVOKED
from gate.ledger import entry, merkle

HEAD_EVERY = 64
"""Entries between two heads; reading the tip anew hashes fewer than this."""

Last = tuple[int, bool]
"""The last seq of a change, and whether that entry closed it; (0, False) without an entry."""


@dataclass
class Tip:
    """The end of the log as it is on disk; kept at hand while nobody else writes."""

    size: int
    frontier: merkle.Frontier
    latest: str
    """The latest time of any entry, spelled by gate.canonical.utc; empty before the first."""

    lasts: dict[str, Last] = field(default_factory=dict)

    @property
    def packed(self) -> bytes:
        """The frontier as it lies in the head."""
        return b"".join(self.frontier)


def unpack(packed: bytes) -> merkle.Frontier:
    """Read a frontier as it lies in the head."""
    return tuple(packed[place : place + 32] for place in range(0, len(packed), 32))


def read_tip(connection: sqlite3.Connection) -> Tip:
    """Read the head and hash the entries behind it; CannotTell when entries are missing before or behind it."""
    size, packed, latest = connection.execute("SELECT size, frontier, time FROM head").fetchone()
    frontier, latest = unpack(packed), latest or ""
    there = count(connection)
    rows = connection.execute("SELECT idx, body FROM entry WHERE idx >= ? ORDER BY idx", (size,)).fetchall()
    for index, body in rows:
        if index != size:
            break
        frontier, _ = merkle.extend(size, frontier, merkle.leaf_hash(body))
        latest = max(latest, entry.time_of(body))
        size += 1
    if size != there:
        raise CannotTell(
            f"the ledger's end is not whole: {size} entries belong there, {there} are",
            hint="somebody changed the database by hand; export what is there and verify it",
        )
    return Tip(size, frontier, latest)


def count(connection: sqlite3.Connection) -> int:
    """Return the number of entries, as the last one's index says."""
    return int(connection.execute("SELECT coalesce(max(idx) + 1, 0) FROM entry").fetchone()[0])


def last_of(connection: sqlite3.Connection, change: str) -> Last:
    """Return the last seq of a change, and whether it is closed."""
    row = connection.execute(
        "SELECT seq, body FROM entry WHERE change = ? ORDER BY seq DESC LIMIT 1", (change,)
    ).fetchone()
    return (int(row[0]), entry.kind_of(row[1]) == "change.closed") if row else (0, False)


def kind_begins(kind: str) -> bytes:
    """Return what stands in every entry whose kind begins so; a quote inside a text is escaped: no text looks so."""
    return f'"kind":"{kind}'.encode()


def revoked_since(connection: sqlite3.Connection, start: int) -> bool:
    """Say whether an approver's key was revoked by an entry from `start` on."""
    question = "SELECT body FROM entry WHERE idx >= ? AND instr(body, ?)"
    rows = connection.execute(question, (start, kind_begins(REVOKED)))
    return any(entry.kind_of(body) == REVOKED for (body,) in rows)
