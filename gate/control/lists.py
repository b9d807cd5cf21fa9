"""
The list of changes as a projection: rows in the working database that can be rebuilt from the ledger at any time.

It is a cursor over the ledger. What it holds is never asked when something is decided.
"""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from gate.change import utc
from gate.errors import CannotTell
from gate.ledger.entry import Entry
from gate.lifecycle import fold
from gate.people import outside, writing
from gate.standing import Standing
from gate.store import Ledger

CURSOR = "changes"


class Lists:
    """Rows of all changes, caught up with the ledger whenever they are read."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        with outside():
            self._db = Database(sqlite3.connect(path, check_same_thread=False))
        with self._lock, outside(), writing(self._db):
            self._db.table("change_row").create({"id": str, "number": int, "row": str}, pk="id", if_not_exists=True)
            self._db.table("cursor").create({"name": str, "size": int, "origin": str}, pk="name", if_not_exists=True)

    def rows(self) -> list[dict[str, Any]]:
        """Return every change's row, the newest first."""
        with self._lock, outside():
            self._catch_up()
            found = self._db.table("change_row").rows_where(order_by="number desc")
            return [json.loads(str(item["row"])) for item in found]

    def rebuild(self) -> int:
        """Forget every row and read the whole ledger again; return how many changes there are."""
        with self._lock, outside():
            with writing(self._db):
                self._db.table("change_row").delete_where()
                self._db.table("cursor").delete_where()
            self._catch_up()
            return int(self._db.table("change_row").count)

    def _catch_up(self) -> None:
        known = list(self._db.table("cursor").rows_where("name = ? and origin = ?", [CURSOR, self._ledger.origin]))
        start = int(known[0]["size"]) if known else 0
        size = self._ledger.size()
        if size == start:
            return
        if size < start:
            start = 0
        moved = {entry.change for entry in self._ledger.entries(start, size) if entry.change is not None}
        with writing(self._db):
            for change in moved:
                made = row(readable(self._ledger.history(change)))
                self._db.table("change_row").upsert(
                    {"id": change, "number": made["number"], "row": json.dumps(made)}, pk="id"
                )
            self._db.table("cursor").upsert({"name": CURSOR, "size": size, "origin": self._ledger.origin}, pk="name")


def readable(history: tuple[Entry, ...]) -> Standing:
    """Read a change's entries; CannotTell when they are not a history, so that nothing is decided without it."""
    try:
        return fold(history)
    except ValueError as problem:
        raise CannotTell(f"the history of a change cannot be read: {problem}") from None


def row(standing: Standing) -> dict[str, Any]:
    """Return one line of the list."""
    targets = standing.request.get("targets", [])
    image = standing.request.get("image", {})
    return {
        "id": standing.change,
        "number": standing.number,
        "title": standing.title,
        "state": standing.state.value,
        "requester": standing.requester,
        "targets": list(targets) if isinstance(targets, (list, tuple)) else [],
        "version": image.get("version", "") if isinstance(image, dict) else "",
        "hold": standing.hold,
        "question": standing.question,
        "opened_at": utc(standing.opened_at),
        "updated_at": utc(standing.updated_at),
        "seq": standing.seq,
    }
