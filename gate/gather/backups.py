"""What the repositories hold, and the full read of the backup that is relied on."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from gate import rotation
from gate.backups import TOOLS
from gate.errors import BadInput, CannotTell
from gate.evidence import BackupReading, BackupRun, Trace, Verification
from gate.gather import records
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.inventory import Inventory, Protection
from gate.ledger.entry import GATE
from gate.ssh.wire import utc_now
from gate.store import Ledger

SLOWEST_READ = 20 * 1024 * 1024
"""Bytes a second below which a full read counts as not answered: a quarter of one old disk (our choice)."""


def newest(reading: BackupReading) -> BackupRun | None:
    """Return the run that is relied on; None when there is none or the repository could not be read whole."""
    return None if reading.problem else max(reading.runs, key=lambda run: run.finished_at, default=None)


class Backups:
    """Asks backup hosts under the read-only credential."""

    def __init__(
        self,
        inventory: Inventory,
        lines: Lines,
        ledger: Ledger,
        evidence_max_age: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._inventory = inventory
        self._lines = lines
        self._ledger = ledger
        self._evidence_max_age = evidence_max_age
        self._clock = clock

    def catalogue(self, protection: Protection) -> BackupReading:
        """Return what the repository holds now, as its manifests say."""
        tool = TOOLS.get(protection.tool)
        if tool is None:
            return BackupReading(protection.id, self._clock(), problem=f"no reader for {protection.tool} is there")
        asking = tool.catalogue(protection)
        return interview(asking, lambda command: self._lines.ask(protection.host, command), self._ledger).found

    def verification(
        self, protection: Protection, reading: BackupReading, trace: Trace, known: Iterable[Verification]
    ) -> Verification | None:
        """
        Return the verification of the newest backup where it lies now; None when it is not known what or where that is.

        The latest one on record counts when it passed and is younger than `evidence_max_age`; otherwise the backup
        is read in full now, and what came of it is entered.
        """
        run = newest(reading)
        tool = TOOLS.get(protection.tool)
        if run is None or trace.place is None or tool is None:
            return None
        place = (protection.id, run.id, trace.place)
        there = tuple(record for record in known if (record.protection, record.place) == (protection.id, trace.place))
        of_it = [record for record in there if (record.protection, record.backup, record.place) == place]
        latest = max(of_it, key=lambda record: record.at, default=None)
        if latest and latest.passed and timedelta(0) <= self._clock() - latest.at < self._evidence_max_age:
            return latest
        deadline_s = self._lines.deadline_s + run.size / SLOWEST_READ
        done = interview(
            tool.verify(protection, self._inventory.dataset(protection.dataset), run, trace.place, there),
            lambda command: self._lines.ask(protection.host, command, deadline_s=deadline_s),
            self._ledger,
        )
        record = rotation.joined(done.found, there, self._objects)
        self._ledger.append(records.draft(record, self._ledger, GATE, done.kept))
        return record

    def _objects(self, digest: str) -> frozenset[str] | None:
        """Return the ids of a kept list; None when its bytes are gone, differ from their digest, or are no list."""
        try:
            listed = self._ledger.get_blob(digest)
        except (BadInput, CannotTell):
            return None
        return None if listed is None else rotation.ids(listed)
