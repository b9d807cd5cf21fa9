"""
What one protection has to show now: its newest run, where it lies, the last read of it, the last rehearsal.

Each is either there or a `Trouble` that says why not; the checks pass the trouble on as their answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.checks.case import Case, once, stale
from gate.checks.each import Answer
from gate.evidence import BackupReading, BackupRun, Rehearsal, Trace, Verification
from gate.finding import Outcome
from gate.inventory import Protection


@dataclass(frozen=True)
class Trouble:
    """Why there is nothing to judge."""

    outcome: Outcome
    because: str
    evidence: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """The same as an answer."""
        return Answer(self.outcome, self.because, evidence=self.evidence)


@once
def reading_of(case: Case, protection: Protection) -> BackupReading | Trouble:
    """Return what the repository holds, read just now and without a problem."""
    reading = case.evidence.backups.get(protection.id)
    if reading is None:
        return Trouble(Outcome.UNKNOWN, f"the repository of {protection.id} was not read")
    if trouble := reading.problem or stale(case, reading.at):
        return Trouble(Outcome.UNKNOWN, f"{protection.id}: {trouble}", reading.raw)
    return reading


@once
def run_of(case: Case, protection: Protection) -> BackupRun | Trouble:
    """Return the run relied on: the newest, wherever it stands in the list."""
    reading = reading_of(case, protection)
    if isinstance(reading, Trouble):
        return reading
    if not reading.runs:
        return Trouble(Outcome.FAILED, f"{protection.id} holds no backup at all", reading.raw)
    newest = max(reading.runs, key=lambda run: run.finished_at)
    if newest.finished_at - case.now > case.policy.clock_skew_max:
        return Trouble(Outcome.UNKNOWN, f"backup {newest.id} lies in the future", reading.raw)
    return newest


@once
def trace_of(case: Case, protection: Protection) -> Trace | Trouble:
    """Return the way to the repository, followed just now to its end."""
    trace = case.evidence.repositories.get(protection.id)
    if trace is None or trace.problem or trace.place is None:
        return Trouble(Outcome.UNKNOWN, f"{protection.id}: it is not known where the repository lies")
    if old := stale(case, trace.at):
        return Trouble(Outcome.UNKNOWN, f"{protection.id}: {old}", trace.raw)
    return trace


@once
def reads_of(case: Case, protection: Protection) -> list[Verification]:
    """Return every read of the repository where it lies now, oldest first."""
    trace = case.evidence.repositories.get(protection.id)
    kept = case.proofs.verifications.get((protection.id, trace.place or ""), []) if trace is not None else []
    return sorted(kept, key=_age)


def read_of(case: Case, protection: Protection, run: BackupRun) -> Verification | Trouble:
    """Return the last read of this very run where it lies now; a newer backup inherits nothing."""
    trace = trace_of(case, protection)
    if isinstance(trace, Trouble):
        return trace
    records = [record for record in reads_of(case, protection) if record.backup == run.id]
    if not records:
        return Trouble(Outcome.UNKNOWN, f"backup {run.id} was never read in full where it lies now")
    if records[-1].at > case.now:
        because = f"the verification of {run.id} lies in the future"
        return Trouble(Outcome.UNKNOWN, because, records[-1].raw)
    return records[-1]


@once
def run_and_read(case: Case, protection: Protection) -> tuple[BackupRun, Verification] | Trouble:
    """Return the run relied on with the last read of it."""
    run = run_of(case, protection)
    if isinstance(run, Trouble):
        return run
    read = read_of(case, protection, run)
    return read if isinstance(read, Trouble) else (run, read)


@once
def rehearsal_of(case: Case, protection: Protection) -> Rehearsal | Trouble:
    """Return the last rehearsal made from where the repository lies now: of this chain or an earlier one."""
    trace = trace_of(case, protection)
    if isinstance(trace, Trouble):
        return trace
    records = sorted(case.proofs.rehearsals.get((protection.id, trace.place or ""), []), key=_age)
    if not records:
        return Trouble(Outcome.FAILED, f"no restore from the repository of {protection.id} was ever rehearsed")
    if case.now - records[-1].at < timedelta(0):
        return Trouble(Outcome.UNKNOWN, "the rehearsal lies in the future", records[-1].raw)
    return records[-1]


def _age(record: Verification | Rehearsal) -> tuple[datetime, bool]:
    """The oldest first; of two of one moment the failed one is the later."""
    return record.at, not record.passed


def expiry(case: Case, protection: Protection, *moments: datetime) -> datetime:
    """Return the earliest of the moments and of the end of this protection's own readings."""
    return min((*moments, *_readings_end(case, protection)))


@once
def _readings_end(case: Case, protection: Protection) -> tuple[datetime, ...]:
    reading, trace = case.evidence.backups.get(protection.id), case.evidence.repositories.get(protection.id)
    return tuple(one.at + case.policy.evidence_max_age for one in (reading, trace) if one is not None)
