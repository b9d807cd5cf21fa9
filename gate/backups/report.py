"""
What the backup side pushes about a protection that the gate cannot ask: signed JSON, read strictly.

Two forms are read: our own (`sangate.backup-report/1`, published as a JSON Schema) and the report of pgdrill, which
restores PostgreSQL for proof. A report is a tool's word, whoever signed it: what it claims without counts is not
believed, and it reaches V6 only where the gate itself finds the digests in it equal to an earlier reference of its own.
It never reaches V7: business statements are put by the gate.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from gate.backups.report_form import SCHEMA, ReportedRead, ReportedRestore, ReportForm
from gate.canonical import utc
from gate.errors import BadInput
from gate.evidence import (
    BackupRun,
    Counts,
    Log,
    Provenance,
    Reference,
    Rehearsal,
    Report,
    TableDigest,
    Verification,
)
from gate.inventory import BackupTool, Protection

NAMESPACE = "backup-evidence@sangate"
"""Of the SSH signature: one made for another purpose does not count."""

PGDRILL = ("pgdrill.report/v1alpha1", "pgdrill.report/v1")
NOT_TOLD = "not-told"
"""What stands for the array's serial in a report of pgdrill, which knows nothing of arrays."""

LARGEST = 1024 * 1024
"""Bytes; pgdrill's own reports have some tens of kilobytes."""

FUTURE = timedelta(seconds=60)
"""By how much a report's clock may be ahead of ours (BK-13)."""


def read_report(
    raw: bytes, protection: Protection, place: str, reporter: str, now: datetime, references: Iterable[Reference]
) -> Report:
    """
    Return what a report proves, for the protection it was pushed for, at the place where its repository lies now.

    BadInput names what is wrong: another protection, the future, an unknown form, a field too many or too few.
    """
    if len(raw) > LARGEST:
        raise BadInput(f"the report has more than {LARGEST} bytes", place="report")
    try:
        told = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput("the report is not JSON", place="report") from None
    if isinstance(told, dict) and told.get("schema_version") in PGDRILL:
        form = _of_pgdrill(told, protection)
    else:
        form = _form(told)
        if form.array_serial == NOT_TOLD:
            raise BadInput("the array under production must be named", place="report/array_serial")
    if (form.protection, form.dataset) != (protection.id, protection.dataset):
        raise BadInput(f"the report is about {form.protection} of {form.dataset}, not {protection.id}", place="report")
    _dated(form, now)
    run = BackupRun(
        form.backup.id,
        form.backup.finished_at,
        form.backup.size,
        started_at=form.backup.started_at,
        kind=form.backup.kind,
        parents=form.backup.parents,
        recovery_point_at=form.backup.recovery_point_at,
        log=form.backup.log,
        log_because="as reported",
        error=form.backup.error,
    )
    made = Report(protection.id, form.id, form.array_serial, place, now, form.reported_at, reporter, run)
    if form.read is not None:
        made = replace(made, verification=_verification(form, form.read, place))
    if form.restore is not None:
        began = form.backup.started_at
        older = [kept for kept in references if kept.dataset == form.dataset and kept.at < began]
        reference = max(older, key=lambda kept: kept.at, default=None)
        made = replace(made, rehearsal=_rehearsal(form, form.restore, place, reference))
    return made


def _form(told: object) -> ReportForm:
    try:
        return ReportForm.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        spot = "".join(f"/{str(part)[:60]}" for part in first["loc"])
        words = {"extra_forbidden": "unknown key", "missing": "this must be set"}.get(first["type"], first["msg"])
        hint = "sangate evidence schema prints the form"
        raise BadInput(words, place=f"report{spot}".encode("ascii", "replace").decode(), hint=hint) from None


def _dated(form: ReportForm, now: datetime) -> None:
    """Refuse times that lie ahead, or in another order than things happen."""
    spans = [("backup", form.backup), ("read", form.read), ("restore", form.restore)]
    for name, span in spans:
        if span is not None and span.finished_at < span.started_at:
            raise BadInput("it ends before it begins", place=f"report/{name}")
        if span is not None and span.finished_at > form.reported_at + FUTURE:
            raise BadInput("it ends after it was reported", place=f"report/{name}")
    if form.reported_at > now + FUTURE:
        raise BadInput(f"the report lies in the future: {utc(form.reported_at)}", place="report/reported_at")


