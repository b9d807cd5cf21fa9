"""What a pushed report may prove, and what makes it no report."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from gate.backups.report import LARGEST, PGDRILL, read_report
from gate.backups.report_form import schema
from gate.errors import BadInput
from gate.evidence import Provenance, Reference, Report, TableDigest
from gate.inventory import BackupTool, Protection
from gate.settings import load, shipped

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROTECTION: Protection = (
    load(shipped("config.yaml")).config.inventory.protections[0].model_copy(update={"tool": BackupTool.REPORT})
)
DIGEST = "sha256:" + "a" * 64
TABLE = {"table": "contacts", "rows": 3, "digest": DIGEST}


def at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def form(**changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "schema": "sangate.backup-report/1",
        "id": "night-1",
        "protection": "sidekick-nightly",
        "dataset": "sidekick",
        "array_serial": "0000020420E00011",
        "reported_at": at(1),
        "backup": {"id": "b1", "started_at": at(60), "finished_at": at(50), "size": 9, "log": "complete", "error": ""},
        "read": {
            "started_at": at(40),
            "finished_at": at(30),
            "every_byte_hashed": True,
            "unit": "pieces",
            "total": 4,
            "ok": 4,
            "seen": ["b1"],
        },
        "restore": {
            "host": "bk-1",
            "started_at": at(20),
            "finished_at": at(10),
            "opened": True,
            "examined": ["dbv"],
            "tables": [TABLE],
        },
    }
    for path, value in changed.items():
        spot, *names = path.split("__")
        inner = told
        for name in names:
            inner, spot = inner[spot], name
        inner[spot] = value
    return told


def reference(minutes: float = 90, digest: str = DIGEST, *, more: bool = False) -> Reference:
    tables = (TableDigest("contacts", 3, digest), *((TableDigest("notes", 1, digest),) if more else ()))
    return Reference("sidekick", NOW - timedelta(minutes=minutes), tables)


def read(told: Any, *references: Reference, protection: Protection = PROTECTION) -> Report:
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    return read_report(raw, protection, "place", "sha256:key", NOW, references)


def test_a_full_read_with_its_counts_and_a_whole_log_reaches_v4_and_is_a_tools_word() -> None:
    found = read(form()).verification
    assert found is not None
    assert (found.level, found.passed, found.place, found.backup) == ("V4", True, "place", "b1")
    assert (found.provenance, found.at) == (Provenance.TOOL_REPORTED, NOW - timedelta(minutes=40))


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({"read__total": 0, "read__ok": 0}, "V1"),
        ({"read__ok": 3}, "V1"),
        ({"read__missing": 1}, "V1"),
        ({"read__damaged": 1}, "V1"),
        ({"read__seen": ["b0"]}, "V1"),
        ({"read__seen": []}, "V1"),
        ({"read__every_byte_hashed": False}, "V2"),
        ({"backup__log": "unknown"}, "V3"),
        ({"backup__log": "gap"}, "V3"),
    ],
)
def test_what_the_report_does_not_show_is_not_believed(changed: dict[str, Any], level: str) -> None:
    found = read(form(**changed)).verification
    assert found is not None
    assert (found.level, found.passed) == (level, False)


@pytest.mark.parametrize(
    ("changed", "references", "level", "passed"),
    [
        ({}, (), "V5", True),
        ({}, (reference(),), "V6", True),
        ({}, (reference(55),), "V5", True),  # younger than the backup's beginning
        ({}, (reference(digest="sha256:" + "b" * 64),), "V5", False),
        ({}, (reference(more=True),), "V5", True),  # the report leaves a table out
        ({"restore__tables": []}, (reference(),), "V5", True),
        ({"restore__examined": []}, (reference(),), "V0", False),
        ({"restore__opened": False}, (reference(),), "V0", False),
    ],
)
def test_a_restore_reaches_v6_only_by_the_gates_own_reference(
    changed: dict[str, Any], references: tuple[Reference, ...], level: str, passed: bool
) -> None:
    found = read(form(**changed), *references).rehearsal
    assert found is not None
    assert (found.level, found.passed, found.provenance) == (level, passed, Provenance.TOOL_REPORTED)
    assert (found.reference_at is not None) == (level == "V6")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (form(protection="other"), "is about other"),
        (form(dataset="other"), "is about"),
        (form(reported_at=(NOW + timedelta(minutes=2)).isoformat()), "in the future"),
        (form(read__finished_at=(NOW + timedelta(minutes=2)).isoformat()), "after it was reported"),
        (form(backup__finished_at=at(61)), "ends before it begins"),
        (form(backup__started_at="2026-11-23T11:00:00"), "report/backup/started_at"),
        (form(array_serial="not-told"), "the array under production must be named"),
        (form(more=1), "report/more: unknown key"),
        (form(read__more=1), "unknown key"),
        ({key: value for key, value in form().items() if key != "backup"}, "report/backup: this must be set"),
        (form(read__total="4"), "report/read/total"),
        (form(read__total=True), "report/read/total"),
        (form(read__every_byte_hashed="yes"), "every_byte_hashed"),
        (form(schema="sangate.backup-report/2"), "report/schema"),
        (form(backup__id="../b1"), "report/backup/id"),
        ([], "report"),
        (b"{", "not JSON"),
        (b'{"id": NaN}', "not JSON"),
        (b'{"id": 1, "id": 2}', "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (LARGEST + 1), "more than"),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(told: Any, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(told)
    assert words in str(caught.value)


def test_the_published_schema_takes_what_the_gate_takes() -> None:
    jsonschema.Draft202012Validator(schema()).validate(form())
    for bad in (form(more=1), form(read__total="4")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema()).validate(bad)


def pgdrill(**changed: Any) -> dict[str, Any]:
    return {
        "schema_version": PGDRILL[0],
        "id": "drill-20261123",
        "provider": "pgbackrest",
        "backup": {
            "provider": "pgbackrest",
            "provider_id": "main/20261123-010000F",
            "kind": "full",
            "started_at": at(60),
            "finished_at": at(50),
        },
        "started_at": at(20),
        "finished_at": at(10),
        "status": "passed",
        "checks": [
            {"name": "tool.pgbackrest", "status": "passed"},
            {"name": "ready", "probe": "pg_isready", "status": "passed"},
            {"name": "structure", "probe": "amcheck", "status": "passed"},
        ],
        "added_later": {},
    } | changed


STANZA = PROTECTION.model_copy(update={"tool": BackupTool.PGBACKREST})


@pytest.mark.parametrize("version", PGDRILL)
def test_a_drill_of_pgdrill_is_a_restore_and_no_more_than_v5(version: str) -> None:
    report = read(pgdrill(schema_version=version), reference(), protection=STANZA)
    assert report.rehearsal is not None
    assert (report.rehearsal.level, report.rehearsal.passed, report.run.id) == ("V5", True, "20261123-010000F")
    assert (report.rehearsal.examined, report.verification) == (("pg_isready", "amcheck"), None)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "failed"},
        {"status": "aborted"},
        {"checks": []},
        {"checks": [{"name": "structure", "probe": "amcheck", "status": "failed"}]},
        {"checks": [{"name": "tool.pgbackrest", "status": "passed"}]},
    ],
)
def test_a_drill_that_shows_nothing_does_not_pass(changed: dict[str, Any]) -> None:
    found = read(pgdrill(**changed), protection=STANZA).rehearsal
    assert found is not None
    assert (found.level, found.passed) == ("V0", False)


@pytest.mark.parametrize(
    ("changed", "protection"),
    [
        ({"schema_version": "pgdrill.report/v2"}, STANZA),
        ({"provider": "barman"}, STANZA),
        ({"backup": None}, STANZA),
        ({"checks": "all"}, STANZA),
        ({"id": None}, STANZA),
        ({"finished_at": "2999-01-01T00:00:00Z"}, STANZA),
        ({}, PROTECTION),
    ],
)
def test_a_drill_of_another_form_or_provider_is_refused(changed: dict[str, Any], protection: Protection) -> None:
    with pytest.raises(BadInput):
        read(pgdrill(**changed), protection=protection)
