"""Recording what production holds, and restoring backups for proof against it. Both are entered in the ledger."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from gate import subject
from gate.backups import EXAMINERS, TOOLS, rehearsal
from gate.backups.answers import Unread
from gate.backups.files_tree import holds_names
from gate.backups.private import holds_data
from gate.backups.scratch import clear, spot_of
from gate.backups.telling import telling
from gate.canonical import Json
from gate.errors import CannotTell, NotThere, Refused
from gate.evidence import Reference, Rehearsal, Reply
from gate.gather import records
from gate.gather.backups import SLOWEST_READ, Backups, newest
from gate.gather.begun import Begun, Left
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.gather.traces import Traces
from gate.inventory import Inventory, Protection
from gate.ledger.entry import GATE, Actor, Draft
from gate.store import Ledger

LARGEST_TABLE = 256 * 1024 * 1024
"""Bytes of one table's content as it comes over the wire; it is hashed in memory (our choice)."""

TABLE_S = 600.0
"""Seconds in which one table must have come."""

TREE_S = 4 * 3600.0
"""Seconds in which a tree of files in production must have been read: 280 GB at the slowest rate (our choice)."""

READ_S = 3600.0
"""Seconds in which the server must have hashed one table of production, or what is left have been removed."""

SLOWEST_WORK = SLOWEST_READ / 4
"""Bytes a second below which a step of a rehearsal counts as not answered: what hashing and dumping take (ours)."""

MOST_TOLD = 200
"""Sentences that are kept of one rehearsal."""

