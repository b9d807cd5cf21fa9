"""The answer to one question about one dataset or one array."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from gate.canonical import Json
from gate.finding import Outcome, Weight
from gate.sentence import Sentence, spell


class Answer(NamedTuple):
    """What was decided, and what it is decided from; a tuple, since one fleet has millions of them."""

    outcome: Outcome
    sentence: Sentence
    relied_on: Mapping[str, Json] = MappingProxyType({})
    evidence: tuple[str, ...] = ()
    until: datetime | None = None
    """When the first fact under a `passed` expires."""

    weight: Weight | None = None
    """What this answer weighs where that is not the check's own weight."""

    attestable: bool = False
    """Nothing can be measured where it asks: two people may attest it."""

    @property
    def because(self) -> str:
        """The sentence, put together."""
        return spell(self.sentence)


Asked: TypeAlias = Answer | partial[Answer]
"""An answer; or, where it passed, what tells on request which facts it passed by: among thousands nobody asks."""


def tell(asked: Asked) -> Answer:
    """Return the answer itself."""
    return asked if isinstance(asked, Answer) else asked()
