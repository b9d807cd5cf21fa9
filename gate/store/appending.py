"""
What a commit will write, worked out before anything is written: entries, tree, and the tip they leave behind.

A batch holds the jobs of many callers. A job that may not be appended leaves the batch as it was, so it fails alone;
what is written is written whole or not at all, and only then does the new tip take the place of the old one.
"""

import os
import time as clocks
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gate.canonical import utc
from gate.errors import BadInput, GateError, LedgerUnavailable, Moved, Refused
from gate.keyring import REVOKED
from gate.ledger import entry, merkle
from gate.ledger.entry import Draft, Entry, Frame
from gate.store.proofs import STORED_LEVEL
from gate.store.tip import Last, Tip

MOST_REMEMBERED = 10_000
"""Changes whose last seq is kept at hand; beyond it all are forgotten and asked for again."""

Row = tuple[int, bytes, str | None, int | None]


@dataclass
class Job:
    """What one caller wants appended, all or nothing; afterwards `made` or `error` says how it went."""

    drafts: tuple[Draft, ...]
    frames: tuple[Frame, ...]
    expect: int | None
    keys_at: int | None = None
    """How many entries there were when it was read whose keys count."""

    made: tuple[Entry, ...] = ()
    error: GateError | None = None

    def result(self) -> tuple[Entry, ...]:
        """Return the entries, or raise what the caller is to hear."""
        if self.error is not None:
            raise self.error
        return self.made


def job(drafts: Sequence[Draft], expect: int | None, keys_at: int | None = None) -> Job:
    """Encode the drafts, before it is anybody's turn; BadInput for one that may not be an entry."""
    return Job(tuple(drafts), tuple(entry.frame(draft) for draft in drafts), expect, keys_at)


class Batch:
    """Rows to be written behind `tip`; nothing here touches the file but the question after a change's last seq."""

    def __init__(
        self,
        tip: Tip,
        ask: Callable[[str], Last],
        now: datetime,
        tolerance: timedelta,
        revoked: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """LedgerUnavailable when `now` is more than `tolerance` behind the latest entry."""
        behind = datetime.fromisoformat(tip.latest) - now if tip.latest else timedelta()
        if behind > tolerance:
            raise LedgerUnavailable(
                f"the clock is {int(behind.total_seconds())} s behind the last entry", hint="was the clock set back?"
            )
        self._tip, self._ask, self._now, self._spelled = tip, ask, now, utc(now)
        self._revoked = revoked
        self._size, self._frontier = tip.size, tip.frontier
        self._lasts: dict[str, Last] = {}
        self.rows: list[Row] = []
        self.subtrees: list[tuple[int, int, bytes]] = []

    def add(self, wanted: Job) -> tuple[Entry, ...]:
        """Take a job in and return its entries as they will be; Moved, Refused or BadInput leaves it out."""
        if wanted.keys_at is not None and self._taken_away(wanted.keys_at):
            raise Moved("somebody's key was revoked meanwhile; nothing was done", hint="look at the change again")
        size, frontier = self._size, self._frontier
        lasts: dict[str, Last] = {}
        rows: list[Row] = []
        subtrees: list[tuple[int, int, bytes]] = []
        made: list[Entry] = []
        expect = wanted.expect
        for draft, frame in zip(wanted.drafts, wanted.frames, strict=True):
            seq = self._next_seq(draft, expect, lasts)
            expect = None
            if draft.kind == "change.closed":
                draft, frame = _counted(draft, seq)  # noqa: PLW2901  # only here is the count known
            name = entry.uuid7(clocks.time_ns() // 1_000_000, os.urandom(10))
            body = frame.body(name, self._spelled, seq)
            frontier, completed = merkle.extend(size, frontier, merkle.leaf_hash(body))
            rows.append((size, body, draft.change, seq))
            if len(completed) > STORED_LEVEL:
                subtrees += [(level, size >> level, completed[level]) for level in range(STORED_LEVEL, len(completed))]
            made.append(entry.placed(draft, body, size, name=name, time=self._now, seq=seq))
            if seq is not None and draft.change is not None:
                lasts[draft.change] = (seq, draft.kind == "change.closed")
            size += 1
        self._size, self._frontier = size, frontier
        self._lasts |= lasts
        self.rows += rows
        self.subtrees += subtrees
        return tuple(made)

    def tip(self) -> Tip:
        """Return the tip there will be when the rows are on disk."""
        lasts = self._tip.lasts if len(self._tip.lasts) < MOST_REMEMBERED else {}
        lasts.update(self._lasts)
        return Tip(self._size, self._frontier, max(self._tip.latest, self._spelled), lasts)

    def _taken_away(self, start: int) -> bool:
        """Say whether a key was revoked from entry `start` on, in the file or in this very batch."""
        return self._revoked(start) or any(entry.kind_of(body) == REVOKED for _, body, _, _ in self.rows)

    def _next_seq(self, draft: Draft, expect: int | None, lasts: dict[str, Last]) -> int | None:
        change = draft.change
        if change is None:
            if expect is not None:
                raise BadInput(f"{draft.kind} belongs to no change, so there is no sequence to expect")
            return None
        seq, closed = lasts.get(change) or self._lasts.get(change) or self._tip.lasts.get(change) or self._ask(change)
        if expect is not None and seq != expect:
            raise Moved(f"{change} has moved: entry {seq} is there, {expect} was read", hint="look at the change again")
        if closed:
            raise Refused(f"{change} is closed; nothing is added to it")
        return seq + 1


def _counted(draft: Draft, seq: int | None) -> tuple[Draft, Frame]:
    """Give `change.closed` the number of the change's entries, itself included."""
    if draft.data.get("entries", seq) != seq:
        raise BadInput(f"change.closed says {draft.data['entries']} entries; there are {seq}")
    counted = replace(draft, data={**draft.data, "entries": seq})
    return counted, entry.frame(counted)
