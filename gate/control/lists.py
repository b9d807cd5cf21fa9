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

from gate.canonical import utc
from gate.errors import CannotTell
from gate.ledger.entry import Entry
from gate.lifecycle import fold
from gate.people.working import outside, writing
from gate.standing import Standing
from gate.store import Ledger

CURSOR = "changes"
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
"""Primary result codes with which the list is shown all the same: somebody must see it to make room."""


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
            behind = self._catch_up()
            found = {str(item["id"]): item for item in self._db.table("change_row").rows} | behind
        ordered = sorted(found.values(), key=lambda item: -int(item["number"]))
        return [json.loads(str(item["row"])) for item in ordered]

    def rebuild(self) -> int:
        """Forget every row and read the whole ledger again; return how many changes there are."""
        with self._lock, outside():
            with writing(self._db):
                self._db.table("change_row").delete_where()
                self._db.table("cursor").delete_where()
            self._catch_up()
            return int(self._db.table("change_row").count)

    def _catch_up(self) -> dict[str, dict[str, Any]]:
        """Write the rows of changes that have moved; return them where the disk takes nothing, so that they show."""
        known = list(self._db.table("cursor").rows_where("name = ? and origin = ?", [CURSOR, self._ledger.origin]))
        start = int(known[0]["size"]) if known else 0
        size = self._ledger.size()
        if size == start:
            return {}
        if size < start:
            start = 0
        moved = {entry.change for entry in self._ledger.entries(start, size) if entry.change is not None}
        lines: dict[str, dict[str, Any]] = {}
        for change in moved:
            made = row(readable(self._ledger.history(change)))
            lines[change] = {"id": change, "number": made["number"], "row": json.dumps(made)}
        try:
            with writing(self._db):
                self._db.table("change_row").upsert_all(lines.values(), pk="id")
                cursor = {"name": CURSOR, "size": size, "origin": self._ledger.origin}
                self._db.table("cursor").upsert(cursor, pk="name")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF not in NO_ROOM:
                raise
            return lines
        return {}


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
        "part": _part(standing.request.get("part")),
        "hold": standing.hold,
        "question": standing.question,
        "opened_at": utc(standing.opened_at),
        "updated_at": utc(standing.updated_at),
        "seq": standing.seq,
    }


def _part(asked: object) -> str:
    """Return in a few words what a change replaces; empty where it replaces no part."""
    if not isinstance(asked, dict) or not isinstance(asked.get("new"), dict):
        return ""
    return f"{asked.get('what', '')} {asked.get('slot', '')}: part {asked['new'].get('part', '')}"
