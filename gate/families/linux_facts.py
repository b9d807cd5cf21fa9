"""One thing that a Linux host tells of one object; and JSON answers of its tools, taken whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text
from gate.families.reading import no_constant, once


class State(StrEnum):
    """How a fact is to be taken."""

    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact:
    """One thing about one object of a host."""

    name: str
    object: str
    value: str
    state: State


def whole_json(reply: Reply, tool: str) -> dict[str, Any]:
    """Return the JSON object that a tool answered with; Unreadable names the tool."""
    try:
        found = json.loads(whole_text(reply), object_pairs_hook=once, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Unreadable(f"{tool} did not answer with whole JSON") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{tool} did not answer with a JSON object")
    return found


def objects(reply: Reply, key: str) -> list[dict[str, Any]]:
    """Return the list of objects under a key of a JSON answer."""
    rows = whole_json(reply, "the tool").get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(f"it tells no list of {key}")
    return rows


def word(row: Mapping[str, Any], key: str) -> str:
    """Return a text value, printable and bounded; "" for what is missing or no text."""
    value = row.get(key)
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else "?" for char in text).strip()[:80]
