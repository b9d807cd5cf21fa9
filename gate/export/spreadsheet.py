"""
The log as a table for spreadsheets: RFC 4180, fixed columns, nothing that a spreadsheet would compute.

A cell that begins with a sign of a formula gets an apostrophe before it (OWASP, CSV injection). The last column is the
exact entry, which begins with a brace.
"""

from collections.abc import Sequence
from operator import itemgetter

from gate.canonical import encode
from gate.export.form import Form, Statement
from gate.export.gist import gist, outcome
from gate.export.population import Item

COLUMNS = (
    "index", "time", "kind", "change", "seq", "actor_type", "actor", "array", "outcome", "said", "sha256", "entry",
)  # fmt: skip
"""Fixed: a column may be added before `sha256`, none is ever renamed."""

COMPUTED = ("=", "+", "-", "@", "\t", "\r")
BEGINNINGS = frozenset(COMPUTED)
FIRST = itemgetter(slice(1))
QUOTE = '"'


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(COMPUTED) else text


def cell(text: str) -> str:
    """Spell one cell: guarded, and in quotes where RFC 4180 section 2 asks for them."""
    if text.startswith(COMPUTED):
        text = safe(text)
    if "," in text or QUOTE in text or "\n" in text or "\r" in text:
        return f'"{text.replace(QUOTE, QUOTE + QUOTE)}"'
    return text


def row(item: Item) -> bytes:
    """Return the line of one entry. A row without a sign of RFC 4180 or of a formula is its cells as they are."""
    at, body, said, digest = item
    data, kind, actor, seq = said["data"], said["kind"], said["actor"], said["seq"]
    array = data.get("array")
    cells = [
        said["time"],
        kind,
        said["change"] or "",
        "" if seq is None else str(seq),
        actor.get("type", ""),
        actor["id"],
        array if type(array) is str else "",
        outcome(kind, data),
        gist(data),
    ]
    line = ",".join(cells)
    odd = line.count(",") != 8 or QUOTE in line or "\n" in line or "\r" in line
    if odd or not BEGINNINGS.isdisjoint(map(FIRST, cells)):
        line = ",".join(map(cell, cells))
    return b'%b"%b"\r\n' % (f"{at},{line},{digest},".encode(), body.replace(b'"', b'""'))


def _records(items: Sequence[Item]) -> bytes:
    return b"".join(map(row, items))


def _statement(kind: str, statement: Statement) -> bytes:
    blank = [""] * (len(COLUMNS) - 4)
    cells = ["#", str(statement.get("made", "")), kind, *blank, encode(statement).decode()]
    return (",".join(map(cell, cells)) + "\r\n").encode()


def _opening(statement: Statement) -> bytes:
    return (",".join(COLUMNS) + "\r\n").encode() + _statement("export.begins", statement)


def _closing(statement: Statement) -> bytes:
    return _statement("export.ends", statement)


FORM = Form("csv", ".csv", "text/csv; charset=utf-8", _opening, _records, _closing)
BOM = b"\xef\xbb\xbf"
"""What makes a spreadsheet read UTF-8; put before the first byte, and no part of the file's own digest."""
