"""
The doorbell: a stream that says how long the ledger is, and nothing else.

A page that hears it reads its own part again, so what is shown never comes from a socket. Each open stream holds one
thread of the server; therefore the number of streams is bounded, and polling serves whoever gets none.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from flask import Response

from gate.errors import CannotTell, GateError

HEARTBEAT = 10.0
"""Seconds between two signs of life when nothing happens."""

LIFE = 300.0
"""Seconds after which a stream ends; the browser opens the next one by itself."""

PER_SESSION = 2
SLICE = 0.5
"""Seconds of one wait, so that a client that has gone and the end of the server are noticed."""


class Bells:
    """The open streams of one process."""

    def __init__(self, most: int, size: Callable[[], int], wait: Callable[[int, float], bool]) -> None:
        self._most = most
        self._size = size
        self._wait = wait
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self.stopping = threading.Event()

    def stream(self, session: str, known: int | None, gone: Callable[[], bool]) -> Response:
        """
        Return a stream for a session that has seen `known` entries; CannotTell (503) when there are too many.

        `gone` says whether the client has left: a reader who walks from page to page must not fill the places.
        """
        with self._lock:
            if self._open.total() >= self._most or self._open[session] >= PER_SESSION or self.stopping.is_set():
                raise CannotTell("too many live pages are open", hint="this page looks again every few seconds instead")
            self._open[session] += 1
        response = Response(self._ring(self._size() if known is None else known, gone), mimetype="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(lambda: self._leave(session))
        return response

    @property
    def count(self) -> int:
        """Streams that are open now."""
        with self._lock:
            return self._open.total()

    def _leave(self, session: str) -> None:
        with self._lock:
            self._open[session] -= 1
            if self._open[session] <= 0:
                del self._open[session]

    def _ring(self, known: int, gone: Callable[[], bool]) -> Iterator[str]:
        ends = time.monotonic() + LIFE
        beat = time.monotonic() + HEARTBEAT
        yield "retry: 2000\n\n"
        try:
            while time.monotonic() < ends and not self.stopping.is_set() and not gone():
                if self._wait(known, SLICE):
                    known = self._size()
                    yield f"id: {known}\nevent: ledger\ndata: {known}\n\n"
                elif time.monotonic() >= beat:
                    beat = time.monotonic() + HEARTBEAT
                    yield ": still here\n\n"
        except GateError:
            return
