"""Restores for proof of a real cluster: what each damage does to them, and that nothing is left running."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gate.backups import TOOLS
from gate.backups.answers import Unread
from gate.backups.postgresql import EXAMINER
from gate.backups.rehearsal import rehearse
from gate.backups.scratch import clear, spot_of
from gate.backups.telling import telling
from gate.evidence import BackupRun, Log, Reference, Rehearsal, Reply
from gate.inventory import Dataset, Protection
from tests.backups.clusters import GATE, PROGRAMS, Asker, Site, ago, flip, segment_files
from tests.backups.local import drive, failed, lost, saying, spoilt

EXAMINED = ("recovery", "pg_amcheck", "pg_dump", "pg_checksums")


def newest(site: Site, protection: Protection) -> BackupRun:
    found = drive(TOOLS[protection.tool].catalogue(protection), site.ask)
    assert not found.problem, found.problem
    return found.runs[0]


def rehearsed(
    site: Site,
    protection: Protection,
    references: Sequence[Reference] = (),
    *,
    run: BackupRun | None = None,
    dataset: Dataset | None = None,
    asker: Asker | None = None,
) -> Rehearsal:
    run = run or newest(site, protection)
    tool, asker = TOOLS[protection.tool], asker or site.ask
    one = drive(rehearse(tool, EXAMINER, protection, dataset or site.dataset, run, "naa.1", references, GATE), asker)
    assert list(Path(protection.rehearsal_scratch).iterdir()) == []
    return one


def test_a_good_backup_of_pgbackrest_reaches_v7_against_both_references(site: Site) -> None:
    said: list[Reply] = []

    def ask(command: str) -> Reply:
        said.append(site.ask(command))
        return said[-1]

    kept = (ago(site.reference, 1), ago(site.reference, 8))
    found = rehearsed(site, site.protection(site.root / "good"), kept, asker=ask)
    assert (found.level, found.passed) == ("V7", True), found.because
    assert found.examined == EXAMINED
    assert found.statements == ("everybody-is-there",)
    assert [(one.reference_at, one.tables) for one in found.compared] == [
        (kept[0].at, ("contacts", "journal")),
        (kept[1].at, ("journal",)),
    ]
    assert found.tables == site.reference.tables
    assert found.restore_s is not None
    assert found.recovery_s is not None
    assert found.restore_s + found.recovery_s <= found.seconds + 1
    told = [sentence for reply in said if (sentence := telling(reply.command))]
    assert told == [
        "making a place for the copy",
        "pgBackRest brings the backup back",
        "the server starts and reads the log to its end",
        "every table and index is checked against each other",
        "every row of the database is read",
        "contacts is read and hashed",
        "journal is read and hashed",
        "the server is stopped",
        "the checksum of every page is read",
        "the copy is removed",
    ]
    assert not any(b"nobody" in reply.stdout or b"later" in reply.stdout for reply in said)  # no row leaves the server


def test_a_good_backup_of_barman_reaches_v6(site: Site) -> None:
    without = site.dataset.model_copy(update={"statements": ()})
    found = rehearsed(site, site.of_barman(site.copy("home")), [site.reference], dataset=without)
    assert (found.level, found.passed, found.examined) == ("V6", True, EXAMINED), found.because


def test_a_flipped_bit_in_the_repository_ends_the_restore(site: Site) -> None:
    repository = site.copy("good")
    label = newest(site, site.protection(repository)).parents[0]
    files = (repository / "backup/main" / label / "pg_data/base").glob("*/*")
    flip(max(files, key=lambda file: file.stat().st_size))
    found = rehearsed(site, site.protection(repository))
    assert (found.level, found.passed) == ("V0", False)
    assert "restoring: exit status" in found.because


def test_a_flipped_bit_in_barmans_base_is_found_by_the_server_and_not_by_the_restore(site: Site) -> None:
    protection = site.of_barman(site.copy("home"))
    run = newest(site, protection)
    files = Path(protection.repository, "base", run.id, "data/base").glob("*/*")
    flip(max(files, key=lambda file: file.stat().st_size))
    found = rehearsed(site, protection, run=run)
    assert not found.passed
    assert found.restore_s is not None
    assert "pg_amcheck found" in found.because or "invalid page" in found.because or "checksums" in found.because


@pytest.mark.parametrize("damage", ["removed", "bit flipped"])
def test_a_gap_in_the_log_is_found_though_restore_and_start_end_well(site: Site, damage: str) -> None:
    """The check of the catalogue is off here: the run is the one of the whole repository."""
    repository = site.copy("good")
    run = newest(site, site.protection(repository))
    segment = segment_files(repository)[-2]
    segment.unlink() if damage == "removed" else flip(segment, 60)  # in its first record; most of it is unused
    found = rehearsed(site, site.protection(repository), run=run)
    assert run.log is Log.COMPLETE
    assert (found.level, found.passed) == ("V0", False)
    assert f"and not into its last segment {run.log_stop}" in found.because


def test_a_gap_before_the_end_of_the_backup_keeps_the_server_from_starting(site: Site) -> None:
    repository = site.copy("good")
    run = newest(site, site.protection(repository))
    for segment in segment_files(repository):
        if segment.name[:24] >= run.log_start:
            segment.unlink()
    found = rehearsed(site, site.protection(repository), run=run)
    assert not found.passed
    assert "starting: " in found.because


def test_pages_that_were_rotten_in_production_are_found_in_the_copy(site: Site) -> None:
    found = rehearsed(site, site.protection(site.root / "rotten"), [site.reference])
    assert (found.level, found.passed, found.examined) == ("V0", False, ())
    assert "pg_amcheck found" in found.because
    assert "invalid page" in found.because


def test_wrong_values_that_were_committed_before_the_backup_are_found_by_the_reference_alone(site: Site) -> None:
    protection = site.protection(site.root / "wrong")
    found = rehearsed(site, protection, [ago(site.reference, 8)])
    assert (found.level, found.passed) == ("V5", False)
    assert found.because.endswith("contacts has other content")
    assert found.examined == EXAMINED
    assert rehearsed(site, protection).passed  # nothing else sees it


def test_a_statement_that_is_not_true_any_more_fails(site: Site) -> None:
    untrue = site.dataset.statements[0].model_copy(update={"expect": "3001"})
    dataset = site.dataset.model_copy(update={"statements": (untrue,)})
    found = rehearsed(site, site.of_barman(site.copy("home")), dataset=dataset)
    assert not found.passed
    assert "the statement everybody-is-there says '3000" in found.because


@pytest.fixture
def copied(site: Site) -> tuple[Protection, BackupRun, Asker]:
    """A rehearsal whose restore is a plain copy of the stopped cluster: fast, for what comes after it."""
    protection = site.protection(site.root / "good")
    run = replace(newest(site, protection), log_stop="")

    def ask(command: str) -> Reply:
        if command.endswith(" restore"):
            site.run("cp", "-a", f"{site.root}/plain/.", f"{spot_of(protection, GATE).back}/cluster")
            return site.ask("true")
        return site.ask(command)

    return protection, run, ask


@pytest.mark.parametrize(
    ("step", "damage"),
    [("start", failed), ("status", failed), ("psql", lost), ("pg_amcheck", lost), ("pg_dump", failed)],
)
def test_whatever_fails_the_server_is_stopped_and_the_copy_removed(
    site: Site, copied: tuple[Protection, BackupRun, Asker], step: str, damage: Asker
) -> None:
    protection, run, asker = copied
    done: list[str] = []

    def ask(command: str) -> Reply:
        words = command.replace("/", " ").split()
        if step in words and step not in done:
            done.append(step)
            return damage(asker(command))  # type: ignore[arg-type]
        return asker(command)

    found = rehearsed(site, protection, run=run, asker=ask)
    assert done == [step]
    assert not found.passed
    assert servers(site) == []


def servers(site: Site) -> list[int]:
    """Processes that stand in a directory below the scratch."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str((process / "cwd").readlink()).startswith(f"{site.root}/x/"):
                found.append(int(process.name))
    return found


