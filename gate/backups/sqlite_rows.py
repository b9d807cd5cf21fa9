"""
Read a SQLite database in full, table by table, so that equal digests mean equal content.

Each table is one statement, hence one snapshot: all rows in the order of their row ids, then one line `#ROWS`
that proves the answer complete, also for an empty table. A text is written as `t` and its bytes in hexadecimal,
because quote() would end at a NUL; everything else as quote() writes it. Tables without row ids are refused
by SQLite itself, and so become a problem.

The statement travels inside single quotes and therefore holds none; names are ours by pattern or refused.
The answers hold people's data: they are hashed and then forgotten (`holds_rows` tells them apart).
"""

import re

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.examiner import Content, Mark
from gate.evidence import Reply, TableDigest
from gate.inventory import AppendOnly

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
KEY = re.compile(r"-?(0|[1-9][0-9]{0,18})")
LOWEST = "-9223372036854775808"
"""What stands for the highest key of an empty table: no key is lower."""

COMPLETE = re.compile(rb"#(0|[1-9][0-9]{0,14})\n")


def statement(path: str, sql: str) -> str:
    """Return the command that puts one question to one database file; ValueError for a single quote inside."""
    if "'" in sql:
        raise ValueError("a statement may hold no single quote")
    return f"sqlite3 -readonly -list {path} '{sql}'"


def holds_rows(command: str) -> bool:
    """Say whether the answer to this command is people's data, of which only the digest may be kept."""
    return " '" + ROWS in command


ROWS = "SELECT line FROM "


def content(path: str, tables: tuple[str, ...], growing: tuple[AppendOnly, ...] = ()) -> Asking[Content]:
    """Read every row of every table; the first table that cannot be read ends the reading with a problem."""
    log: list[Reply] = []
    digests, problem = yield from read(path, tables, log, growing)
    return Content(log[-1].finished_at, digests, problem, tuple(reply.digest for reply in log))


def read(
    path: str,
    tables: tuple[str, ...],
    log: list[Reply],
    growing: tuple[AppendOnly, ...] = (),
    marks: tuple[Mark, ...] = (),
) -> Asking[tuple[tuple[TableDigest, ...], str]]:
    """As `content`, with the replies left in `log`; append-only tables up to each of their marks."""
    digests: list[TableDigest] = []
    keys = {one.table: one.key for one in growing}
    try:
        for table in tables:
            if not NAME.fullmatch(table):
                raise ValueError(f"{table!r} is no name of a table")
            columns = _columns(table, (yield from ask(statement(path, _columns_of(table)), log)))
            ends = [mark.up_to for mark in marks if mark.table == table]
            if table in keys and not ends:
                ends = [_highest(table, (yield from ask(statement(path, _highest_of(table, keys[table])), log)))]
            for up_to in ends if table in keys else [""]:
                rows = yield from ask(statement(path, _rows_of(table, columns, keys.get(table, ""), up_to)), log)
                digests.append(TableDigest(table, _count(table, rows), rows.digest, up_to))
    except Unread as unread:
        return tuple(digests), str(unread)
    return tuple(digests), ""


def _highest_of(table: str, key: str) -> str:
    if not NAME.fullmatch(key):
        raise ValueError(f"{key!r} is no name of a column")
    return f'SELECT ifnull(max("{key}"), {LOWEST}) FROM "{table}"'  # noqa: S608  both names have matched NAME


def _highest(table: str, reply: Reply) -> str:
    said = text(reply, f"the highest key of {table}").removesuffix("\n")
    if not KEY.fullmatch(said):
        raise Unread(f"the highest key of {table} is {shown(said)}, and no whole number")
    return said


def _columns_of(table: str) -> str:
    # char() because a text in double quotes is refused by shells of SQLite that take SQL strictly (3.41 and later);
    # only tables, because the rows of a view have no order.
    known = f"SELECT 1 FROM sqlite_master WHERE type=char({_spelled('table')}) AND name=char({_spelled(table)})"  # noqa: S608
    return f"SELECT name FROM pragma_table_info(char({_spelled(table)})) WHERE EXISTS ({known}) ORDER BY cid"  # noqa: S608


def _spelled(name: str) -> str:
    return ",".join(str(ord(char)) for char in name)


def _columns(table: str, reply: Reply) -> list[str]:
    names = text(reply, f"the columns of {table}").splitlines()
    if not names:
        raise Unread(f"there is no table {table} on {reply.target}")
    for name in names:
        if not NAME.fullmatch(name):
            raise Unread(f"the table {table} has a column {shown(name)} that cannot be asked for")
    return names


def _rows_of(table: str, columns: list[str], key: str, up_to: str) -> str:
    if up_to and not (NAME.fullmatch(key) and KEY.fullmatch(up_to)):
        raise ValueError(f"{key!r} up to {up_to!r} is no range of keys")
    line = "||char(124)||".join(
        f'CASE typeof("{name}") WHEN typeof(char(116)) THEN char(116)||hex("{name}") ELSE quote("{name}") END'
        for name in columns
    )
    # Names of tables and columns have matched NAME: there is nothing in them to quote.
    those = f' WHERE "{key}" <= {up_to}' if up_to else ""
    rows = f'SELECT 0 AS part, _rowid_ AS place, {line} AS line FROM "{table}"{those}'  # noqa: S608
    total = f'SELECT 1, 0, char(35)||count(*) FROM "{table}"{those}'  # noqa: S608
    return f"{ROWS}({rows} UNION ALL {total}) ORDER BY part, place"


def _count(table: str, reply: Reply) -> int:
    """Count the rows that came and hold them against the number that the last line states."""
    what = f"the rows of {table}"
    lines = output(reply, what).splitlines(keepends=True)
    stated = COMPLETE.fullmatch(lines[-1]) if lines else None
    if stated is None:
        raise Unread(f"{what}: the answer of {reply.target} is not complete")
    if int(stated[1]) != len(lines) - 1:
        raise Unread(f"{what}: {len(lines) - 1} came from {reply.target}, {int(stated[1])} were announced")
    return len(lines) - 1
