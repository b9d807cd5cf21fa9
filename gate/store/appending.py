"""What one append writes, inside a transaction that somebody else begins and commits: entries, tree and head."""

import os
import sqlite3
import time as clocks
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from gate.change import utc
from gate.errors import BadInput, LedgerUnavailable, Moved, Refused
from gate.ledger import entry, merkle
from gate.ledger.entry import Draft, Entry
from gate.store.proofs import STORED_LEVEL

Head: TypeAlias = tuple[int, bytes, str | None]
"""Size, packed frontier and latest time, as the table has them."""


def extend(
    connection: sqlite3.Connection,
    head: Head,
    drafts: Sequence[Draft],
    expect: int | None,
    now: datetime,
    tolerance: timedelta,
) -> tuple[tuple[Entry, ...], int, bytes]:
    """
    Insert the drafts as entries and extend the tree of `head` over them; return the entries, the new size and frontier.

    `expect` is the last seq of the first draft's change, else Moved. LedgerUnavailable when `now` is more than
    `tolerance` behind the latest entry.
    """
    size, packed, latest = head
    _assert_forward(now, latest, tolerance)
    frontier, spelled = unpack(packed), utc(now)
    made: list[Entry] = []
    for draft in drafts:
        seq = _next_seq(connection, draft, expect)
        expect = None
        counted, name = _counted(draft, seq), _new_id()
        body = entry.body(counted, name=name, time=spelled, seq=seq)
        frontier, completed = merkle.extend(size, frontier, merkle.leaf_hash(body))
        connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", (size, body, draft.change, seq))
        if len(completed) > STORED_LEVEL:
            connection.executemany(
                "INSERT INTO subtree VALUES (?, ?, ?)",
                [(level, size >> level, completed[level]) for level in range(STORED_LEVEL, len(completed))],
            )
        made.append(entry.placed(counted, body, size, name=name, time=now, seq=seq))
        size += 1
    packed = b"".join(frontier)
    connection.execute("UPDATE head SET size = ?, frontier = ?, time = ?", (size, packed, max(latest or "", spelled)))
    return tuple(made), size, packed


def _assert_forward(now: datetime, latest: str | None, tolerance: timedelta) -> None:
    behind = datetime.fromisoformat(latest) - now if latest else timedelta()
    if behind > tolerance:
        raise LedgerUnavailable(
            f"the clock is {int(behind.total_seconds())} s behind the last entry", hint="was the clock set back?"
        )


def _next_seq(connection: sqlite3.Connection, draft: Draft, expect: int | None) -> int | None:
    if draft.change is None:
        if expect is not None:
            raise BadInput(f"{draft.kind} belongs to no change, so there is no sequence to expect")
        return None
    last = connection.execute(
        "SELECT seq, body FROM entry WHERE change = ? ORDER BY seq DESC LIMIT 1", (draft.change,)
    ).fetchone()
    seq = int(last[0]) if last else 0
    if expect is not None and seq != expect:
        raise Moved(
            f"{draft.change} has moved: entry {seq} is there, {expect} was read", hint="look at the change again"
        )
    if last and entry.kind_of(last[1]) == "change.closed":
        raise Refused(f"{draft.change} is closed; nothing is added to it")
    return seq + 1


def _counted(draft: Draft, seq: int | None) -> Draft:
    """Give `change.closed` the number of the change's entries, itself included."""
    if draft.kind != "change.closed":
        return draft
    if draft.data.get("entries", seq) != seq:
        raise BadInput(f"change.closed says {draft.data['entries']} entries; there are {seq}")
    return Draft(draft.kind, draft.actor, draft.change, {**draft.data, "entries": seq}, draft.blobs)


def _new_id() -> str:
    return entry.uuid7(clocks.time_ns() // 1_000_000, os.urandom(10))


def unpack(packed: bytes) -> merkle.Frontier:
    """Read a frontier as it lies in the head."""
    return tuple(packed[place : place + 32] for place in range(0, len(packed), 32))
