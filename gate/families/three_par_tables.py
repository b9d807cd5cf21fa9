"""
Tables of the InForm command line in its CSV form (`-csvtable`), read by header and never by position.

Column titles come padded with hyphens (`----Node_WWN----`) and grow with the release. Most tables end with a line of
hyphens, and after it may stand the count of the rows: a table without its end is cut, and a count that is not the
number of rows means that some are missing. Shapes as in the recorded replies of public drivers (array-clis, S 7, S 18).
"""

import re
from collections.abc import Mapping

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text

RULE = re.compile(r"-[-,\s]{4,}")
COUNT = re.compile(r"\s*(\d{1,6})(?:[\s,]+total)?(?:[\s,].*)?", re.ASCII)
REFUSED = re.compile(r"(error|invalid|permission denied|unknown command)\b", re.IGNORECASE)
ROWS_MAX = 100_000


def lines_of(reply: Reply) -> list[str]:
    """
    Return the lines of an answer that hold anything; Unreadable for a refusal or a line that is cut.

    The exit status is no verdict here: the vendor's own client does not look at it (array-clis 0.1).
    """
    text = whole_text(reply)
    if text and not text.endswith("\n"):
        raise Unreadable("the reply stops in the middle of a line")
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    if lines and REFUSED.match(lines[0].lstrip()):
        raise Unreadable(f"the array answered {lines[0].strip()[:120]}")
    if not lines:
        raise Unreadable("the reply is empty, which says nothing")
    if len(lines) > ROWS_MAX:
        raise Unreadable(f"it has more than {ROWS_MAX} lines")
    return lines


def table(
    reply: Reply, needed: tuple[str, ...], *, ends: bool, other_names: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """
    Return the rows by title; Unreadable unless every needed column is there once.

    `ends`: this table closes with a line of hyphens, so one without is cut. `other_names`: title of another release →
    ours.
    """
    head, *rest = lines_of(reply)
    titles = [title.strip().strip("-") for title in head.split(",")]
    titles = [(other_names or {}).get(title, title) for title in titles]
    missing = [name for name in needed if titles.count(name) != 1]
    if missing:
        raise Unreadable(f"the table has not one column {', '.join(missing)}")
    at = next((number for number, line in enumerate(rest) if RULE.fullmatch(line)), None)
    if at is None and ends:
        raise Unreadable("the table stops before its end")
    rows = [_cells(line, len(titles)) for line in rest[:at]]
    if not rows:
        raise Unreadable("the table is empty")
    if at is not None:
        _closed(rest[at + 1 :], len(rows))
    return [dict(zip(titles, row, strict=True)) for row in rows]


def _cells(line: str, wanted: int) -> list[str]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != wanted:
        raise Unreadable("a row has not as many values as the header has columns")
    return cells


def _closed(after: list[str], rows: int) -> None:
    """Hold what stands after the line of hyphens to what may stand there: nothing, or the count of the rows."""
    if not after:
        return
    count = COUNT.fullmatch(after[0])
    if count is None or len(after) > 1:
        raise Unreadable("after the end of the table stands something else")
    if int(count.group(1)) != rows:
        raise Unreadable(f"the table counts {count.group(1)} rows and shows {rows}")
