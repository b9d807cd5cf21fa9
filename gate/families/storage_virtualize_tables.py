"""
Tables and key/value views of the Storage Virtualize command line, read by header and key, never by position.

`-delim !` because iSCSI names hold colons. A reply that is not wholly understood is unreadable; nothing is guessed
from a part.
"""

import re

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text

ERROR = re.compile(r"^CMMVC\d{4,5}E .*", re.MULTILINE)


def answer(reply: Reply) -> str:
    """Return the text of a question that the array answered without an error."""
    text = whole_text(reply)
    found = ERROR.search(text) or ERROR.search(reply.stderr.decode("ascii", "replace"))
    if found:
        raise Unreadable(f"the array answered {found.group(0)[:120]}")
    if reply.exit_status != 0:
        raise Unreadable(f"the command ended with status {reply.exit_status}")
    if text and not text.endswith("\n"):
        raise Unreadable("the reply stops in the middle of a line")
    return text


def pairs(reply: Reply) -> dict[str, str]:
    """Read `key!value` lines; a key that comes twice with different values (`tier`) is left out."""
    found: dict[str, set[str]] = {}
    for line in answer(reply).splitlines():
        key, delimiter, value = line.partition("!")
        if not delimiter or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key):
            raise Unreadable(f'"{line[:60]}" is not a key and a value')
        found.setdefault(key, set()).add(value.strip())
    return {key: values.pop() for key, values in found.items() if len(values) == 1}


def table(reply: Reply, needed: tuple[str, ...], *, empty_means_none: bool = False) -> list[dict[str, str]]:
    """Read a concise view by its header. With no data no header is printed either, so nothing at all is ambiguous."""
    lines = answer(reply).splitlines()
    if not lines:
        if empty_means_none:
            return []
        raise Unreadable("the table is empty")
    header = lines[0].split("!")
    missing = [name for name in needed if name not in header]
    if missing or len(set(header)) != len(header):
        raise Unreadable(f"the table has no column {', '.join(missing)}" if missing else "a column is there twice")
    rows = [line.split("!") for line in lines[1:]]
    if any(len(row) != len(header) for row in rows):
        raise Unreadable("a row has not as many values as the header has columns")
    if not rows and not empty_means_none:
        raise Unreadable("the table is empty")
    return [dict(zip(header, row, strict=True)) for row in rows]
