"""Evidence that was pushed: accepted once, entered, and put beside what the gate found out itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from gate.backups.report import NAMESPACE, NOT_TOLD, read_report
from gate.canonical import sha256
from gate.errors import BadInput, CannotTell, NotThere, Refused
from gate.evidence import BackupReading, Rehearsal, Report, Trace, Verification
from gate.gather import records
from gate.gather.records import Known, Records
from gate.gather.traces import Traces
from gate.inventory import BackupTool, Inventory, Protection
from gate.landscape import Place
from gate.ledger.entry import Actor, Blob
from gate.sshsig import verify
from gate.store import Ledger

Proof = TypeVar("Proof", Verification, Rehearsal)


class Reports:
    """Takes reports in. Nothing that is refused here becomes evidence, and each is taken once."""

    def __init__(
        self,
        inventory: Inventory,
        ledger: Ledger,
        known: Records,
        traces: Traces,
        clock: Callable[[], datetime],
    ) -> None:
        self._inventory = inventory
        self._ledger = ledger
        self._records = known
        self._traces = traces
        self._clock = clock

    def accept(self, protection: str, text: str, signature: str, actor: Actor) -> Report:
        """
        Verify, read and enter one report.

        Refused for a key that is not pinned for this protection or a report that was taken before; BadInput for one
        that cannot be read; CannotTell when it is not known where the repository lies, since what is true of one
        place is not true of another.
        """
        subject = next((one for one in self._inventory.protections if one.id == protection), None)
        if subject is None:
            raise NotThere(f'there is no protection "{protection[:40]}"')
        raw = text.encode()
        reporter = self._reporter(subject, raw, signature)
        known = self._records.known()
        trace = self._traces.repository(subject)
        if trace.place is None:
            raise CannotTell(f"it is not known where the repository of {subject.id} lies: {trace.problem}")
        report = read_report(raw, subject, trace.place, reporter, self._clock(), known.references)
        if report.array_serial not in (NOT_TOLD, *(array.serial for array in self._inventory.arrays)):
            raise BadInput("no array of the inventory has this serial", place="report/array_serial")
        if any((one.protection, one.id) == (report.protection, report.id) for one in known.reports):
            raise Refused(f"the report {report.id} about {report.protection} was taken before")
        kept = tuple(
            Blob(name, self._ledger.put_blob(data), len(data))
            for name, data in (("report", raw), ("signature", signature.encode()))
        )
        self._ledger.append(records.draft(report, self._ledger, actor, kept, self._inventory))
        return report

    def _reporter(self, protection: Protection, raw: bytes, signature: str) -> str:
        """Return the fingerprint-like name of the key that signed; Refused unless it is pinned for this protection."""
        try:
            key = verify(raw, signature, NAMESPACE)
        except ValueError as error:
            raise Refused(f"the report is not signed: {error}", hint=f"ssh-keygen -Y sign -n {NAMESPACE}") from None
        if key not in {" ".join(one.split()[:2]) for one in protection.reporters}:
            raise Refused(
                f"the key that signed is not among the reporters of {protection.id}",
                hint="its public line belongs under protections.reporters of the inventory",
            )
        return sha256(key.encode())


def readings(
    inventory: Inventory, reports: Iterable[Report], lies: Mapping[str, Place], repositories: Mapping[str, Trace]
) -> dict[str, BackupReading]:
    """
    Return what is reported of each protection that only reports tell of, dated by the newest report.

    A report about data on another array than production lies on now says nothing about it; where the newest one is
    such a report, that is the problem.
    """
    found: dict[str, BackupReading] = {}
    for protection in inventory.protections:
        if protection.tool is not BackupTool.REPORT:
            continue
        trace, place = repositories.get(protection.id), lies.get(protection.dataset)
        of_it = sorted(
            (one for one in reports if one.protection == protection.id and trace and one.place == trace.place),
            key=lambda one: one.at,
        )
        if not of_it:
            continue
        newest = of_it[-1]
        problem = f"the newest report is {away}" if (away := _elsewhere(newest, place)) else ""
        runs = {one.run.id: one.run for one in of_it if not _elsewhere(one, place)}
        ordered = tuple(sorted(runs.values(), key=lambda run: run.finished_at, reverse=True))
        found[protection.id] = BackupReading(protection.id, newest.at, ordered, problem=problem)
    return found


def verifications(
    inventory: Inventory, reports: Iterable[Report], lies: Mapping[str, Place]
) -> tuple[Verification, ...]:
    """Return the reads that were reported of protections that the gate cannot read itself."""
    of = {one.id: one.dataset for one in inventory.protections if one.tool is BackupTool.REPORT}
    told = [one for one in reports if one.protection in of]
    found = [_proof(one, one.verification, lies.get(of[one.protection])) for one in told]
    return tuple(one for one in found if one is not None)


def rehearsals(inventory: Inventory, known: Known, lies: Mapping[str, Place]) -> tuple[Rehearsal, ...]:
    """Return the restores that were reported, but for protections of which the gate has rehearsed one itself."""
    own = {one.protection for one in known.rehearsals}
    of = {one.id: one.dataset for one in inventory.protections if one.id not in own}
    told = [one for one in known.reports if one.protection in of]
    found = [_proof(one, one.rehearsal, lies.get(of[one.protection])) for one in told]
    return tuple(one for one in found if one is not None)


def _proof(report: Report, proof: Proof | None, place: Place | None) -> Proof | None:
    """Return what was proven; of data elsewhere it proves nothing, and stays there to say so."""
    away = _elsewhere(report, place)
    if proof is None or not away:
        return proof
    return replace(proof, level="V0", passed=False, because=f"reported: the report {report.id} is {away}")


def _elsewhere(report: Report, place: Place | None) -> str:
    """Say what other data a report is about than those that lie at a place now; empty when it is about these."""
    if report.array_serial in {element.serial for element in (place.elements if place else ())}:
        return ""
    if report.array_serial != NOT_TOLD:
        return f"about data on the array {report.array_serial}, and they do not lie there now"
    compares = report.verification is not None or (report.rehearsal is not None and bool(report.rehearsal.tables))
    return "about data on an array that it does not name" if compares else ""
