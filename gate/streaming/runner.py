"""A thread for each sink: wait for the ledger, deliver from the cursor on, move the cursor; back off when it fails."""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from gate.canonical import utc
from gate.errors import GateError
from gate.export.population import Item, read_item
from gate.store import Ledger
from gate.streaming.cursors import Cursor, Cursors
from gate.streaming.delivery import Delivery, HeadDelivery, Unanswered

PIECE = 100
"""Entries between two moves of a cursor: what is sent again at worst after a kill."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds after a failure, doubled each time: a receiver that is back is found within five minutes (our choice)."""

LISTEN = 5.0
STOP = 2.0
_log = logging.getLogger("gate.streaming")


class Streaming:
    """All sinks of one installation; one that hangs stalls none of the others, and never the gate."""

    def __init__(
        self,
        ledger: Ledger,
        cursors: Cursors,
        deliveries: Mapping[str, Delivery | HeadDelivery],
        clock: Callable[[], datetime],
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._ledger, self._cursors, self._deliveries, self._clock = ledger, cursors, deliveries, clock
        self._first_wait = first_wait
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to send."""
        for name in self._deliveries:
            thread = threading.Thread(target=self._run, args=(name,), name=f"sink {name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End; what a sink was about to deliver is delivered after the next start."""
        self._stopping.set()
        for delivery in self._deliveries.values():
            delivery.close()
        for thread in self._threads:
            thread.join(STOP)

    def _run(self, name: str) -> None:
        delivery, wait = self._deliveries[name], self._first_wait
        while not self._stopping.is_set():
            try:
                moved = self._head(name, delivery) if isinstance(delivery, HeadDelivery) else self._step(name, delivery)
                wait = self._first_wait
                if not moved:
                    self._listen(name)
            except GateError as problem:
                self._failed(name, str(problem))
                self._stopping.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            except Exception:  # noqa: BLE001 - the thread ends, and the sink must say so
                _log.exception("sink %s has ended", name)
                self._failed(name, "the gate itself failed here; its log says more")
                return
        delivery.close()

    def _step(self, name: str, delivery: Delivery) -> bool:
        """Deliver one piece; False when there is nothing to deliver."""
        cursor = self._cursors.read(name)
        bodies = enumerate(self._ledger.bodies(cursor.next, cursor.next + PIECE), cursor.next)
        piece: list[Item] = [read_item(index, body) for index, body in islice(bodies, PIECE)]
        if not piece:
            return False
        delivery.deliver(piece)
        self._cursors.write(name, replace(cursor, next=piece[-1].at + 1, delivered=self._now(), problem="", since=""))
        return True

    def _head(self, name: str, delivery: HeadDelivery) -> bool:
        """Hand over the head, if it has grown and the interval is over; False when it has not grown."""
        cursor = self._cursors.read(name)
        if self._ledger.size() <= cursor.next:
            return False
        left = self._left(cursor, delivery.every)
        if left > 0:
            self._stopping.wait(min(left, LISTEN))
            return True
        signed = self._ledger.checkpoint()
        size = int(re.split("\n", signed, maxsplit=2)[1])
        try:
            delivery.tell(signed, size)
        except Unanswered as problem:
            since = cursor.since or self._now()
            self._cursors.write(name, replace(cursor, delivered=self._now(), problem=str(problem), since=since))
            _log.warning("sink %s: %s", name, problem)
            return True
        self._cursors.write(name, Cursor(size, self._now()))
        return True

    def _left(self, cursor: Cursor, every: timedelta) -> float:
        """Return the seconds until the interval is over; a time that lies ahead of the clock ends it."""
        gone = self._clock() - datetime.fromisoformat(cursor.delivered) if cursor.delivered else every
        return (every - gone).total_seconds() if gone >= timedelta() else 0.0

    def _listen(self, name: str) -> None:
        self._ledger.wait(self._cursors.read(name).next, LISTEN)

    def _failed(self, name: str, problem: str) -> None:
        if self._stopping.is_set():
            return
        _log.warning("sink %s: %s", name, problem)
        with suppress(GateError):
            cursor = self._cursors.read(name)
            self._cursors.write(name, replace(cursor, problem=problem, since=cursor.since or self._now()))

    def _now(self) -> str:
        return utc(self._clock())
