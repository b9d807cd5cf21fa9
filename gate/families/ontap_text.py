"""
What the ONTAP command line prints, read by its headings: three shapes, and none of them by position.

* With `-fields` and a separator: a line of short field names, a line of long ones, then a row each. The columns do not
  come in the order they were asked for.
* `Key: value` lines, right-aligned; records are divided by an empty line, a value may go on in lines without a key.
* Tables for people: titles of one or more lines, a line of dashes under each column, rows, and a count. A value that
  does not fit goes on below, and a row may begin with a name that stands alone on its line.

Lines end CRLF or CRCRLF, and a banner of the login may come first. An empty table says so in a sentence; nothing at all
is no answer.
"""

import re
from collections.abc import Callable

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text

BANNER = re.compile(r"(Last login time: |Unsuccessful login attempts since last login: ).*")
ERROR = re.compile(r"^(Error|ERROR): .*", re.MULTILINE)
EMPTY = ("This table is currently empty.", "There are no entries matching your query.")
"""What an empty table says [M]."""

COUNT = re.compile(r"(\d{1,6}) entr(?:y was|ies were) displayed\.")
LARGEST = 20_000
LONGEST = 4_000
"""Characters of a line; a table for people is narrower."""


def answer(reply: Reply) -> list[str]:
    """Return the lines of a command that did not fail, without what the login prints before them."""
    text = whole_text(reply)
    found = ERROR.search(text) or ERROR.search(reply.stderr.decode("utf-8", "replace"))
    if found:
        raise Unreadable(f"the array answered {_shown(found.group(0))}")
    if reply.exit_status != 0:
        raise Unreadable(f"the command ended with status {reply.exit_status}")
    if text and not text.endswith("\n"):
        raise Unreadable("the reply stops in the middle of a line")
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and (not lines[0] or BANNER.fullmatch(lines[0])):
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise Unreadable("the reply is empty")
    if len(lines) > LARGEST or any(len(line) > LONGEST or not line.isprintable() for line in lines):
        raise Unreadable("the reply is longer than any table, or holds what is no text")
    return lines


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:120]


def fields(reply: Reply, *needed: str) -> list[dict[str, str]]:
    """Read a table of `-fields` with the separator `|`; [] only where the array says that it is empty."""
    lines = answer(reply)
    if lines[0] in EMPTY and len(lines) == 1:
        return []
    lines = _counted(lines, lambda rest: len(rest) - 2)
    short = lines[0].rstrip("|").split("|")
    missing = [name for name in needed if name not in short]
    if missing or len(set(short)) != len(short):
        raise Unreadable(f"it has no field {', '.join(missing)}" if missing else "a field is there twice")
    rows = [line.removesuffix("|").split("|") for line in lines[1:]]
    if any(len(row) != len(short) for row in rows):
        raise Unreadable("a row has not as many values as there are fields")
    if len(rows) < 2:
        raise Unreadable("it names its fields and tells none of them")
    return [dict(zip(short, map(str.strip, row), strict=True)) for row in rows[1:]]


def records(reply: Reply, *needed: str) -> list[dict[str, str]]:
    """Read `Key: value` lines; [] only where the array says that there is none."""
    lines = answer(reply)
    if lines[0] in EMPTY and len(lines) == 1:
        return []
    found: list[dict[str, str]] = [{}]
    last = ""
    for line in _counted(lines, None):
        key, colon, value = line.strip().partition(": ")
        if not line:
            found, last = [*found, {}] if found[-1] else found, ""
        elif colon or line.strip().endswith(":"):
            last = key.removesuffix(":")
            if last in found[-1]:
                raise Unreadable(f"{_shown(last)[:40]} is told twice")
            found[-1][last] = value.strip()
        elif last:
            found[-1][last] = f"{found[-1][last]} {line.strip()}".strip()
        else:
            raise Unreadable(f'"{line[:60]}" is not a key and a value')
    whole = [record for record in found if record]
    for record in whole:
        for name in needed:
            if not record.get(name):
                raise Unreadable(f"a record does not tell its {name}")
    if not whole:
        raise Unreadable("it tells nothing")
    return whole


