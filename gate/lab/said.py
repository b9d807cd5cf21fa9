"""What a lab array or host answers to one command line."""

from collections.abc import Callable
from dataclasses import dataclass


class Declined(Exception):
    """The array refuses a command, in its own words."""


@dataclass(frozen=True)
class Said:
    """Answer to one command line. With `then` it is a question: the line that comes back is put to `then`."""

    out: bytes = b""
    err: bytes = b""
    status: int = 0
    mutates: bool = False
    then: "Callable[[str], Said] | None" = None
