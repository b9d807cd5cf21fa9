"""
Everything one verdict is made from, gathered anew: arrays, traces, backups, their proofs, the image.

All arrays of the inventory are asked, not only the targets: where a LUN lies is told by the target ports of the
array that owns it, whichever that is.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeAlias

from gate import keys
from gate.change import ChangeRequest
from gate.evidence import (
    OWN_RECORD,
    AccessTest,
    ArrayReading,
    BackupReading,
    Evidence,
    Immutability,
    Prechecked,
    Trace,
    Verification,
)
from gate.gather import reports
from gate.gather.arrays import Arrays
from gate.gather.backups import Backups
from gate.gather.image import read_for
from gate.gather.immutability import Immutables
from gate.gather.integrity import Integrity
from gate.gather.interview import side_by_side
from gate.gather.known import Reads, latest, maintained, reads, since, with_earlier
from gate.gather.known_answer import KnownAnswers
from gate.gather.lines import Lines
from gate.gather.objects import Objects, WideLines
from gate.gather.own import OwnRecord
from gate.gather.prechecks import Prechecks
from gate.gather.records import Known, Records
from gate.gather.rehearsals import Rehearsals
from gate.gather.sightings import Sightings
from gate.gather.traces import Traces
from gate.inventory import Dataset, Protection, RecoveryTool
from gate.landscape import Map, Place
from gate.settings import Settings
from gate.ssh.pins import read_host_keys
from gate.ssh.wire import Timeouts, utc_now
from gate.store import Ledger

Progress = Callable[[str], None]


@dataclass(frozen=True)
class _Scratch:
    """Where restores of a protection are rehearsed."""

    protection: Protection

    @property
    def id(self) -> str:
        return f"the scratch of {self.protection.id}"


Subject: TypeAlias = Dataset | Protection | RecoveryTool | _Scratch
"""What lies somewhere, and is traced to it."""


def _silent(_: str) -> None:
    return


@dataclass(frozen=True)
class _Lies:
    """Where everything lies."""

    arrays: dict[str, ArrayReading]
    datasets: dict[str, Trace]
    repositories: dict[str, Trace]
    tools: dict[str, Trace]
    scratches: dict[str, Trace]


class Gathering:
    """
    The gate's eyes: one per process, safe to use from many threads. `with Gathering(settings, ledger) as gathering`.

    BadInput when the pinned host keys or one of the two private keys cannot be read.
    """

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime] = utc_now) -> None:
        config = settings.config
        self._settings = settings
        self._inventory = config.inventory
        self._parallel = config.ssh.parallel
        self._clock = clock
        pinned = self._pinned = read_host_keys(settings.known_hosts)
        timeouts = timeouts_of(settings)

        objects = Objects(
            config.inventory,
            settings.keys,
            connect_s=config.ssh.connect_timeout.total_seconds(),
            deadline_s=config.ssh.command_timeout.total_seconds(),
            clock=clock,
        )

        def lines(user: str, key_file: str) -> Lines:
            made = WideLines(
                config.inventory,
                user=user,
                key=keys.read(settings.keys / key_file),
                pinned=pinned,
                timeouts=timeouts,
                deadline_s=config.ssh.command_timeout.total_seconds(),
                limit_bytes=config.ssh.reply_limit,
                clock=clock,
            )
            made.objects = objects
            made.legacy_python = settings.legacy_python
            made.legacy_pem = keys.legacy_pem(settings.keys / f"{key_file}-legacy")
            return made

        self.monitor = lines(config.ssh.monitor_user, settings.monitor_key.name)
        self._rehearser = lines(config.ssh.rehearse_user, settings.rehearse_key.name)
        self.arrays = Arrays(config.inventory, self.monitor, ledger, parallel=config.ssh.parallel, clock=clock)
        iscsi, iscsi_s = config.iscsi.initiator, config.iscsi.timeout.total_seconds()
        self.known_answers = KnownAnswers(config.inventory, initiator=iscsi, keys=settings.keys, timeout_s=iscsi_s)
        self._records = Records(ledger, config.inventory)
        self._sightings = Sightings(ledger)
        self._integrity = Integrity(ledger, clock)
        self._traces = Traces(self.monitor, ledger, clock)
        self._own = OwnRecord(settings.data, config.inventory, ledger, clock)
        self._readers = lines(config.ssh.monitor_user, settings.monitor_key.name)
        self.reports = reports.Reports(config.inventory, ledger, self._records, self._traces, clock)
        self._immutables = Immutables(
            config.inventory, self.monitor, objects, ledger, config.policy.sentinel_max_age, clock
        )
        self._prechecks = Prechecks(settings, self.monitor, ledger, clock)
        self._backups = Backups(config.inventory, self.monitor, self._readers, ledger, config.policy, clock)
        self.rehearsals = Rehearsals(
            config.inventory,
            self.monitor,
            self._rehearser,
            ledger,
            self._records,
            self._traces,
            self._backups,
            config.policy.old_reference_min_age,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.monitor.close()
        self._readers.close()
        self._rehearser.close()

    def gather(
        self, targets: Collection[str], image: str | None, progress: Progress = _silent, *, parts: bool = False
    ) -> Evidence:
        """
        Ask for everything and return it, dated by the beginning; after a long read everything else is asked again.

        The newest backup of every dataset that lies on a target, or might, is read in full unless that was done
        within `policy.evidence_max_age`; entries `backup.verified` say so. `image` is a name in the image directory,
        None when no change asks; `parts`: whether one is replaced. What could not be found out stands in the evidence;
        only LedgerUnavailable is raised. `progress` is called in the calling thread with one sentence per step.
        """
        began = self._clock()
        try:
            lies = self._locate(progress)
            readings = self._catalogues(progress)
            known, where = self._records.known(), Map(lies.arrays, self._inventory)
            settled = self._sightings.settled(lies.arrays, lies.repositories, readings)
            settled |= maintained(self._inventory, lies.repositories, where, began)
            known = replace(known, verifications=since(known.verifications, lies.repositories, settled, where))
            wanted = self._wanted(self._inventory.carried(targets), lies)
            earlier = reads(known.verifications)
            verifications = self._verify(wanted, lies, readings, earlier, progress)
            if self._clock() - began > self._settings.config.policy.evidence_max_age / 2:
                progress("that took long: asking again where everything lies and what the repositories hold")
                began = self._clock()
                lies, readings = self._locate(progress), self._catalogues(progress)
            immutability, access = self._try(wanted, lies, readings, known, progress)
        finally:
            self.monitor.hang_up()
            self._readers.hang_up()
        if image is not None:
            progress(f"reading the image {image}")
        places = self._places(lies)
        return Evidence(
            at=began,
            arrays=lies.arrays,
            datasets=lies.datasets,
            repositories=lies.repositories,
            backups=readings | reports.readings(self._inventory, known.reports, places, lies.repositories),
            tools=lies.tools,
            scratches=lies.scratches,
            settled=settled,
            record=self._integrity.state(self._lost(known, began)),
            verifications=with_earlier(verifications, earlier)
            + reports.verifications(self._inventory, known.reports, places),
            rehearsals=latest(
                (*known.rehearsals, *reports.rehearsals(self._inventory, known, places)), lies.repositories
            ),
            immutability=immutability,
            access=access,
            host_keys={one.id: self._pinned.fingerprints(one.ssh.host, one.ssh.port) for one in self._inventory.hosts},
            image=read_for(self._settings, targets, image, self._clock),
            parts={name: self.arrays.parts(name) for name in targets} if parts else {},
        )

    def prechecks(
        self, request: ChangeRequest, evidence: Evidence, progress: Progress = _silent
    ) -> dict[str, Prechecked]:
        """Ask every target what its vendor's own look says of the change's version; see gate/gather/prechecks.py."""
        try:
            return self._prechecks.read(request, evidence.arrays, progress)
        finally:
            self.monitor.hang_up()

    def _locate(self, progress: Progress) -> _Lies:
        arrays = self.arrays.read([array.id for array in self._inventory.arrays], progress)
        inventory = self._inventory
        subjects: list[Subject] = [*inventory.datasets, *inventory.protections, *inventory.recovery_tools]
        scratches = [_Scratch(protection) for protection in inventory.protections]
        subjects += scratches

        def trace(subject: Subject) -> Trace:
            if isinstance(subject, Dataset):
                return self._traces.dataset(subject)
            if isinstance(subject, Protection):
                return self._traces.repository(subject)
            if isinstance(subject, _Scratch):
                return self._traces.scratch(subject.protection)
            return self._traces.tool(subject)

        found = side_by_side(
            trace, subjects, self._parallel, lambda subject, _: progress(f"traced {subject.id} to its disks")
        )
        pairs = list(zip(subjects, found, strict=True))
        return _Lies(
            arrays,
            {subject.id: trace for subject, trace in pairs if isinstance(subject, Dataset)},
            {subject.id: trace for subject, trace in pairs if isinstance(subject, Protection)},
            {subject.id: trace for subject, trace in pairs if isinstance(subject, RecoveryTool)}
            | {OWN_RECORD: self._own.trace(arrays)},
            {subject.protection.id: trace for subject, trace in pairs if isinstance(subject, _Scratch)},
        )

    def _lost(self, known: Known, now: datetime) -> tuple[str, ...]:
        """Return which records are missing that could still have counted."""
        limit = self._settings.config.policy.full_read_max_age
        return tuple(words for at, words in known.left_out if now - at <= limit)

    def _catalogues(self, progress: Progress) -> dict[str, BackupReading]:
        found = side_by_side(
            self._backups.catalogue,
            self._inventory.protections,
            self._parallel,
            lambda protection, _: progress(f"read the catalogue of {protection.id}"),
        )
        return {reading.protection: reading for reading in found}

    def _places(self, lies: _Lies) -> dict[str, Place]:
        where = Map(lies.arrays, self._inventory)
        return {name: where.locate(trace) for name, trace in lies.datasets.items()}

    def _wanted(self, targets: Collection[str], lies: _Lies) -> tuple[Protection, ...]:
        """Return the protections of every dataset that lies on a target, or might."""
        places = self._places(lies)
        at_risk = {name for name, place in places.items() if not (place.known and place.arrays.isdisjoint(targets))}
        return tuple(protection for protection in self._inventory.protections if protection.dataset in at_risk)

    def _try(
        self,
        wanted: tuple[Protection, ...],
        lies: _Lies,
        readings: dict[str, BackupReading],
        known: Known,
        progress: Progress,
    ) -> tuple[dict[str, Immutability], dict[str, AccessTest]]:
        def attempt(protection: Protection) -> tuple[Immutability | None, AccessTest | None]:
            reading, trace = readings[protection.id], lies.repositories[protection.id]
            held = self._immutables.immutability(protection, reading, trace, known.immutability)
            return held, self._immutables.access(protection, known.access)

        said = side_by_side(
            attempt,
            wanted,
            self._parallel,
            lambda protection, _: progress(f"tried what holds the copies of {protection.id}"),
        )
        pairs = list(zip(wanted, said, strict=True))
        return (
            {protection.id: found for protection, (found, _) in pairs if found is not None},
            {protection.id: tested for protection, (_, tested) in pairs if tested is not None},
        )

    def _verify(
        self,
        wanted: tuple[Protection, ...],
        lies: _Lies,
        readings: dict[str, BackupReading],
        known: Reads,
        progress: Progress,
    ) -> tuple[Verification, ...]:
        def verify(protection: Protection) -> Verification | None:
            reading, trace = readings[protection.id], lies.repositories[protection.id]
            there = known.get((protection.id, trace.place or ""), ())
            return self._backups.verification(protection, reading, trace, there, said.put)

        said = SimpleQueue[str]()
        found = side_by_side(
            verify,
            wanted,
            self._parallel,
            lambda protection, record: progress(
                f"{protection.id}: {record.because if record else 'no backup could be read in full'}"
            ),
            lambda: _pass_on(said, progress),
        )
        return tuple(record for record in found if record is not None)


def _pass_on(said: SimpleQueue[str], progress: Progress) -> None:
    """Tell in this thread what others have said meanwhile."""
    while not said.empty():
        progress(said.get())


def timeouts_of(settings: Settings) -> Timeouts:
    """Return the bounds of connecting as configured."""
    seconds = settings.config.ssh.connect_timeout.total_seconds()
    return Timeouts(connect_s=seconds, banner_s=seconds)