Progress = Callable[[str], None]
_log = logging.getLogger("gate.rehearsals")


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
        old_reference_min_age: timedelta,
    ) -> None:
        self._inventory = inventory
        self._monitor = monitor
        self.rehearser = rehearser
        self._ledger = ledger
        self._records = known
        self._traces = traces
        self._backups = backups
        self._old = old_reference_min_age
        self._turns = {protection.rehearsal_host: threading.Lock() for protection in inventory.protections}
        self._begun = Begun(ledger)
        self._named: set[Left] = set()
        self._told: dict[str, tuple[str, ...]] = {}

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
        done = interview(examiner.content(found), _patient(self._monitor, found.host, READ_S), self._ledger)
        if done.found.problem:
            raise CannotTell(f"no reference of {dataset} was recorded: {done.found.problem}")
        record = Reference(found.id, done.found.at, done.found.tables, done.found.raw)
        self._ledger.append(records.draft(record, self._ledger, actor, done.kept, self._inventory))
        return record

    def rehearse(self, protection: str, actor: Actor = GATE, progress: Progress = _silent) -> Rehearsal:
        """Restore the newest backup of a protection, compare it with the newest older reference, enter the outcome."""
        found = next((each for each in self._inventory.protections if each.id == protection), None)
        if found is None:
            raise NotThere(f'there is no protection "{protection}"')
        turn = self._turns[found.rehearsal_host]
        if not turn.acquire(blocking=False):
            raise Refused(f"a rehearsal on {found.rehearsal_host} is under way", hint="wait for it to end")
        try:
            self._told[protection] = ()
            return self._rehearse(found, actor, lambda sentence: self._tell(protection, sentence, progress))
        finally:
            turn.release()

    def told(self, protection: str) -> tuple[str, ...]:
        """Return what the rehearsal under way, or the last one of this process, has told of itself."""
        return self._told.get(protection, ())

    def last_begun(self, protection: str) -> datetime | None:
        """Return when the last rehearsal of a protection began, as the ledger says; None when there was none."""
        return self._begun.at(protection)

    def last_reference(self, dataset: str) -> datetime | None:
        """Return when production's content was last recorded."""
        return max((kept.at for kept in self._records.known().references if kept.dataset == dataset), default=None)

    def sweep(self) -> None:
        """
        Stop and remove what rehearsals have left that began and have no end on record; entries say so.

        What cannot be reached or is not this gate's is left for the next time, and told in the log of the process. So
        is, once, what lies where the inventory no longer lets a rehearsal write: nothing is removed there (promise 3).
        """
        here = {protection.id: self._place(protection) for protection in self._inventory.protections}
        for protection in self._inventory.protections:
            turn = self._turns[protection.rehearsal_host]
            if here[protection.id] not in self._left_by(protection.id) or not turn.acquire(blocking=False):
                continue
            try:
                self._sweep(protection)
            except Unread as unread:
                _log.warning("what a rehearsal of %s has left is still there: %s", protection.id, unread)
            finally:
                turn.release()
        for name, places in self._begun.left().items():
            for place in sorted(places - {here.get(name)} - self._named):
                self._named.add(place)
                told = "a rehearsal of %s has left %s on %s, which the inventory no longer names: remove it by hand"
                _log.warning(told, name, place.scratch, place.host)

    def _place(self, protection: Protection) -> Left:
        return Left(protection.rehearsal_host, spot_of(protection, self._ledger.origin).place)

    def _left_by(self, protection: str) -> frozenset[Left]:
        return self._begun.left().get(protection, frozenset())

    def _sweep(self, protection: Protection) -> None:
        left = self._place(protection)
        if left not in self._left_by(protection.id):
            return
        examiner = EXAMINERS.get(self._inventory.dataset(protection.dataset).engine)
        if examiner is None:
            return
        host = protection.rehearsal_host
        asking = clear(examiner, protection, self._ledger.origin, [])
        done = interview(asking, _patient(self.rehearser, host, READ_S), self._ledger)
        because = "what it had left was stopped and removed" if done.found else "it had left nothing"
        said: dict[str, Json] = {"protection": protection.id, **left._asdict(), "because": because}
        self._ledger.append(Draft("rehearsal.cleared", GATE, data=said, blobs=done.kept))

    def _tell(self, protection: str, sentence: str, progress: Progress) -> None:
        self._told[protection] = (*self._told[protection], sentence)[-MOST_TOLD:]
        progress(sentence)

    def _rehearse(self, protection: Protection, actor: Actor, progress: Progress) -> Rehearsal:
        name = protection.id
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
        references = rehearsal.references_for(self._records.known().references, dataset, run, self._old)
        progress(f"restoring {run.id} on {protection.rehearsal_host}")
        host, scratch = protection.rehearsal_host, spot_of(protection, self._ledger.origin).place
        of = subject.restore(protection, self._inventory)
        intent: dict[str, Json] = {"protection": name, "backup": run.id, "host": host, "scratch": scratch, "of": of}
        self._ledger.append(Draft("rehearsal.begun", actor, data=intent))

        def lost(why: str) -> Rehearsal:
            return Rehearsal(name, run.id, trace.place or "", reading.at, "V0", False, why, 0, host, None)

        done = interview(
            rehearsal.rehearse(tool, examiner, protection, dataset, run, trace.place, references, self._ledger.origin),
            _patient(self.rehearser, host, run.size / SLOWEST_WORK, progress),
            self._ledger,
            lost,
        )
        self._ledger.append(records.draft(done.found, self._ledger, actor, done.kept, self._inventory))
        progress(f"{name}: {done.found.because}")
        return done.found


def _patient(lines: Lines, host: str, seconds: float, progress: Progress = _silent) -> Callable[[str], Reply]:
    """Ask with the time and room that reading a database or a tree in full takes, and tell what is being done."""

    def ask(command: str) -> Reply:
        if sentence := telling(command):
            progress(sentence)
        if holds_names(command):
            return lines.ask(host, command, deadline_s=TREE_S + seconds, limit_bytes=LARGEST_TABLE)
        if holds_data(command):
            return lines.ask(host, command, deadline_s=TABLE_S, limit_bytes=LARGEST_TABLE)
        return lines.ask(host, command, deadline_s=lines.deadline_s + seconds)

    return ask