def _verification(form: ReportForm, read: ReportedRead, place: str) -> Verification:
    counts = Counts(read.unit, read.total, read.ok, read.missing, read.damaged)
    whole = read.total > 0 and read.ok == read.total and not read.missing and not read.damaged
    seen = form.backup.id in read.seen
    log = form.backup.log in (Log.COMPLETE, Log.NOT_NEEDED)
    if not whole or not seen:
        level = "V1"
        because = "the backup is not among those it read" if not seen else f"{read.ok} of {read.total} {read.unit} ok"
    elif not read.every_byte_hashed:
        level, because = "V2", f"{read.total} {read.unit} found, not every byte was hashed"
    elif not log:
        level, because = "V3", f"every byte was hashed, but the log is {form.backup.log.value}"
    else:
        level, because = "V4", f"every byte of {read.total} {read.unit} was hashed"
    return Verification(
        form.protection,
        form.backup.id,
        place,
        read.started_at,
        level,
        level == "V4",
        f"reported: {because}",
        counts,
        read.seen,
        provenance=Provenance.TOOL_REPORTED,
    )


def _rehearsal(form: ReportForm, restore: ReportedRestore, place: str, reference: Reference | None) -> Rehearsal:
    tables = tuple(TableDigest(one.table, one.rows, one.digest) for one in restore.tables)
    level, passed, because = "V0", False, "the restored copy did not open"
    if restore.opened and not restore.examined:
        because = "the restored copy opened, and nothing examined it"
    elif restore.opened:
        level, passed = "V5", True
        because = f"restored and opened; {', '.join(restore.examined)} passed"
    if passed and reference and tables:
        kept = {one.table: one for one in reference.tables if not one.up_to}
        other = sorted(one.table for one in tables if one.table in kept and one != kept[one.table])
        passed = not other
        because = f"{because}; differs from the reference: {', '.join(other)}" if other else because
        if not other and {one.table for one in tables} == {one.table for one in reference.tables} == set(kept):
            level, because = "V6", f"{because}; equals the gate's reference of {utc(reference.at)}"
    return Rehearsal(
        form.protection,
        form.backup.id,
        place,
        restore.finished_at,
        level,
        passed,
        f"reported: {because}",
        int((restore.finished_at - restore.started_at).total_seconds()),
        restore.host,
        reference.at if reference and level == "V6" else None,
        tables,
        examined=restore.examined,
        provenance=Provenance.TOOL_REPORTED,
    )


def _of_pgdrill(told: dict[str, Any], protection: Protection) -> ReportForm:
    """
    Read pgdrill's report as one of ours: a restore, with the probes that passed. What is new in it is left alone.

    It names no array and no protection of ours, so it counts for the one it was pushed for, if its provider is that
    protection's tool. It tells no digests, so V5 is as far as it goes.
    """
    backup = _dict(told, "backup")
    if told.get("provider") != protection.tool.value or protection.tool is BackupTool.REPORT:
        raise BadInput(f"pgdrill's provider is not {protection.tool.value}", place="report/provider")
    checks = told.get("checks")
    if not isinstance(checks, list) or not all(isinstance(one, dict) for one in checks):
        raise BadInput("this must be a list of checks", place="report/checks")
    passed = told.get("status") == "passed" and all(one.get("status") == "passed" for one in checks)
    probes = [str(one.get("probe")) for one in checks if one.get("probe") and one.get("status") == "passed"]
    provider_id = backup.get("provider_id")
    return _form(
        {
            "schema": SCHEMA,
            "id": told.get("id"),
            "protection": protection.id,
            "dataset": protection.dataset,
            "array_serial": NOT_TOLD,
            "reported_at": told.get("finished_at"),
            "backup": {
                "id": provider_id.rpartition("/")[2] if isinstance(provider_id, str) else provider_id,
                "kind": backup.get("kind"),
                "started_at": backup.get("started_at"),
                "finished_at": backup.get("finished_at"),
                "size": 0,
            },
            "restore": {
                "host": protection.rehearsal_host,
                "started_at": told.get("started_at"),
                "finished_at": told.get("finished_at"),
                "opened": passed,
                "examined": probes,
            },
        }
    )


def _dict(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    if not isinstance(found, dict):
        raise BadInput("this must be an object", place=f"report/{name}")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
