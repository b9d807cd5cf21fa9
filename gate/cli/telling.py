"""What an act of the demo's story is, and who tells it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Act:
    """One act: what was expected and what came."""

    act: str
    title: str
    expected: str
    outcome: str = ""
    ok: bool = False
    seconds: float = 0.0
    digests: dict[str, str] = field(default_factory=dict)


class Teller:
    """Where the story is told; the terminal and the tests each have their own."""

    def begins(self, act: Act) -> None:
        """An act begins."""

    def says(self, line: str, *, good: bool | None = None) -> None:
        """One line of it."""

    def waits(self, words: str) -> Any:
        """Return a context during which something takes its time."""

    def ends(self, act: Act) -> None:
        """It has ended."""
