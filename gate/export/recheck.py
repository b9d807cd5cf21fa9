"""
A SQLite export checked alone: its entries against the signed head, and every table as a reading of those entries.

The tables and views are made again from the exact bytes and compared, so that a changed cell is found as surely as a
changed entry. The file is opened for reading only.
"""

import json
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing as closed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlite_utils import Database

from gate.errors import BadInput, CannotTell
from gate.export import database
from gate.export.population import CHUNK, Item, read_item
from gate.export.rows import TABLES
from gate.ledger import checkpoint, merkle, note

COMPARED = (*TABLES, "described")
SEARCH_CHECKS = (
    "INSERT INTO entry_fts (entry_fts) VALUES ('integrity-check')",
    "INSERT INTO entry_fts (entry_fts, rank) VALUES ('integrity-check', 1)",
)
"""FTS5, section 6.4: the index alone, and the index against the table whose words it holds."""


class Wrong(BadInput):
    """The file is not what the ledger wrote; the message says where."""


@dataclass(frozen=True)
class Found:
    """What was established."""

    origin: str
    records: int
    end: int
    """Entries under the signed head."""

    complete: bool
    """The file holds all of them, and they make the signed tree."""

    signed: bool
    """The ledger's key signed the count and the digest of the entries."""

    vkey: str


def recheck(path: Path, vkey: str = "") -> Found:
    """Check `path` under the key `vkey`, or the one it names; Wrong says what was changed, CannotTell what is gone."""
    if not path.is_file():
        raise BadInput("there is no such file", place=str(path))
    try:
        with closed(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection, TemporaryDirectory() as folder:
            found = _recheck(connection, Path(folder) / "fresh.db", vkey)
            _sound(path, Path(folder) / "copy.db")
            return found
    except (sqlite3.Error, UnicodeDecodeError) as problem:  # the latter for the name of a column
        raise CannotTell(f"this cannot be read as an export: {problem}", place=str(path)) from None


def _recheck(connection: sqlite3.Connection, fresh: Path, given: str) -> Found:
    opening, last, named = _about(connection)
    try:
        key = note.read_vkey(given or named)
        head = checkpoint.verify(str(opening["checkpoint"]), key)
    except ValueError as problem:
        raise Wrong(f"the signed head does not hold under this key: {problem}") from None
    if (head.origin, head.size) != (opening["origin"], opening["end"]):
        raise Wrong("the head is of another log or another size than the opening statement says")
    digest, records = sha256(), 0
    frontier: merkle.Frontier = ()
    with closed(sqlite3.connect(fresh)) as other:
        other.execute("PRAGMA synchronous = OFF")
        db = Database(other)
        database.schema(db)
        for chunk in _items(connection):
            database.add(db, chunk)
            digest.update("".join(item.sha256 for item in chunk).encode())
            for item in chunk:
                frontier, _ = merkle.extend(records, frontier, merkle.leaf_hash(item.body))
                records += 1
        database.finish(db)
        other.commit()
    _same(connection, fresh)
    complete = not opening["filter"]
    if complete and (records != head.size or merkle.root(frontier) != head.root):
        raise Wrong(f"{records} entries that do not make the signed tree of {head.size}: some were left out or added")
    if (last["count"], last["sha256"]) != (records, digest.hexdigest()):
        raise Wrong("the closing statement counts other entries than there are")
    return Found(head.origin, records, head.size, complete, _closed(last, key, digest.digest()), str(key))


def _about(connection: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, Any], str]:
    found = connection.execute("SELECT opening, closing, vkey FROM about").fetchall()
    begun: Any = None
    ended: Any = None
    vkey = ""
    try:
        ((opening, last, vkey),) = found
        begun, ended = json.loads(opening), json.loads(last)
        fits = begun["what"] == "sangate-export/1" and ended["what"] == "sangate-export-end/1"
        fits = (
            fits and begun.keys() >= {"checkpoint", "origin", "end", "filter"} and ended.keys() >= {"count", "sha256"}
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        fits = False
    if not fits:
        raise Wrong("the table about does not hold one opening and one closing statement")
    return begun, ended, str(vkey)


def _items(connection: sqlite3.Connection) -> Iterator[list[Item]]:
    rows = connection.execute("SELECT idx, body FROM entry ORDER BY idx")
    while found := rows.fetchmany(CHUNK):
        if not all(type(at) is int and type(body) is bytes for at, body in found):
            raise Wrong("an entry's bytes are not bytes")
        yield [read_item(at, body) for at, body in found]


def _same(connection: sqlite3.Connection, fresh: Path) -> None:
    """Compare every table both ways, and the text of every table and view."""
    connection.execute("ATTACH ? AS fresh", (str(fresh),))
    for table in COMPARED:
        for one, other in (("main", "fresh"), ("fresh", "main")):
            odd = connection.execute(f"SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table} LIMIT 1")  # noqa: S608
            row = odd.fetchone()
            if row is not None:
                told = ", ".join(str(cell)[:40] for cell in row if not isinstance(cell, bytes))
                raise Wrong(f"the table {table} is not what the entries say, at the row: {told}")
        counts = [connection.execute(f"SELECT count(*) FROM {one}.{table}").fetchone() for one in ("main", "fresh")]  # noqa: S608
        if counts[0] != counts[1]:
            raise Wrong(f"the table {table} holds a row twice")
    wanted = "SELECT name, type, tbl_name, sql FROM {}.sqlite_master"
    found = [connection.execute(wanted.format(which)).fetchall() for which in ("main", "fresh")]
    theirs, ours = ({name: defined for name, *defined in rows} for rows in found)
    for name, defined in ours.items():
        if theirs.pop(name, None) != defined:
            raise Wrong(f"{name} is not there, or not defined as the gate defines it")
    for name in theirs:
        raise Wrong(f"{str(name)[:40]} is none of the gate's tables, views and indexes")


def _sound(path: Path, copy: Path) -> None:
    """What is found by an index or by its words must be what stands in the tables: SQLite compares that in a copy."""
    shutil.copyfile(path, copy)
    with closed(sqlite3.connect(copy)) as connection:
        try:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            for command in SEARCH_CHECKS:
                connection.execute(command)
        except sqlite3.DatabaseError:
            said = "the index of words is not that of the entries"
        if said != "ok":
            raise Wrong(f"the database is not whole: {str(said)[:200]}")


def _closed(last: dict[str, Any], key: note.VerifierKey, digest: bytes) -> bool:
    """Say whether the closing statement is signed; Wrong when the signature is of something else."""
    if not last.get("note"):
        return False
    try:
        text = note.verify(str(last["note"]), key)
    except ValueError as problem:
        raise Wrong(f"the closing statement's signature does not hold: {problem}") from None
    if text != f"{key.name}#export\nsqlite\n{last['count']}\n{b64encode(digest).decode()}\n":
        raise Wrong("the closing statement's signature is of another file")
    return True
