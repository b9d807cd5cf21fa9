"""
The log as a table for spreadsheets: RFC 4180, fixed columns, nothing that a spreadsheet would compute.

A cell that begins with a sign of a formula gets an apostrophe before it (OWASP, CSV injection). The last column is the
exact entry, which begins with a brace.
"""

import csv
import io
from collections.abc import Sequence

from gate.canonical import encode
from gate.export.form import Form, Statement
from gate.export.gist import gist, outcome
from gate.export.population import Item

COLUMNS = (
    "index", "time", "kind", "change", "seq", "actor_type", "actor", "array", "outcome", "said", "sha256", "entry",
)  # fmt: skip
"""Fixed: a column may be added before `sha256`, none is ever renamed."""

COMPUTED = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(COMPUTED) else text


def row(item: Item) -> tuple[object, ...]:
    """Return the cells of one entry."""
    said = item.said
    data, kind = said["data"], said["kind"]
    array = data.get("array")
    return (
        item.at,
        safe(said["time"]),
        safe(kind),
        safe(said["change"] or ""),
        said["seq"],
        safe(said["actor"].get("type", "")),
        safe(said["actor"]["id"]),
        safe(array) if isinstance(array, str) else "",
        safe(outcome(kind, data)),
        safe(gist(data)),
        item.sha256,
        item.body.decode(),
    )


def _rows(rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _records(items: Sequence[Item]) -> bytes:
    return _rows([row(item) for item in items])


def _statement(kind: str, statement: Statement) -> tuple[object, ...]:
    blank = [""] * (len(COLUMNS) - 4)
    return ("#", statement.get("made", ""), kind, *blank, encode(statement).decode())


def _opening(statement: Statement) -> bytes:
    return _rows([COLUMNS, _statement("export.begins", statement)])


def _closing(statement: Statement) -> bytes:
    return _rows([_statement("export.ends", statement)])


FORM = Form("csv", ".csv", "text/csv; charset=utf-8", _opening, _records, _closing)
BOM = b"\xef\xbb\xbf"
"""What makes a spreadsheet read UTF-8; put before the first byte, and no part of the file's own digest."""
