"""One entry in a few words and one outcome: what a row, a message or a heading says of it; never evidence."""

from collections.abc import Mapping
from typing import Any

KEYS = ("title", "because", "why", "reason", "outcome", "result", "seat", "command", "step", "what", "method")
YES_NO = (("opens", "opens", "refuses"), ("passed", "passed", "failed"), ("matches", "same", "differs"))
ANSWERS = ("outcome", "result", "decision")
"""Keys that say how it went, the first of them that is there."""

TELLING = frozenset({*ANSWERS, *(key for key, _, _ in YES_NO)})

LONGEST = 300
CONTROLS = dict.fromkeys([*range(32), 127, *range(128, 160), 0x2028, 0x2029], " ")
LOUD = frozenset(
    {"attempt.refused", "approval.denied", "change.halted", "hold.placed", "auth.refused", "escort.stopped"}
    | {"key.revoked"}
)
"""Kinds that a reader must not pass over."""

BAD = frozenset({"failed", "refused", "refuses", "differs", "deny", "unknown", "stops"})


def gist(data: Mapping[str, Any]) -> str:
    """Return what the data say, joined by dots; at most 300 characters."""
    words = [one if type(one) is str else _words(one) for key in KEYS if key in data and (one := data[key])]
    return plain(" · ".join(words)[:LONGEST])


def _words(one: object) -> str:
    return "; ".join(map(str, one)) if isinstance(one, (list, tuple)) else str(one)


def plain(text: str) -> str:
    """Return text on one line: a space for whatever a terminal or a parser of lines would obey."""
    return text if text.isprintable() else text.translate(CONTROLS)


def outcome(kind: str, data: Mapping[str, Any]) -> str:
    """Return how it went, as the entry says: `done`, `failed`, `held`, `approve` …; empty where it is no answer."""
    if kind.endswith(".refused"):
        return "refused"
    if data.keys().isdisjoint(TELLING):
        return ""
    for key in ANSWERS:
        if key in data and isinstance(data[key], str):
            return str(data[key])
    for key, yes, no in YES_NO:
        if key in data and isinstance(data[key], bool):
            return yes if data[key] else no
    return ""


def bad(kind: str, data: Mapping[str, Any]) -> bool:
    """Say whether the entry tells of something that did not go as it should."""
    return kind in LOUD or outcome(kind, data) in BAD
