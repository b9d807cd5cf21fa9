"""One answer of the Seagate/DotHill command line: objects in JSON, the last of which says how the command ended."""

import json
from collections.abc import Mapping
from typing import Any

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text
from gate.families.reading import no_constant, once

LARGEST = 4096


def answer(reply: Reply) -> dict[str, Any]:
    """Return the last JSON object of the reply; Unreadable unless it says that the command succeeded."""
    lines = [line for line in whole_text(reply).split("\n") if not line.lstrip().startswith("#")]
    text, found, at = "\n".join(lines), None, 0
    decoder = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant)
    while (start := text.find("{", at)) >= 0:
        if text[at:start].strip():
            raise Unreadable("between its answers stands what is no JSON")
        try:
            found, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise Unreadable("the answer is not whole JSON") from None
    if found is None or text[at:].strip():
        raise Unreadable("the reply holds no answer in JSON, or more than that")
    status = found.get("status")
    last = status[-1] if isinstance(status, list) and status else None
    if not isinstance(last, dict) or type(last.get("return-code")) is not int:
        raise Unreadable("the answer does not end with its status")
    if (last["return-code"], last.get("response-type-numeric")) != (0, 0):
        raise Unreadable(f"the array answered {shown(last.get('response'))} (code {last['return-code']})")
    return dict(found)


def shown(value: object) -> str:
    """Return what the array said, fit for a sentence."""
    text = value if isinstance(value, str) else "nothing readable"
    return "".join(char if char.isprintable() else "?" for char in text)[:120]


def objects(reply: Reply, *names: str, empty_means_none: bool = False) -> list[dict[str, Any]]:
    """Return the objects under the first of these names that the answer has."""
    told = answer(reply)
    for name in names:
        rows = told.get(name)
        if rows is None:
            continue
        if not isinstance(rows, list) or len(rows) > LARGEST or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"what it tells under {name} is no list of objects")
        if rows:
            return rows
    if empty_means_none:
        return []
    raise Unreadable(f"it tells no {names[0]}")


def word(row: Mapping[str, Any], key: str) -> str:
    """Return a property that must be text."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"an object does not tell its {key}")
    return shown(value.strip())


def number(row: Mapping[str, Any], key: str) -> int:
    """Return a property that must be a whole number."""
    value = row.get(key)
    if type(value) is not int:
        raise Unreadable(f"an object does not tell its {key} as a number")
    return value
