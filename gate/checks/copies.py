"""
One dataset with one of its protections, and what the protection has to show now.

Its newest run, where it lies, the last read of it, the last rehearsal: each is either there or the answer that says
why not, which the checks pass on as theirs. All of it follows from the evidence, so it is found once for all checks.
"""

from datetime import datetime
from operator import attrgetter

from gate.checks.answer import Answer
from gate.checks.fleet import Fleet
from gate.evidence import BackupReading, BackupRun, Rehearsal, Trace, Verification
from gate.fate.pair import Pair, Touched
from gate.finding import FAILED, UNKNOWN
from gate.inventory import Dataset, Protection
from gate.isolation import relate
from gate.lazy import lazy

_finished = attrgetter("finished_at")


class Copy:
    """What is on record of one protection of one dataset."""

    def __init__(self, fleet: Fleet, dataset: Dataset, protection: Protection, change: Touched) -> None:
        self.fleet = fleet
        self.dataset = dataset
        self.protection = protection
        self.change = change
        self.id = protection.id
        self.data = fleet.evidence.datasets.get(dataset.id)
        """The way to the data; None when nobody asked."""

        self.repository = fleet.evidence.repositories.get(self.id)
        """The way to the copy; None when nobody asked."""

        self.isolation = relate(self.data, self.repository, fleet.map)
        """How the places of data and copy relate."""

        self.place = self.isolation.backup
        """Everything that the copy lies on."""

    @property
    def raw(self) -> tuple[str, ...]:
        """Digests of the replies that told where data and copy lie."""
        return tuple(digest for way in (self.data, self.repository) if way is not None for digest in way.raw)

    @lazy
    def pair(self) -> Pair:
        """What the shared fate of data and copy is read from."""
        return Pair(self.dataset, self.protection, self.isolation, self.fleet.surroundings, self.change)

    @lazy
    def stale(self) -> str:
        """Why what is known of the places of data and copy may not be relied on now; empty when it may."""
        ours = self.fleet.stale_place(self.data, self.isolation.source) if self.data is not None else ""
        return ours or self.stale_there

    @lazy
    def stale_there(self) -> str:
        """Likewise of the place of the copy alone."""
        return self.fleet.stale_place(self.repository, self.place) if self.repository is not None else ""

    @lazy
    def reading(self) -> BackupReading | Answer:
        """What the repository holds, read just now and without a problem."""
        reading = self.fleet.evidence.backups.get(self.id)
        if reading is None:
            return Answer(UNKNOWN, f"the repository of {self.id} was not read")
        if trouble := reading.problem or self.fleet.stale(reading.at):
            return Answer(UNKNOWN, f"{self.id}: {trouble}", evidence=reading.raw)
        return reading

    @lazy
    def run(self) -> BackupRun | Answer:
        """The run relied on: the newest, wherever it stands in the list."""
        reading = self.reading
        if isinstance(reading, Answer):
            return reading
        if not reading.runs:
            return Answer(FAILED, f"{self.id} holds no backup at all", evidence=reading.raw)
        newest = max(reading.runs, key=_finished)
        if newest.finished_at - self.fleet.now > self.fleet.policy.clock_skew_max:
            return Answer(UNKNOWN, f"backup {newest.id} lies in the future", evidence=reading.raw)
        return newest

    @property
    def read_from(self) -> tuple[str, ...]:
        """Digests of the replies that told of its runs."""
        return self.fleet.evidence.backups[self.id].raw

    @lazy
    def trace(self) -> Trace | Answer:
        """The way to the repository, followed just now to its end."""
        trace = self.repository
        if trace is None or trace.problem or trace.place is None:
            return Answer(UNKNOWN, f"{self.id}: it is not known where the repository lies")
        if old := self.fleet.stale(trace.at):
            return Answer(UNKNOWN, f"{self.id}: {old}", evidence=trace.raw)
        return trace

    @lazy
    def reads(self) -> list[Verification]:
        """Every read of the repository where it lies now, oldest first."""
        trace = self.repository
        return self.fleet.reads.get((self.id, trace.place or ""), []) if trace is not None else []

    @lazy
    def run_and_read(self) -> tuple[BackupRun, Verification] | Answer:
        """The run relied on with the last read of this very run where it lies now; a newer backup inherits nothing."""
        run, trace = self.run, self.trace
        if isinstance(run, Answer):
            return run
        if isinstance(trace, Answer):
            return trace
        for read in reversed(self.reads):
            if read.backup == run.id:
                break
        else:
            return Answer(UNKNOWN, f"backup {run.id} was never read in full where it lies now")
        if read.at > self.fleet.now:
            return Answer(UNKNOWN, f"the verification of {run.id} lies in the future", evidence=read.raw)
        return run, read

    @lazy
    def rehearsal(self) -> Rehearsal | Answer:
        """The last rehearsal made from where the repository lies now: of this chain or an earlier one."""
        trace = self.trace
        if isinstance(trace, Answer):
            return trace
        records = self.fleet.rehearsals.get((self.id, trace.place or ""))
        if not records:
            return Answer(FAILED, f"no restore from the repository of {self.id} was ever rehearsed")
        if records[-1].at > self.fleet.now:
            return Answer(UNKNOWN, "the rehearsal lies in the future", evidence=records[-1].raw)
        return records[-1]

    @lazy
    def places_end(self) -> datetime | None:
        """When what is known of where data and copy lie expires; None where nobody asked."""
        told = [one.at for one in (self.data, self.repository) if one is not None]
        return min(told) + self.fleet.policy.evidence_max_age if told else None

    @lazy
    def _readings_end(self) -> datetime:
        told = self.fleet.evidence.backups.get(self.id), self.repository
        return min(one.at for one in told if one is not None) + self.fleet.policy.evidence_max_age

    def expiry(self, moment: datetime | None = None) -> datetime:
        """Return the earliest of the moment and of the end of this protection's own readings."""
        end = self._readings_end
        return min(moment or end, end)
