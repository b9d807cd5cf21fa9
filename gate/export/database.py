"""
The log as a SQLite file for whoever likes to ask: tables with foreign keys, full-text search, an auditor's first views.

A copy, made by sqlite-utils, that opens in any SQLite tool and in Datasette. `entry.body` holds the exact bytes; every
other table is a reading of them (gate/export/rows.py) that can be made again and compared.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing as closed
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from gate.canonical import Json, encode
from gate.errors import Outside
from gate.export.described import meanings
from gate.export.population import Count, Item, Population, closing, counted, items
from gate.export.rows import TABLES, Row, rows, told_of_change
from gate.export.views import VIEWS
from gate.store import Ledger

KEYS = {"actor": "id", "change": "id", "entry": "idx"}
REFERENCES = {
    "entry": [("change", "change", "id"), ("actor", "actor", "id")],
    "approval": [("entry", "entry", "idx"), ("change", "change", "id")],
    "refusal": [("entry", "entry", "idx"), ("change", "change", "id")],
    "verdict": [("entry", "entry", "idx"), ("change", "change", "id")],
    "step": [("entry", "entry", "idx"), ("change", "change", "id")],
    "proof": [("entry", "entry", "idx")],
    "blob": [("entry", "entry", "idx")],
}
SEARCHED = ("kind", "actor", "said")
INDEXES = {"entry": ("time", "kind", "change"), "approval": ("change",), "step": ("change",)}
ABOUT = {
    "opening": (str, "the opening statement, JSON"),
    "closing": (str, "the closing statement, JSON"),
    "vkey": (str, "public key of the ledger; compare it with the one you were given by another way"),
    "complete": (int, "1: the whole population; 0: filtered, as the opening statement says"),
}


def write(ledger: Ledger, population: Population, path: Path, told: Callable[[int], None] = lambda _: None) -> Count:
    """Write the file; Outside when there is one already or it cannot be written."""
    if path.exists():
        raise Outside(f"{path} is there already; it is not overwritten")
    try:
        with closed(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = MEMORY")
            db = Database(connection)
            schema(db)
            digest, total = sha256(), Count()
            for chunk in items(ledger, population):
                add(db, chunk)
                digest.update("".join(item.sha256 for item in chunk).encode())
                total = counted(total, chunk)
                told(total.count)
            last = {**closing(ledger, "sqlite", total, digest.digest()), "made": population.made}
            _about(db, population.opening("sqlite"), last, ledger.vkey)
            finish(db)
    except sqlite3.Error as problem:
        raise Outside(f"cannot write the export {path}: {problem}") from None
    return total


def schema(db: Database) -> None:
    """Make the empty tables, with their keys and what each column means."""
    for name, (_, columns) in TABLES.items():
        db.table(name).create(
            {column: kind for column, (kind, _) in columns.items()},
            pk=KEYS.get(name),
            foreign_keys=REFERENCES.get(name, []),
        )
    db.table("about").create({name: kind for name, (kind, _) in ABOUT.items()})
    described = [{"of": name, "column": column, "means": meaning} for name, column, meaning in meanings()]
    db.table("described").insert_all(described, columns={"of": str, "column": str, "means": str})


def add(db: Database, chunk: Iterable[Item]) -> None:
    """Add entries and what is read from them; a change that is told of for the first time gets its row here."""
    found: dict[str, list[Row]] = {}
    changes: dict[str, Row] = {}
    for item in chunk:
        for table, row in rows(item):
            found.setdefault(table, []).append(row)
        if item.said["change"]:
            changes.setdefault(item.said["change"], {}).update(told_of_change(item))
    with db.atomic():
        if people := found.pop("actor", []):
            db.table("actor").insert_all({row["id"]: row for row in people}.values(), ignore=True)
        for change, row in changes.items():
            db.table("change").insert({"id": change}, ignore=True)
            if row:
                db.table("change").update(change, row)
        for table, made in found.items():
            db.table(table).insert_all(made, batch_size=500)


def finish(db: Database) -> None:
    """Add what is made over all rows: indexes, the words to search, the views."""
    with db.atomic():
        for name, columns in INDEXES.items():
            for column in columns:
                db.table(name).create_index([column])
        db.table("entry").enable_fts(SEARCHED, fts_version="FTS5")
        for name, (_, query) in VIEWS.items():
            db.create_view(name, query)


def _about(db: Database, opening: dict[str, Json], last: dict[str, Json], vkey: str) -> None:
    row: dict[str, Any] = {
        "opening": encode(opening).decode(),
        "closing": encode(last).decode(),
        "vkey": vkey,
        "complete": int(not opening["filter"]),
    }
    db.table("about").insert(row)
