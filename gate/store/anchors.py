"""What others said about a checkpoint, or were told of it: cosigned notes, time stamps, receipts."""

from collections.abc import Callable
from datetime import datetime

from gate.canonical import utc
from gate.errors import CannotTell, LedgerUnavailable
from gate.store.appending import Job
from gate.store.connections import Connections
from gate.store.turn import Turn


class Anchors:
    """The table of anchors in the ledger's file; it only grows."""

    def __init__(self, file: Connections, turn: Turn[Job], clock: Callable[[], datetime]) -> None:
        self._file = file
        self._turn = turn
        self._clock = clock

    def keep(self, kind: str, size: int, content: bytes) -> None:
        """Store durably."""
        try:
            with self._turn.taken(), self._file.reading() as connection:
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
