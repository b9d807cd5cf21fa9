"""
Sentences of the gate's own: given whole, or as their parts and put together when somebody reads them.

What decides is quicker by far than what tells. An answer that passed among thousands is counted, and its sentence is
rarely read.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Self, TypeAlias, TypeVar, overload

Sentence: TypeAlias = str | tuple[object, ...]
"""A sentence, or a template with a `{}` for each of the parts that follow it: values that never change."""


def spell(sentence: Sentence) -> str:
    """Put a sentence together; what a part holds is never read as a template."""
    if isinstance(sentence, str):
        return sentence
    template, *parts = sentence
    return str(template).format(*map(_part, parts))


def _part(part: object) -> str:
    if isinstance(part, timedelta):
        return span(part)
    if isinstance(part, datetime):
        return f"{part.astimezone(UTC):%Y-%m-%dT%H:%M}Z"
    return spell(part) if isinstance(part, tuple) else str(part)


def several(count: int, thing: str) -> str:
    """Spell how many there are of a thing whose plural takes an s: `1 file`, `3 files`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def every(count: int, thing: str) -> str:
    """Spell all of a number of things: `the one file`, `all 3 files`."""
    return f"the one {thing}" if count == 1 else f"all {count} {thing}s"


def by_number(count: int, one: str, many: str) -> str:
    """Return the word that goes with one thing or with many: `was`, `were`."""
    return one if count == 1 else many


def span(age: timedelta) -> str:
    """Spell a duration for a sentence: `3 d 4 h`, `12 min`, `8 s`."""
    seconds = int(abs(age).total_seconds())
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


Told = TypeVar("Told")


class Later(Generic[Told]):
    """
    A field of a dataclass that may be given as what makes its value; read, it is always the value.

    So two such records are equal when their values are, whenever either was made.
    """

    def __init__(self, *default: Callable[[], Told]) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Told: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            if not self._default:
                raise AttributeError(self._name)  # by this a dataclass knows that the field must be given
            return self._default[0]
        value = instance.__dict__[self._name]
        if callable(value):
            value = instance.__dict__[self._name] = value()
        return value

    def __set__(self, instance: object, value: Told | Callable[[], Told]) -> None:
        instance.__dict__[self._name] = value
