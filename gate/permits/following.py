"""
Telling the keyholder of entries as they come, not only when a permit is needed.

What it has followed cannot be taken back: an end, a denial, a hold. So it hears of them while the serving process is
still in good hands.
"""

import logging
import threading

from gate.errors import GateError
from gate.permits.asking import KeyholderOffice
from gate.store import Ledger

EVERY_S = 2.0
"""Seconds between two tellings while entries come, and between two tries (our choice)."""

IDLE_S = 30.0

_log = logging.getLogger("gate.permits")


class Following:
    """A thread of its own; a keyholder that is away delays nothing."""

    def __init__(self, office: KeyholderOffice, ledger: Ledger) -> None:
        self._office = office
        self._ledger = ledger
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why the keyholder was not told the last time; empty when it was."""

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="keyholder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        told = -1
        while not self._stopping.wait(EVERY_S if told >= 0 else 0.1):
            if not self._ledger.wait(told, IDLE_S if told >= 0 else 0) and told >= 0:
                continue
            try:
                told, problem = self._office.follow(), ""
            except GateError as error:
                told, problem = max(told, 0), error.message
            if problem and problem != self.problem:
                _log.warning("the keyholder does not follow: %s", problem)
            self.problem = problem
