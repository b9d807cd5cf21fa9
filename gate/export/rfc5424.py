"""
Entries as RFC 5424 syslog messages, a line each in a file; over TCP they are framed by their length (RFC 6587 3.4.1).

The message is the exact entry. Facility 13 is the log audit. The element is named under 32473, the number that RFC 5612
keeps for examples: the project has no enterprise number of its own.
"""

from collections.abc import Sequence

import gate
from gate.canonical import encode
from gate.export.form import Form, Statement
from gate.export.gist import LOUD, bad, plain
from gate.export.population import Item

FACILITY = 13
WARNING, NOTICE, INFORMATIONAL = 4, 5, 6
ELEMENT = "sangate@32473"
BOM = b"\xef\xbb\xbf"
"""RFC 5424 section 6.4: a message in UTF-8 begins with it."""


def severity(kind: str, said: dict[str, object]) -> int:
    """Return the severity: warning for what must not be passed over, notice for what went wrong, else informational."""
    if kind in LOUD:
        return WARNING
    data = said["data"]
    return NOTICE if isinstance(data, dict) and bad(kind, data) else INFORMATIONAL


def message(item: Item, host: str = "-") -> bytes:
    """Return one entry as a message without its line end; `host` is the name of the sender."""
    said, kind = item.said, item.said["kind"]
    told = {
        "index": str(item.at),
        "sha256": item.sha256,
        "id": said["id"],
        "change": said["change"] or "",
        "seq": "" if said["seq"] is None else str(said["seq"]),
        "actor": said["actor"]["id"],
        "actorType": said["actor"].get("type", ""),
    }
    words = " ".join(f'{name}="{_escaped(value)}"' for name, value in told.items() if value)
    head = f"<{FACILITY * 8 + severity(kind, said)}>1 {said['time']} {host} sangate - {kind} [{ELEMENT} {words}] "
    return head.encode() + BOM + item.body


def stated(kind: str, statement: Statement, host: str = "-") -> bytes:
    """Return a statement, or a checkpoint, as a message without its line end."""
    made = statement.get("made") or "-"
    head = f'<{FACILITY * 8 + INFORMATIONAL}>1 {made} {host} sangate - {kind} [{ELEMENT} version="{gate.__version__}"] '
    return head.encode() + BOM + encode(statement)


def _escaped(value: str) -> str:
    return plain(value).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _records(items: Sequence[Item]) -> bytes:
    return b"".join(message(item) + b"\n" for item in items)


FORM = Form(
    "rfc5424",
    ".syslog",
    "text/plain; charset=utf-8",
    lambda statement: stated("export.begins", statement) + b"\n",
    _records,
    lambda statement: stated("export.ends", statement) + b"\n",
)
