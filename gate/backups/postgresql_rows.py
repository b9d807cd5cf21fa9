"""
Read a PostgreSQL database in full without a row leaving the server, so that equal digests mean equal content.

Every row is written as text and hashed with SHA-256 by the server; the first two 64-bit words of all hashes are added
up. The sums do not depend on the order of rows, so nothing has to be sorted on production. Rows that were changed by
accident come out equal with a chance of 2^-128; whoever can rewrite a million rows of production at will could look for
other rows with the same sums, and against that a reference is no defence (docs/decisions/0024). What is hashed here is
the columns with their types, the number of rows and the two sums.

How values are spelled as text depends on settings, so those are pinned. Names are ours by pattern or refused; the
statements travel inside single quotes and hold none (texts are dollar-quoted).
"""

import re

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.examiner import Mark
from gate.canonical import sha256
from gate.evidence import Reply, TableDigest
from gate.inventory import Dataset

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
KEY = re.compile(r"-?(0|[1-9][0-9]{0,18})")
LOWEST = "-9223372036854775808"
"""What stands for the highest key of an empty table: no bigint is lower."""

FOUND = re.compile(r"([a-z_][a-z0-9_]{0,62})\|([0-9a-f]{64})\n")
SUMS = re.compile(r"(0|[1-9][0-9]{0,14})(\|-?[0-9]{1,40}){2}\n")

SETTINGS = (
    "SET client_min_messages TO warning; SET search_path TO pg_catalog; SET timezone TO UTC; SET datestyle TO ISO, YMD;"
    ' SET intervalstyle TO postgres; SET extra_float_digits TO 1; SET bytea_output TO hex; SET lc_monetary TO "C";'
    " SET xmlbinary TO base64; SET row_security TO off; SET default_transaction_read_only TO on;"
    " SET statement_timeout TO 0"
)
"""
Row security off: a policy that would hide rows from whoever asks is an error then, and not fewer rows.
"""


def psql(where: str, database: str, *statements: str) -> str:
    """Return the command that puts questions to one database, without a password prompt and any start-up file."""
    if any("'" in each or "\\" in each for each in statements):
        raise ValueError("a statement may hold no single quote and no backslash")
    spoken = " ".join(f"-c '{each}'" for each in statements)
    return f"env LC_ALL=C psql -X -A -t -q -w -v ON_ERROR_STOP=1 {where} -d {database} {spoken}"


def database_of(dataset: Dataset) -> str:
    """Return the database to open; Unread when the inventory names none."""
    if dataset.database is None:
        raise Unread(f"{dataset.id} names no database")
    return dataset.database


def read(
    where: str, dataset: Dataset, log: list[Reply], marks: tuple[Mark, ...] = ()
) -> Asking[tuple[tuple[TableDigest, ...], str]]:
    """
    Return a digest for every table, and why there are not more; append-only tables up to each of their marks.

    `where` is how psql finds the server. Each table is read by one statement, hence from one snapshot.
    """
    digests: list[TableDigest] = []
    keys = {one.table: one.key for one in dataset.append_only}
    try:
        database = database_of(dataset)
        for table in dataset.tables:
            if not NAME.fullmatch(table) or not NAME.fullmatch(keys.get(table, table)):
                raise ValueError(f"{table!r} or its key is no name")
            schema, columns = _found(table, (yield from ask(psql(where, database, SETTINGS, _look_for(table)), log)))
            ends = [mark.up_to for mark in marks if mark.table == table and table in keys]
            if table in keys and not ends:
                highest = f'SELECT coalesce(max("{keys[table]}"), {LOWEST}) FROM "{schema}"."{table}"'  # noqa: S608
                reply = yield from ask(psql(where, database, SETTINGS, highest), log)
                ends = [_highest(table, reply)]
            for up_to in ends or [""]:
                those = f' WHERE "{keys[table]}" <= {_whole(up_to)}' if up_to else ""
                reply = yield from ask(psql(where, database, SETTINGS, _sums(schema, table, those)), log)
                digests.append(_digest(table, columns, up_to, reply))
    except Unread as unread:
        return tuple(digests), str(unread)
    return tuple(digests), ""


def _look_for(table: str) -> str:
    columns = (
        "SELECT string_agg(quote_ident(attname) || $$ $$ || format_type(atttypid, atttypmod), $$, $$ ORDER BY attnum)"
        " FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
    )
    return (
        f"SELECT n.nspname, encode(sha256(convert_to(({columns}), $$UTF8$$)), $$hex$$) FROM pg_class c"  # noqa: S608
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $${table}$$ AND c.relkind IN ($$r$$, $$p$$)"
        " AND n.nspname <> $$information_schema$$ AND left(n.nspname, 3) <> $$pg_$$"
    )


def _found(table: str, reply: Reply) -> tuple[str, str]:
    said = text(reply, f"the table {table}")
    found = FOUND.fullmatch(said)
    if found is None:
        how = "there is no such table" if not said else f"{reply.target} answered {shown(said)}"
        raise Unread(f"the table {table}: {how}, and there must be exactly one in all schemas")
    return found[1], found[2]


def _sums(schema: str, table: str, those: str) -> str:
    words = ", ".join(f"coalesce(sum(($$x$$ || substr(h, {start}, 16))::bit(64)::bigint), 0)" for start in (1, 17))
    # ROW(…) because a column could have the name of the alias and would then be meant instead of the row. OFFSET 0
    # because without it the planner puts the hash in place of each h, and makes it twice.
    row = "encode(sha256(convert_to(ROW(each_row.*)::text, getdatabaseencoding())), $$hex$$) AS h"
    rows = f'SELECT {row} FROM "{schema}"."{table}" AS each_row{those} OFFSET 0'  # noqa: S608
    return f"SELECT count(*), {words} FROM ({rows}) AS hashes"  # noqa: S608


def _digest(table: str, columns: str, up_to: str, reply: Reply) -> TableDigest:
    said = text(reply, f"the rows of {table}")
    found = SUMS.fullmatch(said)
    if found is None:
        raise Unread(f"the rows of {table}: {reply.target} answered {shown(said)}")
    return TableDigest(table, int(found[1]), sha256(f"{columns}\n{said}".encode()), up_to)


def _highest(table: str, reply: Reply) -> str:
    said = text(reply, f"the highest key of {table}").removesuffix("\n")
    if not KEY.fullmatch(said):
        raise Unread(f"the highest key of {table} is {shown(said)}, and no whole number")
    return said


def _whole(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key")
    return key
