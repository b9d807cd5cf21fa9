"""Barman 3.4.0 itself, over homes that were damaged one bit, file or segment at a time."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate.backups.barman import catalogue, verify
from gate.evidence import BackupReading, BackupRun, Log, Reply, Verification
from gate.inventory import Protection
from tests.backups.clusters import Asker, Site, flip
from tests.backups.local import drive, failed, lost, saying, spoilt


def read(protection: Protection, asker: Asker) -> BackupReading:
    return drive(catalogue(protection), asker)


def verified(site: Site, protection: Protection, run: BackupRun, asker: Asker | None = None) -> Verification:
    return drive(verify(protection, site.dataset, run, "naa.1"), asker or site.ask)


def table_of(protection: Protection, run: BackupRun) -> Path:
    files = Path(protection.repository, "base", run.id, "data/base").glob("*/*")
    return max(files, key=lambda file: file.stat().st_size)


def segments(protection: Protection) -> list[Path]:
    return [file for file in sorted(Path(protection.repository, "wals").glob("*/*")) if len(file.name) == 24]


def test_the_catalogue_tells_times_log_and_recovery_point(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    found = read(protection, site.ask)
    assert (found.problem, found.tool_version) == ("", "3.4.0")
    (run,) = found.runs
    assert (run.kind, run.error, run.log) == ("full", "", Log.COMPLETE)
    assert run.started_at is not None
    assert site.reference.at < run.started_at <= run.finished_at <= found.at
    assert run.log_stop == segments(protection)[-1].name > run.log_start
    assert run.recovery_point_at is not None


def test_a_whole_backup_is_read_in_full(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    run = read(protection, site.ask).runs[0]
    found = verified(site, protection, run)
    assert (found.level, found.passed, found.seen) == ("V4", True, (run.id,)), found.because
    assert found.counts is not None
    assert found.counts.total == found.counts.ok > 500


def test_a_flipped_bit_is_found_and_named_though_the_status_is_done(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    run = read(protection, site.ask).runs[0]
    flip(table_of(protection, run))
    assert read(protection, site.ask).runs[0] == run
    assert site.ask(f"barman -c {protection.config_file} check-backup main {run.id}").exit_status == 0
    found = verified(site, protection, run)
    assert (found.level, found.passed, found.counts) == ("V1", False, None)
    assert f'checksum mismatch for file "base/{table_of(protection, run).parent.name}' in found.because


def test_a_file_that_is_gone_is_found(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    run = read(protection, site.ask).runs[0]
    table_of(protection, run).unlink()
    assert verified(site, protection, run).level == "V1"


def test_a_segment_that_is_missing_is_found_by_the_gate_alone(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    gone = segments(protection)[-2]
    gone.unlink()
    run = read(protection, site.ask).runs[0]
    found = verified(site, protection, run)
    assert site.ask(f"barman -c {protection.config_file} check-backup main {run.id}").exit_status == 0
    assert (run.log, found.level, found.passed) == (Log.GAP, "V4-partial", False)
    assert f"segment {gone.name} of the log is missing" in found.because


def test_an_empty_segment_is_none(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    empty = segments(protection)[-2]
    empty.unlink()
    empty.touch()
    assert read(protection, site.ask).runs[0].log is Log.GAP


def test_a_directory_that_is_gone_after_the_list_is_found(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    run = read(protection, site.ask).runs[0]
    shutil.rmtree(Path(protection.repository, "base", run.id))
    assert not verified(site, protection, run).passed


def test_another_directory_than_the_traced_one_is_told(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    other = protection.model_copy(update={"repository": str(site.root / "elsewhere/main")})
    assert "Barman keeps main in" in read(other, site.ask).problem


@pytest.mark.parametrize("words", ["show-server", "list-backup", "show-backup", "--version", "find", "verify-backup"])
@pytest.mark.parametrize("damage", [lost, failed, *map(saying, (b"", b"\xff", b"{}", b"[]"))])
def test_what_is_not_answered_is_never_a_pass(site: Site, words: str, damage: Callable[[Reply], Reply]) -> None:
    protection = site.of_barman(site.copy("home"))

    recorded = site.remembered(protection)

    def ask(command: str) -> Reply:
        return damage(recorded(command)) if words in command else recorded(command)

    if words == "verify-backup":
        found = verified(site, protection, read(protection, recorded).runs[0], ask)
        assert (found.passed, found.counts) == (False, None)
    else:
        reading = read(protection, ask)
        assert reading.problem or reading.runs[0].log is not Log.COMPLETE


def listed(change: Callable[[list[dict[str, str]]], None]) -> Callable[[Reply], Reply]:
    def spoil(reply: Reply) -> Reply:
        if b'"retention_status"' not in reply.stdout or b"base_backup_information" in reply.stdout:
            return reply
        told = json.loads(reply.stdout)
        change(told["main"])
        return replace(reply, stdout=json.dumps(told).encode())

    return spoil


def test_a_later_run_that_failed_is_the_newest_ones_error(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    later = listed(lambda runs: runs.append({"backup_id": "29991231T000000", "status": "FAILED"}))
    found = read(protection, spoilt(site.remembered(protection), {"barman": later}))
    assert found.runs[0].error == "backup 29991231T000000, made after it, has failed"
    before = listed(lambda runs: runs.append({"backup_id": "20010101T000000", "status": "FAILED"}))
    assert read(protection, spoilt(site.remembered(protection), {"barman": before})).runs[0].error == ""


def test_a_run_that_is_under_way_is_not_relied_on(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    begun = listed(lambda runs: runs.append({"backup_id": "29991231T000000", "status": "STARTED"}))
    found = read(protection, spoilt(site.remembered(protection), {"barman": begun}))
    assert (found.problem, len(found.runs), found.runs[0].error) == ("", 1, "")


@pytest.mark.parametrize(
    ("pattern", "told", "because"),
    [
        (rb'"end_time_timestamp": "[0-9]+"', b'"end_time_timestamp": "9999999999"', "future"),
        (rb'"begin_time_timestamp": "[0-9]+"', b'"begin_time_timestamp": "soon"', "gives no begin_time_timestamp"),
        (rb'"begin_wal": "[0-9A-F]+"', b'"begin_wal": "../../etc"', "gives no begin_wal"),
        (rb'"disk_usage_bytes": [0-9]+', b'"disk_usage_bytes": -1', "gives no disk_usage_bytes"),
        (rb'"backup_id": "[0-9T]+", "base', b'"backup_id": "20010101T000000", "base', "is told to be"),
    ],
)
def test_a_backup_told_with_wrong_values_is_a_problem(site: Site, pattern: bytes, told: bytes, because: str) -> None:
    protection = site.of_barman(site.copy("home"))

    def change(reply: Reply) -> Reply:
        if b"base_backup_information" not in reply.stdout:
            return reply
        return replace(reply, stdout=re.sub(pattern, told, reply.stdout))

    found = read(protection, spoilt(site.remembered(protection), {"barman": change}))
    assert because in found.problem
    assert found.runs == ()