def killed_at(site: Site, protection: Protection, run: BackupRun, asker: Asker, step: str) -> None:
    """Drive a rehearsal up to a question and never go on, as a gate that is killed."""
    asking = rehearse(TOOLS[protection.tool], EXAMINER, protection, site.dataset, run, "naa.1", (), GATE)
    command = next(asking)
    while step not in command:
        command = asking.send(asker(command))
    asking.close()


def test_what_a_killed_gate_left_is_stopped_and_removed_and_nothing_else(
    site: Site, copied: tuple[Protection, BackupRun, Asker]
) -> None:
    protection, run, asker = copied
    killed_at(site, protection, run, asker, "pg_amcheck")
    assert len(servers(site)) > 0
    assert drive(clear(EXAMINER, protection, GATE, []), site.ask)
    assert servers(site) == []
    assert list(Path(protection.rehearsal_scratch).iterdir()) == []
    assert not drive(clear(EXAMINER, protection, GATE, []), site.ask)


def test_the_server_of_another_gate_is_left_alone(site: Site, copied: tuple[Protection, BackupRun, Asker]) -> None:
    protection, run, asker = copied
    killed_at(site, protection, run, asker, "pg_amcheck")
    with pytest.raises(Unread, match="does not carry this gate's mark"):
        drive(clear(EXAMINER, protection, "other.example/ledger/1", []), site.ask)
    assert len(servers(site)) > 0
    assert drive(clear(EXAMINER, protection, GATE, []), site.ask)


