"""What a fuzz target is: bytes in; whatever it raises is a finding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One room's readers under any bytes at all."""

    name: str
    seeds: Callable[[], Iterable[bytes]]
    """What tools and arrays really said, in the form that `run` takes."""

    run: Callable[[bytes], object]
    """Takes any bytes; declared errors are answers, every other exception is a finding."""

    largest: int = 16_384
    """Bytes of one input."""


def take(data: bytes, choices: int) -> tuple[int, bytes]:
    """Return a number below `choices` from the first byte, and the rest."""
    return (data[0] % choices if data else 0), data[1:]
