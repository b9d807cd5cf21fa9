"""What a format is: three functions that turn statements and entries into bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gate.canonical import Json
from gate.export.population import Item

Statement = Mapping[str, Json]


@dataclass(frozen=True)
class Form:
    """One mapped format that is written from front to back."""

    name: str
    suffix: str
    media_type: str
    opening: Callable[[Statement], bytes]
    """The opening statement, with whatever heads the file."""

    records: Callable[[Sequence[Item]], bytes]
    closing: Callable[[Statement], bytes]