def test_after_a_crash_of_the_host_a_process_that_has_the_old_number_is_not_stopped(
    site: Site, copied: tuple[Protection, BackupRun, Asker]
) -> None:
    protection, run, asker = copied
    killed_at(site, protection, run, asker, "pg_amcheck")
    data = Path(spot_of(protection, GATE).back, "cluster")
    for number in servers(site):
        os.kill(number, signal.SIGKILL)
    until = time.monotonic() + 60
    while servers(site):
        assert time.monotonic() < until
        time.sleep(0.05)
    other = subprocess.Popen(["sleep", "600"], cwd="/")
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        (data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert drive(clear(EXAMINER, protection, GATE, []), site.ask)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert list(Path(protection.rehearsal_scratch).iterdir()) == []


def test_what_production_has_configured_does_not_make_the_copy_listen_archive_or_load(
    site: Site, copied: tuple[Protection, BackupRun, Asker]
) -> None:
    protection, run, asker = copied
    answers: dict[str, str] = {}

    def ask(command: str) -> Reply:
        spot = spot_of(protection, GATE)
        if " start " in command:
            dangerous = (
                "listen_addresses = '127.0.0.1'\nport = 54329\narchive_mode = 'on'\narchive_command = 'false'\n"
                "shared_preload_libraries = 'not_there'\nunix_socket_permissions = '0777'\nhba_file = '/nowhere'\n"
            )
            Path(spot.back, "cluster/postgresql.auto.conf").write_text(dangerous)
        if "pg_dump" in command:
            for name in ("listen_addresses", "archive_mode", "archive_command", "shared_preload_libraries", "port"):
                words = f"psql -X -A -t -h {spot.work} -p 5432 -U postgres -d postgres -c 'SHOW {name}'"
                answers[name] = site.ask(words).stdout.decode().strip()
            answers["mode"] = oct(Path(spot.work, ".s.PGSQL.5432").stat().st_mode & 0o777)
        return asker(command)

    found = rehearsed(site, protection, run=run, asker=ask)
    assert answers == {
        "listen_addresses": "", "archive_mode": "off", "archive_command": "(disabled)",
        "shared_preload_libraries": "", "port": "5432", "mode": "0o700",
    }  # fmt: skip
    assert "pg_amcheck" not in found.because


def test_a_path_too_long_for_a_socket_is_told_before_anything_is_started(site: Site) -> None:
    protection = site.protection(site.root / "good")
    long = protection.model_copy(update={"rehearsal_scratch": f"{site.root}/x/{'d' * 80}"})
    run = newest(site, protection)

    def ask(command: str) -> Reply:
        assert "pg_ctl start" not in command
        return site.ask("true") if command.endswith(" restore") else site.ask(command)

    found = drive(rehearse(TOOLS[long.tool], EXAMINER, long, site.dataset, run, "naa.1", (), GATE), ask)
    site.run("rmdir", long.rehearsal_scratch)
    assert "too long a path for a socket" in found.because


def test_a_version_without_a_server_on_this_host_is_told(site: Site) -> None:
    protection = site.protection(site.root / "good")
    asker = spoilt(site.ask, {"cat": saying(b"10\n"), "pgbackrest": lambda reply: replace(reply, exit_status=0)})
    found = rehearsed(site, protection, run=newest(site, protection), asker=asker)
    assert "has no server of PostgreSQL 10" in found.because
    assert PROGRAMS.exists()
