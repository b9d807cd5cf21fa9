"""
Arrays without a command line of their own: a tool on a management host speaks for them, and is told which one.

The host's SSH address may stand for several arrays. A line names one of them by its `unit`; of a name that nobody has,
and of an array that is away, the tool says so in its own words.
"""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence

from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.said import Said
from gate.lab.scsi import Controller


class BehindHost(ByVendor, ABC):
    """One array that a management host knows as `unit`; nobody can change it over that host."""

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.unit = name

    @abstractmethod
    def named(self, words: list[str]) -> str:
        """Return which unit a line names, in the place where the tool expects it; empty when it names none."""

    @abstractmethod
    def tell(self, words: list[str]) -> Said:
        """Answer a line that names this array, which is there."""

    @abstractmethod
    def missing(self, words: list[str]) -> Said:
        """Say that no array of that name is known or answers, or that there is no such program."""

    def answer(self, line: str, *, admin: bool) -> Said:  # noqa: ARG002  the protocol's: nobody is more than a reader
        """Answer one line at the management host, as if this were its only array."""
        return asked((self,), line)


def asked(arrays: Sequence[BehindHost], line: str) -> Said:
    """Answer one line at a management host that knows these arrays."""
    try:
        words = shlex.split(line)
    except ValueError:
        return Said(err=b"bash: syntax error\n", status=2)
    if not words or any(char in line for char in "|&<>`$\n"):
        return Said(err=b"bash: only the tool answers here\n", status=126)
    meant = next((one for one in arrays if one.named(words) == one.unit and one.serving), None)
    return arrays[0].missing(words) if meant is None else meant.tell(words)
