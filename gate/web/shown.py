"""
How values look on a page: text that a screen would obey is spelled out, times and spans are words.

`visible` runs on every expression of every template, so no page can forget it.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from markupsafe import Markup

TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Classes of characters that make a screen show text in another order than it is read (Unicode UAX 9)."""

T = TypeVar("T")


def _obeyed(char: str) -> bool:
    if char in "\t\n":
        return False
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in TURNING


def visible(value: T) -> T | str:
    r"""Return text with control characters and direction marks spelled `\u202e`; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return value
    spelled = "".join(f"\\u{ord(char):04x}" if _obeyed(char) else char for char in text)
    return Markup(spelled) if isinstance(value, Markup) else spelled  # noqa: S704 - markup stays what it was


def moment(text: str) -> str:
    """Return a ledger time as `22 Nov 2026, 21:53:07 UTC`; what is no time stays as it is."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def minute(text: str) -> str:
    """Return a time without its seconds, for windows and ends."""
    told = moment(text)
    return f"{told[:-7]} UTC" if told.endswith(" UTC") else told


def clock(text: str) -> str:
    """Return the time of day of a ledger time, as `21:53:07 UTC`."""
    return moment(text).partition(", ")[2]


def ago(text: str) -> str:
    """Say how long ago a time was, or in how long it will be."""
    try:
        away = datetime.now(UTC) - datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return text
    if abs(away) < timedelta(seconds=2):
        return "just now"
    return f"in {span(-away)}" if away < timedelta(0) else f"{span(away)} ago"


def span(away: timedelta | float) -> str:
    """Spell a length of time: `3 d 4 h`, `12 min`, `8 s`."""
    seconds = int(away.total_seconds() if isinstance(away, timedelta) else away)
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def short(digest: str) -> str:
    """Return the beginning of a digest, enough to compare by eye; the whole stands in a title beside it."""
    name, _, rest = digest.partition(":")
    return f"{name}:{rest[:12]}…" if rest else digest


INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z\b")


def sentence(text: str) -> str:
    """
    Return text as a sentence with its stop; a first word that is a name (`west-3`, `sidekick:`) keeps its case.

    Instants in it are told like all others of a page: `2026-11-22T21:53:07.5Z` as `22 Nov 2026, 21:53:07 UTC`.
    """
    text = INSTANT.sub(lambda found: moment(found[0]) if found[1] else minute(found[0]), text.strip())
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower() and first != "sangate":
        text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".?!" else f"{text}."


LIMITS = {
    "soak_s": "watched for",
    "probe_interval_s": "a round of probes every",
    "latency_deadline_us": "a read counts as failed after",
    "latency_points_min": "fewest reads to judge by",
    "latency_increase_max_percent": "slower if it rises by more than",
    "latency_increase_floor_us": "and by more than",
}
"""What a sealed threshold limits, in words; the order is that of the plan's page."""


def limits(thresholds: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the sealed thresholds as words and a number with its unit, in the order in which they are understood."""
    known = [name for name in LIMITS if name in thresholds]
    return [limit(name, thresholds[name]) for name in [*known, *sorted(set(thresholds) - set(known))]]


def limit(name: str, value: Any) -> tuple[str, str]:
    """Return a sealed threshold as words and a number with its unit (the unit is the end of its name)."""
    stem, _, unit = name.rpartition("_")
    if unit == "s":
        return LIMITS.get(name, stem.replace("_", " ")), span(float(value))
    if unit == "us":
        short = f"{value / 1000:g} ms" if value >= 1000 else f"{value} µs"
        return LIMITS.get(name, stem.replace("_", " ")), span(value / 1_000_000) if value >= 1_000_000 else short
    if unit == "percent":
        return LIMITS.get(name, stem.replace("_", " ")), f"{value} %"
    return LIMITS.get(name, name.replace("_", " ")), str(value)
