"""
Entries in the Common Event Format (CEF 0), for SIEMs that know nothing newer.

In the head a backslash and a bar are escaped, in an extension a backslash, an equals sign and a line end. `rawEvent`
holds the whole entry; readers that keep only 4,000 characters of it lose the proof, and should be given syslog.
"""

from collections.abc import Sequence
from datetime import datetime

import gate
from gate.canonical import encode
from gate.export.form import Form, Statement
from gate.export.gist import gist, outcome, plain
from gate.export.population import Item
from gate.export.rfc5424 import INFORMATIONAL, NOTICE, severity

LONGEST_MESSAGE = 1023
"""Characters of `msg` (CEF 0, the extension dictionary)."""

WEIGHT = {INFORMATIONAL: 3, NOTICE: 6}
"""Syslog severity to CEF's 0 to 10; a warning is 8."""


def line(item: Item) -> bytes:
    """Return one entry as a line without its end."""
    said, kind = item.said, item.said["kind"]
    told: dict[str, object] = {
        "rt": int(datetime.fromisoformat(said["time"]).timestamp() * 1000),
        "externalId": said["id"],
        "cn1Label": "index",
        "cn1": item.at,
        "cs6Label": "sha256",
        "cs6": item.sha256,
        "suser": plain(said["actor"]["id"]),
        "outcome": plain(outcome(kind, said["data"])),
        "msg": gist(said["data"])[:LONGEST_MESSAGE],
    }
    if said["change"]:
        told |= {"cs1Label": "change", "cs1": said["change"], "cn2Label": "seq", "cn2": said["seq"]}
    return _line(kind, WEIGHT.get(severity(kind, said), 8), told, item.body.decode())


def _stated(kind: str, statement: Statement) -> bytes:
    return _line(kind, 3, {}, encode(statement).decode()) + b"\n"


def _line(kind: str, weight: int, told: dict[str, object], raw: str) -> bytes:
    words = kind.replace(".", " ").replace("_", " ")
    head = "|".join(_head(part) for part in ("CEF:0", "sangate", "sangate", gate.__version__, kind, words, str(weight)))
    extension = [f"{key}={_extension(str(value))}" for key, value in told.items() if value not in ("", None)]
    return (head + "|" + " ".join([*extension, f"rawEvent={_extension(raw)}"])).encode()


def _head(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")


def _records(items: Sequence[Item]) -> bytes:
    return b"".join(line(item) + b"\n" for item in items)


FORM = Form(
    "cef",
    ".cef",
    "text/plain; charset=utf-8",
    lambda statement: _stated("export.begins", statement),
    _records,
    lambda statement: _stated("export.ends", statement),
)
