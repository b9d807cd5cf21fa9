"""
One thread that ends what takes too long.

Some of Paramiko's waits know no timeout (issue 1815), so each is guarded from outside. A `threading.Timer` is a thread
of its own for every wait, four for each command; here all waits of the process share one.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLEAN = 256
"""Waits that are over stay in the heap until there are so many of them."""


@dataclass(order=True)
class _Wait:
    until: float
    number: int
    act: Callable[[], None] | None = field(compare=False)


class Watch:
    """Acts in its own thread once a wait is over its time; `act` must be quick and must not raise."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waits: list[_Wait] = []
        self._over = 0
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def guard(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Call `act` after `seconds` unless the block has ended before."""
        wait = _Wait(time.monotonic() + max(0.0, seconds), next(self._numbers), act)
        with self._changed:
            heapq.heappush(self._waits, wait)
            if self._thread is None or not self._thread.is_alive():  # never begun, or left behind by a fork
                self._thread = threading.Thread(target=self._run, name="ssh-watch", daemon=True)
                self._thread.start()
            elif self._waits[0] is wait:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                wait.act = None
                self._over += 1
                if self._over > CLEAN:
                    self._waits = [one for one in self._waits if one.act is not None]
                    heapq.heapify(self._waits)
                    self._over = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waits or self._waits[0].until > time.monotonic():
                    self._changed.wait(self._waits[0].until - time.monotonic() if self._waits else None)
                act = heapq.heappop(self._waits).act
            if act is not None:
                act()


guard = Watch().guard
"""`with guard(seconds, act)`: the one watch of this process."""
