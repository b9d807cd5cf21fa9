"""What others said about a checkpoint, or were told of it: cosigned notes, time stamps, receipts."""

from collections.abc import Callable
from datetime import datetime

from gate.change import utc
from gate.errors import CannotTell, LedgerUnavailable
from gate.store.connections import Connections
from gate.store.turn import Turn

WAIT_FOR_TURN = 10.0


class Anchors:
    """The tables of anchors and kept checkpoints in the ledger's file; both only grow."""

    def __init__(self, file: Connections, turn: Turn, clock: Callable[[], datetime]) -> None:
        self._file = file
        self._turn = turn
        self._clock = clock

    def keep(self, kind: str, size: int, content: bytes) -> None:
        """Store durably."""
        try:
            with self._turn.taken(WAIT_FOR_TURN), self._file.reading() as connection:
                connection.execute("INSERT INTO anchor VALUES (?, ?, ?, ?)", (size, kind, content, utc(self._clock())))
        except CannotTell as problem:
            raise LedgerUnavailable(f"an anchor cannot be kept: {problem}") from None

    def newest(self, kind: str, least: int) -> tuple[int, bytes] | None:
        """Return size and content of the newest of a kind, if it has at least that size."""
        rows = self._file.rows(
            "SELECT size, content FROM anchor WHERE kind = ? AND size >= ? ORDER BY size DESC, rowid DESC LIMIT 1",
            (kind, least),
        )
        return (int(rows[0][0]), bytes(rows[0][1])) if rows else None

    def keep_checkpoint(self, size: int, signed: str, now: datetime, *, must: bool) -> None:
        """Store a checkpoint; called in turn. Only where it `must` be kept is it an error that it cannot be."""
        try:
            with self._file.reading() as connection:
                connection.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (size, signed, utc(now)))
        except CannotTell as problem:
            if must:
                raise LedgerUnavailable(f"the checkpoint cannot be kept: {problem}") from None
