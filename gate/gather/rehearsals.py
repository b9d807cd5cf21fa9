"""Recording what production holds, and restoring backups for proof against it. Both are entered in the ledger."""

import threading
from collections.abc import Callable
from datetime import timedelta

from gate.backups import EXAMINERS, TOOLS, rehearsal
from gate.backups.files_tree import holds_names
from gate.backups.private import holds_data
from gate.errors import CannotTell, NotThere, Refused
from gate.evidence import Reference, Rehearsal, Reply
from gate.gather import records
from gate.gather.backups import SLOWEST_READ, Backups, newest
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.gather.traces import Traces
from gate.inventory import Inventory
from gate.ledger.entry import GATE, Actor
from gate.store import Ledger

LARGEST_TABLE = 256 * 1024 * 1024
"""Bytes of one table's content as it comes over the wire; it is hashed in memory (our choice)."""

TABLE_S = 600.0
"""Seconds in which one table must have come."""

TREE_S = 4 * 3600.0
"""Seconds in which a tree of files in production must have been read: 280 GB at the slowest rate (our choice)."""

SECOND = timedelta(days=7)
"""How old the second reference of tables that only grow must be at the backup's start (BK-09)."""

Progress = Callable[[str], None]


def _silent(_: str) -> None:
    return


class Rehearsals:
    """
    Works with two credentials: the read-only one asks, the rehearsing one writes below the scratch directory.

    Errors: NotThere for an id outside the inventory, CannotTell when there is nothing to record or to restore yet,
    Refused while the same rehearsal is under way. A restore that was tried and failed is no error but a record.
    """

    def __init__(
        self,
        inventory: Inventory,
        monitor: Lines,
        rehearser: Lines,
        ledger: Ledger,
        known: records.Records,
        traces: Traces,
        backups: Backups,
    ) -> None:
        self._inventory = inventory
        self._monitor = monitor
        self._rehearser = rehearser
        self._ledger = ledger
        self._records = known
        self._traces = traces
        self._backups = backups
        self._turns = {protection.id: threading.Lock() for protection in inventory.protections}

    def record_reference(self, dataset: str, actor: Actor = GATE) -> Reference:
        """Read production in full, table by table, and enter the digests; its content is kept nowhere."""
        try:
            found = self._inventory.dataset(dataset)
        except KeyError:
            raise NotThere(f'there is no dataset "{dataset}"') from None
        trace = self._traces.dataset(found)
        if trace.problem:
            raise CannotTell(f"no reference of {dataset} was recorded: {trace.problem}")
        examiner = EXAMINERS.get(found.engine)
        if examiner is None:
            raise CannotTell(f"no reference of {dataset} was recorded: nothing here opens {found.engine}")
        done = interview(examiner.content(found), _patient(self._monitor, found.host, 0), self._ledger)
        if done.found.problem:
            raise CannotTell(f"no reference of {dataset} was recorded: {done.found.problem}")
        record = Reference(found.id, done.found.at, done.found.tables, done.found.raw)
        self._ledger.append(records.draft(record, self._ledger, actor, done.kept))
        return record

    def rehearse(self, protection: str, actor: Actor = GATE, progress: Progress = _silent) -> Rehearsal:
        """Restore the newest backup of a protection, compare it with the newest older reference, enter the outcome."""
        if protection not in self._turns:
            raise NotThere(f'there is no protection "{protection}"')
        if not self._turns[protection].acquire(blocking=False):
            raise Refused(f"a rehearsal of {protection} is under way", hint="wait for it to end")
        try:
            return self._rehearse(protection, actor, progress)
        finally:
            self._turns[protection].release()

    def _rehearse(self, name: str, actor: Actor, progress: Progress) -> Rehearsal:
        protection = next(each for each in self._inventory.protections if each.id == name)
        dataset = self._inventory.dataset(protection.dataset)
        tool, examiner = TOOLS.get(protection.tool), EXAMINERS.get(dataset.engine)
        if tool is None or tool.restore is None or examiner is None:
            raise CannotTell(f"{name} was not rehearsed: nothing here restores {protection.tool} of {dataset.engine}")
        progress(f"asking {protection.host} where {protection.repository} lies and what it holds")
        trace = self._traces.repository(protection)
        reading = self._backups.catalogue(protection)
        run = newest(reading)
        if trace.problem or trace.place is None:
            raise CannotTell(f"{name} was not rehearsed: {trace.problem or 'its repository has no identity'}")
        if run is None:
            raise CannotTell(f"{name} was not rehearsed: {reading.problem or 'it holds no backup'}")
        references = rehearsal.references_for(self._records.known().references, dataset, run, SECOND)
        progress(f"restoring {run.id} on {protection.rehearsal_host}")
        done = interview(
            rehearsal.rehearse(tool, examiner, protection, dataset, run, trace.place, references, self._ledger.origin),
            _patient(self._rehearser, protection.rehearsal_host, run.size),
            self._ledger,
        )
        self._ledger.append(records.draft(done.found, self._ledger, actor, done.kept))
        progress(f"{name}: {done.found.because}")
        return done.found


def _patient(lines: Lines, host: str, size: int) -> Callable[[str], Reply]:
    """Ask with the time and room that reading a database or a tree in full takes."""

    def ask(command: str) -> Reply:
        if holds_names(command):
            return lines.ask(host, command, deadline_s=TREE_S + size / SLOWEST_READ, limit_bytes=LARGEST_TABLE)
        if holds_data(command):
            return lines.ask(host, command, deadline_s=TABLE_S, limit_bytes=LARGEST_TABLE)
        return lines.ask(host, command, deadline_s=lines.deadline_s + size / SLOWEST_READ)

    return ask
