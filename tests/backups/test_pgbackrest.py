"""pgBackRest 2.45 itself, over repositories that were damaged one bit, file or directory at a time."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups.pgbackrest import catalogue
from gate.backups.pgbackrest_verify import verify
from gate.evidence import BackupReading, BackupRun, Log, Reply, ReplyState, Verification
from gate.inventory import Protection
from tests.backups.clusters import Asker, Site, flip, replace_file, segment_files
from tests.backups.local import drive, failed, lost, saying, spoilt

RECORDED = Path(__file__).parents[1] / "vectors/pgbackrest-2.55.1"


def read(site: Site, protection: Protection, asker: Asker | None = None) -> BackupReading:
    return drive(catalogue(protection), asker or site.ask)


def verified(site: Site, protection: Protection, run: BackupRun, asker: Asker | None = None) -> Verification:
    return drive(verify(protection, site.dataset, run, "naa.1"), asker or site.ask)


def both(site: Site, repository: Path) -> tuple[BackupRun, Verification]:
    protection = site.protection(repository)
    run = read(site, protection).runs[0]
    return run, verified(site, protection, run)


def test_the_catalogue_tells_chain_times_log_and_recovery_point(site: Site) -> None:
    found = read(site, site.protection(site.root / "good"))
    assert (found.problem, found.tool_version) == ("", "2.45")
    assert found.clock_skew_s in range(-3, 4)
    newest, full = found.runs
    assert (newest.kind, newest.parents, newest.error) == ("incr", (full.id,), "")
    assert (full.kind, full.parents) == ("full", ())
    assert newest.started_at is not None
    assert site.reference.at < newest.started_at <= newest.finished_at <= found.at
    assert newest.recovery_point_at is not None
    assert newest.finished_at <= newest.recovery_point_at <= found.at
    assert newest.log is Log.COMPLETE
    assert newest.log_stop == segment_files(site.root / "good")[-1].name.split("-")[0] > newest.log_start
    assert found.stored is not None
    assert found.stored >= full.size > 20_000_000


def test_a_whole_repository_is_read_in_full(site: Site) -> None:
    run, found = both(site, site.root / "good")
    assert (found.level, found.passed, found.complete) == ("V4", True, True), found.because
    assert run.id in found.seen
    assert found.counts is not None
    assert found.counts.total == found.counts.ok > 500


def file_of(repository: Path, run: BackupRun) -> Path:
    """A file of the full backup that the increment builds on: a table."""
    files = (repository / "backup/main" / run.parents[0] / "pg_data/base").glob("*/*")
    return max(files, key=lambda file: file.stat().st_size)


def test_a_flipped_bit_is_found_though_the_exit_status_is_0_and_the_file_is_named(site: Site) -> None:
    repository = site.copy("good")
    protection = site.protection(repository)
    run = read(site, protection).runs[0]
    damaged = file_of(repository, run)
    flip(damaged)
    assert read(site, protection).runs[0] == run  # info says nothing of it
    statuses: list[int | None] = []

    def ask(command: str) -> Reply:
        statuses.append(site.ask(command).exit_status)
        return site.ask(command)

    found = verified(site, protection, run, ask)
    assert statuses == [0]
    assert (found.level, found.passed) == ("V1", False)
    assert damaged.name in found.because
    assert "1 with a wrong checksum" in found.because
    assert found.counts is not None
    assert (found.counts.total - found.counts.ok, found.counts.damaged) == (1, 1)


def test_a_file_that_is_gone_is_found_and_named(site: Site) -> None:
    repository = site.copy("good")
    run = read(site, site.protection(repository)).runs[0]
    gone = file_of(repository, run)
    gone.unlink()
    found = both(site, repository)[1]
    assert (found.level, found.passed) == ("V1", False)
    assert gone.name in found.because
    assert found.counts is not None
    assert found.counts.missing == 1


def test_a_flipped_bit_in_the_log_is_found_though_the_backup_is_valid(site: Site) -> None:
    repository = site.copy("good")
    damaged = segment_files(repository)[-2]
    flip(damaged)
    found = both(site, repository)[1]
    assert (found.level, found.passed) == ("V1", False)
    assert "the archive 15-1 is valid" in found.because
    assert damaged.name in found.because


def test_a_segment_that_is_missing_is_found_by_the_gate_alone(site: Site) -> None:
    repository = site.copy("good")
    segment = segment_files(repository)[-3]
    segment.unlink()
    run, found = both(site, repository)
    assert run.log is Log.GAP
    assert (found.level, found.passed) == ("V4-partial", False)
    assert f"segment {segment.name[:24]} of the log is missing" in found.because
    before = segment_files(repository)[-3]
    assert run.log_stop == before.name[:24]
    assert run.recovery_point_at == datetime.fromtimestamp(int(before.stat().st_mtime), UTC)


def test_the_log_that_a_backup_itself_needs_is_missing(site: Site) -> None:
    repository = site.copy("good")
    run = read(site, site.protection(repository)).runs[0]
    for file in segment_files(repository):
        if file.name[:24] >= run.log_start:
            file.unlink()
    found = read(site, site.protection(repository)).runs[0]
    assert (found.log, found.recovery_point_at) == (Log.GAP, None)
    assert run.log_start in found.log_because


def test_without_any_log_the_tool_says_ok_and_the_gate_does_not(site: Site) -> None:
    repository = site.copy("good")
    shutil.rmtree(repository / "archive/main/15-1")
    run, found = both(site, repository)
    assert run.log is not Log.COMPLETE
    assert not found.passed
    assert "no segment of the log was read" in found.because


@pytest.mark.parametrize("which", ["all", "the parent"])
def test_a_directory_that_is_gone_after_info_is_found(site: Site, which: str) -> None:
    repository = site.copy("good")
    protection = site.protection(repository)
    run = read(site, protection).runs[0]
    for label in (run.id, *run.parents) if which == "all" else run.parents:
        shutil.rmtree(repository / "backup/main" / label)
    assert read(site, protection).runs[0].id == run.id  # info lists it all the same
    found = verified(site, protection, run)
    assert (found.level, found.passed) == ("V1", False)
    assert f"backup {run.parents[0]} is not among those that were read" in found.because
    assert (run.id in found.seen) == (which != "all")


def test_pages_that_were_rotten_in_production_are_the_tools_own_error_though_it_calls_them_valid(site: Site) -> None:
    run, found = both(site, site.root / "rotten")
    assert run.error is not None
    assert run.error.startswith("pages with a wrong checksum were found while it was made: 'base/")
    assert found.passed
    assert both(site, site.root / "good")[0].error == ""


@pytest.mark.parametrize("file", ["info", "verify", "repo-ls", "version"])
@pytest.mark.parametrize("damage", [lost, failed, *map(saying, (b"", b"\xff", b"{}", b"stanza: main\n"))])
def test_what_is_not_answered_is_never_a_pass(site: Site, file: str, damage: Callable[[Reply], Reply]) -> None:
    protection = site.protection(site.root / "good")
    remembered = site.remembered(protection)
    good = read(site, protection, remembered).runs[0]

    def ask(command: str) -> Reply:
        return damage(remembered(command)) if f" {file}" in command else remembered(command)

    if file == "verify":
        found = verified(site, protection, good, ask)
        assert (found.level, found.passed, found.counts) == ("V0", False, None)
    else:
        reading = read(site, protection, ask)
        assert reading.problem or reading.runs[0].log is not Log.COMPLETE


def test_a_read_that_did_not_end_in_time_has_not_passed_and_was_cut_short(site: Site) -> None:
    protection = site.protection(site.root / "good")
    run = read(site, protection).runs[0]

    def late(reply: Reply) -> Reply:
        return replace(reply, state=ReplyState.TIMED_OUT, exit_status=None, problem="no answer within 60 s")

    found = verified(site, protection, run, spoilt(site.ask, {"pgbackrest": late}))
    assert (found.level, found.passed, found.complete) == ("V0", False, False)
    assert "no answer within 60 s" in found.because


def test_a_stanza_that_is_not_there_and_a_tool_that_is_not_there_are_told(site: Site) -> None:
    missing = read(site, site.protection(site.root / "nowhere"))
    assert "missing stanza path" in missing.problem

    def ask(command: str) -> Reply:
        return site.ask(command.replace("pgbackrest ", "pgbackrest-that-is-not-there "))

    assert "pgbackrest is not there for this user" in read(site, site.protection(site.root / "good"), ask).problem


def test_a_repository_without_a_backup_is_a_fact_and_no_trouble(site: Site) -> None:
    said = b'[{"backup":[],"archive":[],"name":"main","status":{"code":2,"message":"no valid backups"}}]'
    protection = site.protection(site.root / "good")
    found = read(site, protection, spoilt(site.ask, {"pgbackrest --config": saying(said)}))
    assert (found.problem, found.runs) == ("", ())


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (b'"timestamp":{"start":9999999999,"stop":9999999999}', "future"),
        (b'"timestamp":{"start":1795395836,"stop":1795395832}', "ends before it begins"),
        (b'"timestamp":{"start":true,"stop":1795395832}', "gives no start"),
        (b'"timestamp":[]', "is no object"),
    ],
)
def test_a_backup_told_with_wrong_times_is_a_problem(site: Site, told: bytes, because: str) -> None:
    def change(reply: Reply) -> Reply:
        if b'"timestamp"' not in reply.stdout:
            return reply
        begins = reply.stdout.index(b'"timestamp"')
        ends = reply.stdout.index(b"}", begins) + 1
        return replace(reply, stdout=reply.stdout[:begins] + told + reply.stdout[ends:])

    protection = site.protection(site.root / "good")
    found = read(site, protection, spoilt(site.remembered(protection), {"pgbackrest --config": change}))
    assert because in found.problem
    assert found.runs == ()


def test_two_different_files_for_one_segment_are_not_a_whole_log(site: Site) -> None:
    repository = site.copy("good")
    file = segment_files(repository)[-1]
    replace_file(file.with_name(file.name[:25] + "0" * 40), b"something else")
    run = read(site, site.protection(repository)).runs[0]
    assert run.log is Log.UNKNOWN
    assert "twice" in run.log_because


@pytest.mark.parametrize(
    ("name", "level"),
    [("ok-verbose", "V4"), ("bit-verbose", "V1"), ("bit-quiet", "V1"), ("ok-quiet", "V0"), ("archive-gone", "V1"),
     ("directories-removed", "V1"), ("no-repository", "V1"), ("set-invalid", "V1")],
)  # fmt: skip
def test_what_the_next_release_says_is_read_the_same(site: Site, name: str, level: str) -> None:
    """Recorded from 2.55.1 on the same kind of damage; it was not run here."""
    recorded = saying((RECORDED / f"{name}.txt").read_bytes())
    run = BackupRun(
        "20261123-010352F_20261123-010357I",
        datetime(2026, 11, 23, 1, 4, tzinfo=UTC),
        1,
        parents=("20261123-010352F",),
        log=Log.COMPLETE,
    )
    protection = site.protection(site.root / "good")
    found = verified(site, protection, run, lambda command: recorded(replace(site.ask("true"), command=command)))
    assert (found.level, found.passed) == (level, level == "V4")