def table(reply: Reply, *needed: str) -> list[dict[str, str]]:
    """Read a table for people by its titles; [] only where the array says that it is empty."""
    return titled(answer(reply), *needed)


def titled(lines: list[str], *needed: str) -> list[dict[str, str]]:
    """Read a table out of lines; text may stand before its titles, after an empty line."""
    if lines[-1] in EMPTY:
        return []
    ruled = [number for number, line in enumerate(lines) if re.fullmatch(r"-+( +-+)*", line)]
    if len(ruled) != 1 or ruled[0] == 0:
        raise Unreadable("it holds no table, or more than one")
    at = ruled[0]
    spans = [match.span() for match in re.finditer("-+", lines[at])]
    begin = at
    while begin and lines[begin - 1] and at - begin < 4:
        begin -= 1
    names = [" ".join(_cut(line, span) for line in lines[begin:at]).strip() for span in _wide(spans)]
    names = [re.sub(" +", " ", name) for name in names]
    missing = [name for name in needed if name not in names]
    if missing or len(set(names)) != len(names):
        raise Unreadable(f"the table has no column {', '.join(missing)}" if missing else "a column is there twice")
    rows: list[dict[str, str]] = []
    counted = ""
    for line in lines[at + 1 :]:
        if COUNT.fullmatch(line) or line.startswith("Updated nodes:"):
            counted = line if COUNT.fullmatch(line) else counted
        elif line:
            rows.append(dict(zip(names, _cells(line, _wide(spans)), strict=True)))
    told = COUNT.fullmatch(counted)
    if not rows:
        raise Unreadable("the table is empty and does not say so")
    return _counted_rows(_joined(rows, names), int(told.group(1)) if told else None)


def _wide(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Let a column begin where its dashes begin and end where the next one begins."""
    return [
        (span[0], spans[number + 1][0] if number + 1 < len(spans) else LONGEST) for number, span in enumerate(spans)
    ]


def _cut(line: str, span: tuple[int, int]) -> str:
    return line[span[0] : span[1]].strip()


def _cells(line: str, spans: list[tuple[int, int]]) -> list[str]:
    """
    Return the values of one line. Unreadable for one that reaches into the next column, where it would be two values.

    A name that stands alone on its line may be as long as it likes.
    """
    if " " not in line:
        return [line] + [""] * (len(spans) - 1)
    if any(begin and not line[begin - 1 : begin].isspace() for begin, _ in spans if begin <= len(line)):
        raise Unreadable(f'a value in "{_shown(line)[:60]}" is wider than its column')
    return [_cut(line, span) for span in spans]


def _joined(rows: list[dict[str, str]], names: list[str]) -> list[dict[str, str]]:
    """Put a name that stands alone on its line before the rows below it, which leave its column empty."""
    found: list[dict[str, str]] = []
    alone = ""
    for row in rows:
        told = [name for name in names if row[name]]
        if found and len(names) > 1 and not row[names[0]] and not row[names[1]]:
            found[-1] = {name: f"{found[-1][name]} {row[name]}".strip() for name in names}
        elif told == [names[0]] and len(names) > 1:
            alone = row[names[0]]
        elif row[names[0]]:
            alone = row[names[0]]
            found.append(row)
        elif alone:
            found.append({**row, names[0]: alone})
        else:
            raise Unreadable("a row does not tell what it is about")
    if not found:
        raise Unreadable("the table names things and tells nothing of them")
    return found


def _counted_rows(rows: list[dict[str, str]], told: int | None) -> list[dict[str, str]]:
    if told is not None and told != len(rows):
        raise Unreadable(f"it counts {told} entries and shows {len(rows)}")
    return rows


def _counted(lines: list[str], rows: Callable[[list[str]], int] | None) -> list[str]:
    """Take the closing count away; with `rows`, refuse one that is not the number of rows."""
    told = COUNT.fullmatch(lines[-1])
    if told is None:
        return lines
    rest = lines[:-1]
    while rest and not rest[-1]:
        rest.pop()
    if not rest or (rows is not None and rows(rest) != int(told.group(1))):
        raise Unreadable(f"it counts {told.group(1)} entries and shows others")
    return rest
