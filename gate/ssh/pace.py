"""
How often an endpoint is connected to: ONTAP closes SSH above ten connections a second, a bastion has MaxStartups.

A few at once and then one after the other. Whoever comes too early waits; nobody is turned away.
"""

import threading
import time

AT_ONCE = 4
PER_SECOND = 5.0
"""Together at most nine within any second (our choice, below the ten of ONTAP)."""


class Pace:
    """Safe to use from many threads; endpoints do not delay each other."""

    def __init__(self, at_once: int = AT_ONCE, per_second: float = PER_SECOND) -> None:
        self._span = at_once / per_second
        self._gap = 1 / per_second
        self._turn = threading.Lock()
        self._full_at: dict[tuple[str, int], float] = {}
        """Endpoint → when it would be as if nobody had ever connected."""

    def wait(self, host: str, port: int) -> None:
        """Return as soon as one more connection is bearable."""
        with self._turn:
            now = time.monotonic()
            full = max(self._full_at.get((host, port), now), now) + self._gap
            self._full_at[host, port] = full
        if full - now > self._span:
            time.sleep(full - now - self._span)
