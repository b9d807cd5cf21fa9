"""
Whose turn it is to write: first come, first served among threads, one file lock among processes.

SQLite's own busy handler is unfair: under contention single writers waited for seconds. Here threads queue in order
and only one contender per process asks for the file lock. Whoever has the turn may also do the work of those queued
behind it (`companions`): one commit then answers them all, and a lone caller pays for no other thread.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from gate.errors import LedgerUnavailable

Work = TypeVar("Work")

PATIENCE = 0.0005
"""Seconds between two looks at a file lock that another process holds."""


class _Ticket(Generic[Work]):
    """A place in the queue. Its lock is free as soon as its owner has the turn, or its work is done."""

    __slots__ = ("done", "lock", "work")

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.done = False
        self.lock = threading.Lock()
        self.lock.acquire()


class Turn(Generic[Work]):
    """A fair lock over a lock file; the system frees it when the process dies."""

    def __init__(self, path: Path, *, within: float) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._within = within
        self._guard = threading.Lock()
        self._queue: deque[_Ticket[Work]] = deque()
        self._taken = False
        self._closed = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn alone; LedgerUnavailable when it does not come within the seconds given."""
        self._enter(None)
        try:
            self._lock_file()
            try:
                yield
            finally:
                self._unlock_file()
        finally:
            self._leave()

    @contextmanager
    def led(self, work: Work) -> Iterator[list[Work]]:
        """
        Hold the turn to do `work` and that of the companions: all of it is handed in, in the order of its coming.

        Nothing is handed in when somebody else has done `work` meanwhile. The companions go on as soon as the block
        ends, however it ends: the work must say how it went.
        """
        if not self._enter(work):
            yield []
            return
        companions: list[_Ticket[Work]] = []
        try:
            self._lock_file()
            try:
                companions = self._companions()
                yield [work, *(one.work for one in companions if one.work is not None)]
            finally:
                self._unlock_file()
        finally:
            for one in companions:
                one.done = True
                one.lock.release()
            self._leave()

    def close(self) -> None:
        """Close the lock file; only whoever has the turn may."""
        self._closed = True
        os.close(self._file)

    def _companions(self) -> list[_Ticket[Work]]:
        """Take all that wait with work from the front of the queue; who wants the turn alone keeps the place."""
        found: list[_Ticket[Work]] = []
        if self._queue:
            with self._guard:
                while self._queue and self._queue[0].work is not None:
                    found.append(self._queue.popleft())
        return found

    def _lock_file(self) -> None:
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        deadline = None
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                now = time.monotonic()
                deadline = deadline or now + self._within
                if now > deadline:
                    raise LedgerUnavailable("the ledger is busy: another process holds it") from None
                time.sleep(PATIENCE)

    def _unlock_file(self) -> None:
        if not self._closed:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _enter(self, work: Work | None) -> bool:
        """Wait for the turn: True; or False when the work was done by whoever had it."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            ticket = _Ticket(work)
            self._queue.append(ticket)
        if not ticket.lock.acquire(timeout=self._within):
            with self._guard:
                if ticket in self._queue:
                    self._queue.remove(ticket)
                    raise LedgerUnavailable("the ledger is busy: another thread has been writing for too long")
            ticket.lock.acquire()  # it was taken in hand between the time-out and the guard, and will be answered
        return not ticket.done

    def _leave(self) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().lock.release()
            else:
                self._taken = False
