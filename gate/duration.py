"""Spans of time as people write them in files: a whole number and one unit."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: object) -> object:
    """Read `90s`, `15m`, `24h`, `7d`; anything else is left for pydantic to refuse."""
    if isinstance(text, str) and re.fullmatch(r"[0-9]{1,5}[smhd]", text):
        return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])
    if isinstance(text, timedelta):
        return text
    raise ValueError("a duration is a whole number and one of s, m, h, d, such as 24h")


def _spelled(span: timedelta) -> str:
    """Spell a span as a file has it, in the largest unit that fits; so that JSON made of settings reads as settings."""
    seconds = int(span.total_seconds())
    unit = next(unit for unit in reversed(UNITS) if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    PlainSerializer(_spelled, return_type=str, when_used="json"),
    BeforeValidator(_duration, json_schema_input_type=Annotated[str, Field(pattern=r"^[0-9]{1,5}[smhd]$")]),
    PlainSerializer(_spelled, return_type=str, when_used="json"),
    Field(gt=timedelta(0)),
]
