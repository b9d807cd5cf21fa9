"""What is being sent under a permit at this moment, so that a contractor can be stopped in the middle of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gate.errors import Refused


@dataclass
class Line:
    """One act of one change. `may_cut`: the connection is ended at once; else what runs on the array is left alone."""

    may_cut: bool
    stopped: bool = False
    _cut: Callable[[], None] | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, cut: Callable[[], None]) -> None:
        """Say how the connection is cut, before anything is sent over it; Refused when it was stopped already."""
        with self._turn:
            if self.stopped:
                raise Refused("it was stopped before anything was sent")
            self._cut = cut

    def stop(self) -> None:
        """Let nothing more begin, and cut the connection where that may be done."""
        with self._turn:
            self.stopped, cut = True, self._cut
        if cut is not None and self.may_cut:
            cut()


class Lines:
    """The acts under way, one a change. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Line] = {}

    @contextmanager
    def open(self, change: str, line: Line) -> Iterator[Line]:
        """Hold a line open while its act is under way."""
        with self._lock:
            self._open[change] = line
        try:
            yield line
        finally:
            with self._lock:
                del self._open[change]

    def stop(self, change: str) -> None:
        """Stop what is under way for a change, if anything is."""
        with self._lock:
            line = self._open.get(change)
        if line is not None:
            line.stop()
