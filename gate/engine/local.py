"""
The embedded driver: threads in the serving process under a file lock.

It only wakes up, loads a history, asks `next_action`, does the one thing, and asks again. Two drivers on one data
directory are impossible (the lock), and would do no harm (the intent's compare-and-set).
"""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from gate.change import Plan
from gate.engine.act import perform
from gate.engine.actions import Wait
from gate.engine.crew import Crew
from gate.engine.escorting import next_escorted
from gate.errors import CannotTell, GateError, LedgerUnavailable, Moved, Outside
from gate.ledger.entry import GATE, Draft
from gate.lifecycle import fold
from gate.standing import ENDED, MOVING, Standing, State

IDLE = 0.25
"""Seconds between two looks at the ledger when nothing rings."""

_log = logging.getLogger("gate.engine")

PlanOf = Callable[[Standing], Plan]


class Driver:
    """Drives every change whose stage has begun, one thread a change."""

    def __init__(self, crew: Crew, plan_of: PlanOf, lock: Path) -> None:
        """`plan_of` loads the sealed plan in force and refuses one whose digest is not the standing's."""
        self._crew = crew
        self._plan_of = plan_of
        self._lock_path = lock
        self._lock: int | None = None
        self._stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._interrupts: dict[str, threading.Event] = {}
        self._working_on: dict[str, tuple[str, ...]] = {}
        """Change → what stops it, as its thread read it last: only something else is news to the thread."""

        self._due: set[str] = set()
        self._handover = threading.Lock()
        """Guards `_threads` and `_due`: a thread goes home only when nothing came in while it decided to."""

        self._ended: set[str] = set()
        self._main: threading.Thread | None = None

    def start(self) -> None:
        """Take the lock and begin; Outside when another process holds it."""
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise Outside(
                "another process already drives this data directory", hint="is sangate serve running twice?"
            ) from None
        self._lock = handle
        self._main = threading.Thread(target=self._watch, name="driver", daemon=True)
        self._main.start()

    def stop(self) -> None:
        """End between two steps; what is under way on an array goes on there and is looked at next time."""
        self._stopping.set()
        for event in tuple(self._interrupts.values()):
            event.set()
        with self._handover:
            threads = (self._main, *self._threads.values())
        for thread in threads:
            if thread is not None:
                thread.join(timeout=30)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _watch(self) -> None:
        size = -1
        while not self._stopping.is_set():
            try:
                now = self._crew.ledger.size()
                if now != size:
                    self._look_for_work()
                    size = now
                self._crew.ledger.wait(size, IDLE)
            except GateError as error:
                _log.warning("the driver waits: %s", error)
                self._stopping.wait(1)

    def _look_for_work(self) -> None:
        for change in self._crew.ledger.changes():
            if change in self._ended:
                continue
            try:
                standing = fold(self._crew.ledger.history(change))
            except (ValueError, CannotTell) as error:
                _log.warning("%s is left alone, the others are not: %s", change, error)
                continue
            if standing.closed or (standing.state in ENDED and not standing.begun):
                self._ended.add(change)
            elif standing.begun:
                self._wake(change, standing)

    def _wake(self, change: str, standing: Standing) -> None:
        stops = standing.hold or standing.state in (State.HALTED, State.BACKING_OUT)
        if stops and _stop(standing) != self._working_on.get(change):
            self._interrupts.setdefault(change, threading.Event()).set()
            if standing.stopped:
                self._crew.lines.stop(change)
                self._revoke(change)
        with self._handover:
            self._due.add(change)
            if change not in self._threads:
                self._interrupts.setdefault(change, threading.Event())
                thread = threading.Thread(target=self._drive, args=(change,), name=f"drive {change}", daemon=True)
                self._threads[change] = thread
                thread.start()

    def _revoke(self, change: str) -> None:
        """Take back what opens an array for a contractor who was stopped, after a restart as well."""
        try:
            self._crew.office.stopped(change)
        except GateError as error:
            _log.error("the permits of %s are not revoked: %s", change, error)

    def _drive(self, change: str) -> None:
        """Drive one change until it waits for something other than time."""
        while not self._stopping.is_set():
            with self._handover:
                self._due.discard(change)
            try:
                if not self._one(change) and self._may_go_home(change):
                    return
            except Moved:
                continue
            except LedgerUnavailable as error:
                _log.warning("%s waits: %s", change, error)
                self._stopping.wait(1)
            except Exception as error:  # noqa: BLE001  a fault of our own must stop this change, not the driver
                _log.exception("%s stumbled", change)
                if self._stumble(change, error) and self._may_go_home(change):
                    return
                self._stopping.wait(1)

    def _may_go_home(self, change: str) -> bool:
        with self._handover:
            if change in self._due:
                return False
            del self._threads[change]
            return True

    def _one(self, change: str) -> bool:
        interrupt = self._interrupts[change]
        interrupt.clear()
        standing = fold(self._crew.ledger.history(change))
        self._working_on[change] = _stop(standing)
        if standing.state not in MOVING and standing.state is not State.BACKED_OUT:
            return False
        plan = self._plan_of(standing)
        now = self._crew.hands.clock()
        action = next_escorted(plan, standing, now, self._crew.run)
        if isinstance(action, Wait):
            if action.until is None:
                return False
            size = self._crew.ledger.size()
            self._crew.ledger.wait(size, min(1.0, max(0.01, (action.until - now).total_seconds())))
            return True
        perform(self._crew, plan, standing, action, interrupt)
        return True

    def _stumble(self, change: str, error: Exception) -> bool:
        """
        A fault of our own stops the change where it is; it is never tried again by itself.

        True when it stands still: it was halted now, or it had been, or its history cannot be read at all.
        """
        said = f"the gate itself failed ({type(error).__name__}); look at the array before anything else"
        try:
            standing = fold(self._crew.ledger.history(change))
            if standing.state in MOVING and not standing.closed:
                halted = Draft("change.halted", GATE, change, {"because": said})
                self._crew.ledger.append(halted, expect=standing.seq)
        except (ValueError, CannotTell):
            return True
        except GateError as second:
            _log.warning("%s: %s", change, second)
            return False
        return True


def _stop(standing: Standing) -> tuple[str, ...]:
    """Return what a thread has to hear of at once; what it enters itself is none of it."""
    return standing.hold, standing.stopped, standing.state.value
