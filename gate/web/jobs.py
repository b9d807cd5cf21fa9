"""
Work that takes seconds, done outside the request that asked for it.

Gathering evidence asks every array and host; a page must not hang on it. The table lives in this process: after a
restart it is empty, and what the work had entered in the ledger is there.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gate.errors import GateError, Moved

LINES_MAX = 200
"""Lines of progress that are kept of one job, the last ones."""

JOBS_MAX = 200
KEPT = 600.0
"""Seconds for which a finished job is still told of."""

_log = logging.getLogger("gate.web")
Progress = Callable[[str], None]


@dataclass
class Job:
    """One piece of work about one subject, such as `chg-0001`."""

    subject: str
    what: str
    by: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    lines: list[str] = field(default_factory=list)
    running: bool = True
    problem: str = ""
    hint: str = ""
    ended: float = 0.0
    made: object = None
    """What the work returned."""

    def told(self, line: str) -> None:
        """Add a line of progress."""
        self.lines.append(line[:500])
        del self.lines[:-LINES_MAX]


class Jobs:
    """The jobs of one process; one at a time for each subject."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, subject: str, what: str, by: str, work: Callable[[Progress], object]) -> Job:
        """Begin `work` in a thread of its own; Moved when something is being done about the subject already."""
        job = Job(subject, what, by)
        with self._lock:
            self._forget()
            known = self._jobs.get(subject)
            if known is not None and known.running:
                raise Moved(f"{known.by} has begun that already: {known.what}", hint="wait until it has ended")
            self._jobs[subject] = job
        threading.Thread(target=self._run, args=(job, work), name=f"job {subject}", daemon=True).start()
        return job

    def of(self, subject: str) -> Job | None:
        """Return the job about a subject, running or lately ended."""
        with self._lock:
            self._forget()
            return self._jobs.get(subject)

    def drain(self, seconds: float) -> bool:
        """Wait until nothing runs; False when something still does after `seconds`."""
        until = time.monotonic() + seconds
        while self._busy():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def _busy(self) -> bool:
        with self._lock:
            return any(job.running for job in self._jobs.values())

    def _run(self, job: Job, work: Callable[[Progress], object]) -> None:
        try:
            job.made = work(job.told)
        except GateError as error:
            job.problem, job.hint = str(error), error.hint
        except Exception:  # noqa: BLE001 - whatever it was, the page must say that the work has ended
            _log.exception("job %s: %s", job.id, job.what)
            job.problem = "the gate itself failed while doing this; nothing more is known here"
            job.hint = f"the log of the gate has the details under {job.id}"
        finally:
            job.ended = time.monotonic()
            job.running = False

    def _forget(self) -> None:
        now = time.monotonic()
        over = [name for name, job in self._jobs.items() if not job.running and now - job.ended > KEPT]
        ended = sorted((job.ended, name) for name, job in self._jobs.items() if not job.running and name not in over)
        over += [name for _, name in ended[: max(0, len(self._jobs) - len(over) - JOBS_MAX)]]
        for name in over:
            del self._jobs[name]
