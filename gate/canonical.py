"""
The only author of bytes that are hashed or signed.

The schema is narrow on purpose: objects with ASCII keys, arrays, strings without lone surrogates, booleans,
null and integers below 2**53. Within it the standard library's sorted, compact JSON equals
RFC 8785 byte for byte; floats are refused because there the two differ.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"

ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
LARGEST_INTEGER = 2**53 - 1  # RFC 7493 section 2.2: what every JSON reader keeps exactly


def encode(value: Json) -> bytes:
    """Return the canonical UTF-8 bytes of `value`; ValueError names what may not be in them."""
    if not _plain(value):
        _examine(value, "$")
    return ENCODER.encode(value).encode()


def sha256(data: bytes) -> str:
    """Return `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Json) -> str:
    """Return the digest of the canonical bytes of `value`."""
    return sha256(encode(value))


def utc(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z` and microseconds: the one spelling of a time in entries and plans."""
    return moment.astimezone(tz=UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _plain(value: Json) -> bool:
    """Say quickly that a value is surely fine; whatever is not is looked at again, with its place."""
    kind = type(value)
    if kind is str:
        return value.isascii()  # type: ignore[union-attr]  # told by its type
    if kind is dict:
        return all(type(key) is str and key.isascii() and _plain(item) for key, item in value.items())  # type: ignore[union-attr]
    if kind is int:
        return -LARGEST_INTEGER <= value <= LARGEST_INTEGER  # type: ignore[operator]
    if kind is list or kind is tuple:
        return all(map(_plain, value))  # type: ignore[arg-type]
    return value is None or kind is bool


def _examine(value: Json, place: str) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError(f"{place}: integer beyond 2**53-1")
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError(f"{place}: lone surrogate in text")
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _examine(item, f"{place}[{position}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ValueError(f"{place}: key {key!r} is not ASCII text")
            _examine(item, f"{place}.{key}")
    else:
        raise ValueError(f"{place}: {type(value).__name__} has no canonical form")
