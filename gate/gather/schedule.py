"""
Rehearsals that nobody has to think of: begun when they are due, one at a time, by the gate itself.

A protection is due when its last rehearsal began longer ago than its period; one that was never rehearsed, a period
after the record began. What a gate or host that was killed left behind is removed first. Neither is decided from
anything but entries, so a restart changes nothing: a rehearsal that keeps failing or killing the gate is not tried
again before its time.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from gate.errors import GateError
from gate.gather.rehearsals import Rehearsals
from gate.inventory import Inventory, Protection
from gate.policy import Policy
from gate.ssh.wire import utc_now
from gate.store import Ledger

TICK_S = 60.0
"""Seconds between two looks at what is due (our choice)."""

PATIENCE_S = 15.0
"""Seconds in which work under way may end when the gate is to stop; what it leaves is removed by the next start."""

_log = logging.getLogger("gate.rehearsals")


def period(protection: Protection, policy: Policy) -> timedelta | None:
    """Return how often a protection is to be rehearsed; None: only when somebody asks."""
    every = protection.rehearsal_every or policy.rehearsal_every
    return every if isinstance(every, timedelta) else None


def due(last: datetime | None, since: datetime, every: timedelta | None, now: datetime) -> bool:
    """Say whether it is time; `last` is when it last began, `since` when the record began."""
    return every is not None and now - (since if last is None else last) >= every


class Schedule:
    """A thread of the serving process. `start` once the driver's lock is held; `stop` waits a little."""

    def __init__(
        self,
        inventory: Inventory,
        policy: Policy,
        rehearsals: Rehearsals,
        ledger: Ledger,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._inventory = inventory
        self._policy = policy
        self._rehearsals = rehearsals
        self._ledger = ledger
        self._clock = clock
        self._tried: dict[str, datetime] = {}
        """Attempts that ended before anything began, so that they are not repeated every minute."""

        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="rehearsals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except Exception:  # noqa: BLE001  whatever it was, tomorrow's rehearsals are not lost with it
                _log.exception("the schedule of rehearsals failed; it is taken up again in %g s", TICK_S)
            self._stopping.wait(TICK_S)

    def turn(self) -> None:
        """Tidy up what was left, then do what is due, one after the other."""
        self._rehearsals.sweep()
        since = next((entry.time for entry in self._ledger.entries(0, 1)), self._clock())
        for dataset in self._inventory.datasets:
            periods = [period(each, self._policy) for each in self._inventory.protections_of(dataset.id)]
            every = min((each for each in periods if each is not None), default=None)
            name, last = f"reference of {dataset.id}", self._rehearsals.last_reference(dataset.id)
            if self._is_due(name, last, since, every):
                self._attempt(name, partial(self._rehearsals.record_reference, dataset.id))
        for protection in self._inventory.protections:
            last = self._rehearsals.last_begun(protection.id)
            if self._is_due(protection.id, last, since, period(protection, self._policy)):
                self._attempt(protection.id, partial(self._rehearsals.rehearse, protection.id))

    def _is_due(self, name: str, last: datetime | None, since: datetime, every: timedelta | None) -> bool:
        tried = self._tried.get(name)
        latest = max((each for each in (last, tried) if each is not None), default=None)
        return not self._stopping.is_set() and due(latest, since, every, self._clock())

    def _attempt(self, name: str, work: Callable[[], object]) -> None:
        self._tried[name] = self._clock()
        try:
            work()
        except GateError as error:
            _log.warning("%s: %s", name, error.message)
