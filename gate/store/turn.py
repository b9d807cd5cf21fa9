"""
Whose turn it is to write: first come, first served among threads, one file lock among processes.

SQLite's own busy handler is unfair: under contention single writers waited for seconds. Here threads queue in
order and only one contender per process asks for the file lock.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.errors import LedgerUnavailable


class Turn:
    """A fair lock over a lock file; the system frees it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._guard = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._taken = False
        self._closed = False

    @contextmanager
    def taken(self, within: float) -> Iterator[None]:
        """Hold the turn; LedgerUnavailable when it does not come within `within` seconds."""
        deadline = time.monotonic() + within
        if not self._enter(within):
            raise LedgerUnavailable("the ledger is busy: another thread has been writing for too long")
        try:
            if self._closed:
                raise LedgerUnavailable("the ledger is closed")
            self._lock_file(deadline)
            try:
                yield
            finally:
                if not self._closed:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._leave()

    def close(self) -> None:
        """Close the lock file; only whoever has the turn may."""
        self._closed = True
        os.close(self._file)

    def _lock_file(self, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerUnavailable("the ledger is busy: another process holds it") from None
                time.sleep(0.0005)

    def _enter(self, within: float) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._queue.append(ticket)
        if ticket.acquire(timeout=within):
            return True
        with self._guard:
            if ticket in self._queue:
                self._queue.remove(ticket)
                return False
        return True  # it was handed over between the time-out and the guard

    def _leave(self) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False
