"""What the repositories hold, and the full read of the backup that is relied on."""

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from gate import rotation
from gate.backups import TOOLS
from gate.errors import BadInput, CannotTell
from gate.evidence import BackupReading, BackupRun, Reply, Trace, Verification
from gate.gather import records
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.inventory import Inventory, Protection
from gate.ledger.entry import GATE
from gate.policy import Policy
from gate.ssh.wire import utc_now
from gate.store import Ledger

SLOWEST_READ = 20 * 1024 * 1024
"""Bytes a second below which a full read counts as not answered: a quarter of one old disk (our choice)."""

RETRIES_S = 60.0
"""Seconds more for a tool that tries a missing object again before it tells: restic 0.14 takes 44 s for one."""

LONGEST_LIST = 64 * 1024 * 1024
"""Bytes of one reply in a read: ids of 900,000 packs, or half a million lines of `sha256sum` (our choice)."""

QUICK = 10
"""A read is repeated for fresh evidence while that costs less than a tenth of the evidence's life (our choice)."""


def newest(reading: BackupReading) -> BackupRun | None:
    """Return the run that is relied on; None when there is none or the repository could not be read whole."""
    return None if reading.problem else max(reading.runs, key=lambda run: run.finished_at, default=None)


Progress = Callable[[str], None]


def _silent(_: str) -> None:
    return


class Backups:
    """
    Asks backup hosts under the read-only credential.

    Reads of stored bytes go over connections of their own, one at a time for each host: a read of hours must hold up
    neither the short questions nor be given up because another read of the same host came first.
    """

    def __init__(
        self,
        inventory: Inventory,
        lines: Lines,
        readers: Lines,
        ledger: Ledger,
        policy: Policy,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._inventory = inventory
        self._lines = lines
        self._readers = readers
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._turns = {host.id: threading.Lock() for host in inventory.hosts}

    def catalogue(self, protection: Protection) -> BackupReading:
        """Return what the repository holds now, as its manifests say."""
        tool = TOOLS.get(protection.tool)
        if tool is None:
            return BackupReading(protection.id, self._clock(), problem=f"no reader for {protection.tool} is there")
        asking = tool.catalogue(protection)

        def lost(why: str) -> BackupReading:
            return BackupReading(protection.id, self._clock(), problem=why)

        return interview(asking, lambda command: self._lines.ask(protection.host, command), self._ledger, lost).found

    def verification(
        self,
        protection: Protection,
        reading: BackupReading,
        trace: Trace,
        known: Iterable[Verification],
        progress: Progress = _silent,
    ) -> Verification | None:
        """
        Return the verification of the newest backup where it lies now; None when it is not known what or where that is.

        The latest one on record counts when it passed and is young enough (`counts`); otherwise the backup is read in
        full now, and what came of it is entered. `progress` may be called from several threads at once.
        """
        run = newest(reading)
        tool = TOOLS.get(protection.tool)
        if run is None or trace.place is None or tool is None:
            return None
        there = tuple(record for record in known if (record.protection, record.place) == (protection.id, trace.place))
        latest = max((one for one in there if one.backup == run.id), key=lambda record: record.at, default=None)
        if latest and self.counts(latest):
            return latest
        # A part of a repository is read at most whole: the same time is enough.
        size = max(run.size, reading.stored or 0)
        deadline_s = self._lines.deadline_s + RETRIES_S + size / SLOWEST_READ

        def ask(command: str) -> Reply:
            return self._readers.ask(protection.host, command, deadline_s=deadline_s, limit_bytes=LONGEST_LIST)

        def lost(why: str) -> Verification:
            name, there, now = protection.id, trace.place or "", self._clock()
            return Verification(name, run.id, there, now, "V0", False, why, complete=False)

        with self._turns[protection.host]:
            progress(
                f"{protection.id}: reading {run.id} on {protection.host}, at most {math.ceil(deadline_s / 60)} min"
            )
            asking = tool.verify(protection, self._inventory.dataset(protection.dataset), run, trace.place, there)
            began = self._clock()
            done = interview(asking, ask, self._ledger, lost)
            seconds = math.ceil((self._clock() - began).total_seconds())
        record = rotation.joined(replace(done.found, seconds=max(seconds, 0)), there, self._objects)
        self._ledger.append(records.draft(record, self._ledger, GATE, done.kept, self._inventory))
        return record

    def counts(self, record: Verification) -> bool:
        """
        Say whether a record is young enough not to read again: as young as any evidence must be.

        A read that itself takes a good part of that time would never be; it is repeated when half of what
        `verification_max_age` allows is over, so that the other half is left to decide and act in.
        """
        quick = timedelta(seconds=QUICK * (record.seconds or 0)) <= self._policy.evidence_max_age
        limit = self._policy.evidence_max_age if quick else self._policy.verification_max_age / 2
        return record.passed and timedelta(0) <= self._clock() - record.at < limit

    def _objects(self, digest: str) -> frozenset[str] | None:
        """Return the ids of a kept list; None when its bytes are gone, differ from their digest, or are no list."""
        try:
            listed = self._ledger.get_blob(digest)
        except (BadInput, CannotTell):
            return None
        return None if listed is None else rotation.ids(listed)
