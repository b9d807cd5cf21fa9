"""restic as Debian brings it, over real repositories with real damage; what it says of them, and what that proves."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate import rotation
from gate.backups.restic import TOOL, catalogue, verify
from gate.evidence import BackupReading, BackupRun, Counts, Reply, ReplyState, Verification
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups import restic_repository
from tests.backups.local import Asker, Machine, drive, failed, lost, saying, spoilt
from tests.backups.restic_repository import PASSWORD, change, flip, packs, restic
from tests.parts import need


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three backups of a tree that grows: `production` and `repository` in one folder."""
    need("restic")
    folder = tmp_path_factory.mktemp("restic")
    production = folder / "production"
    production.mkdir()
    restic_repository.make(folder / "repository")
    for number in range(3):
        (production / f"photo-{number}").write_bytes(os.urandom(30_000))
        restic(folder / "repository", "backup", "-q", "--tag", f"t{number},nightly", str(production))
    return folder


@pytest.fixture
def repository(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept / "repository", tmp_path / "repository")
    (tmp_path / "password").write_bytes(PASSWORD)
    return tmp_path / "repository"


@pytest.fixture
def dataset(kept: Path) -> Dataset:
    return Dataset(
        id="photos", tier=2, engine=Engine.FILES, host="db-1", path=str(kept / "production"), mount=str(kept)
    )


@pytest.fixture
def protection(repository: Path) -> Protection:
    return Protection(
        id="photos-nightly",
        dataset="photos",
        tool=BackupTool.RESTIC,
        host="bk-1",
        repository=str(repository),
        mount=str(repository.parent),
        password_file=str(repository.parent / "password"),
        rehearsal_host="bk-1",
        rehearsal_scratch=str(repository.parent / "scratch"),
    )


@pytest.fixture
def wrapper(tmp_path: Path) -> Callable[[str], Path]:
    """Put a script in front of the real restic, which it may call as `$REAL`."""

    def make(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "restic").write_text(f"#!/bin/sh\nREAL={need('restic')}\n{script}\n")
        (folder / "restic").chmod(0o755)
        return folder

    return make


def read(protection: Protection, asker: Asker | None = None) -> BackupReading:
    return drive(catalogue(protection), asker or Machine())


def verified(
    protection: Protection, dataset: Dataset, asker: Asker | None = None, earlier: tuple[Verification, ...] = ()
) -> Verification:
    run = newest_of(protection)
    return drive(verify(protection, dataset, run, "naa.1", earlier), asker or Machine())


def newest_of(protection: Protection) -> BackupRun:
    return read(protection).runs[0]


def test_the_snapshots_come_newest_first_with_times_and_sizes(protection: Protection, dataset: Dataset) -> None:
    reading = read(protection)
    assert reading.problem == ""
    assert [run.size for run in reading.runs] == [90_000, 60_000, 30_000]
    assert [run.finished_at for run in reading.runs] == sorted((run.finished_at for run in reading.runs), reverse=True)
    run = reading.runs[0]
    assert run.started_at is not None
    assert (run.kind, run.parents, run.started_at.utcoffset()) == ("full", (), timedelta(0))
    assert abs((datetime.now(UTC) - run.finished_at).total_seconds()) < 3600
    assert reading.tool_version == restic(Path(protection.repository), "version").split()[1]
    assert reading.stored is not None
    assert reading.stored > 90_000
    assert reading.clock_skew_s is not None
    assert abs(reading.clock_skew_s) <= 3


def test_a_tag_chooses_the_snapshots_of_one_protection(protection: Protection) -> None:
    tagged = protection.model_copy(update={"name": "t1"})
    assert [run.size for run in read(tagged).runs] == [60_000]
    assert read(protection.model_copy(update={"name": "t"})).runs == ()


def test_another_machines_backup_in_the_same_repository_is_not_productions_newest(
    protection: Protection, dataset: Dataset, repository: Path
) -> None:
    restic(repository, "backup", "-q", "--host", "other.invalid", "--tag", "other", dataset.path)
    mixed = read(protection)
    assert "'other.invalid'" in mixed.problem
    assert "so whose is newest is not known: give those of each dataset a tag of their own" in mixed.problem
    assert mixed.runs == ()
    ours = read(protection.model_copy(update={"name": "nightly"}))
    assert (ours.problem, [run.size for run in ours.runs]) == ("", [90_000, 60_000, 30_000])


def test_an_empty_repository_is_a_fact_and_no_problem(tmp_path: Path, protection: Protection) -> None:
    empty = restic_repository.make(tmp_path / "empty")
    reading = read(protection.model_copy(update={"repository": str(empty)}))
    assert (reading.runs, reading.problem) == ((), "")


def test_nothing_in_the_repository_is_touched_and_no_password_is_spoken(
    protection: Protection, dataset: Dataset, repository: Path
) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in repository.rglob("*"))

    before, said = state(), list[str]()
    run = drive(catalogue(protection), Machine(), said).runs[0]
    drive(verify(protection, dataset, run, "naa.1"), Machine(), said)
    assert state() == before
    assert not any(PASSWORD.decode() in command for command in said)


def test_all_packs_read_and_hashed_are_a_full_read(protection: Protection, dataset: Dataset, repository: Path) -> None:
    found = verified(protection, dataset)
    count = len(packs(repository))
    assert (found.level, found.passed, found.complete, found.coverage) == ("V4", True, True, None)
    assert found.counts == Counts("packs", count, count)
    assert found.backup in found.seen
    assert len(found.seen) == 3


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a bit in a pack": lambda repository: flip(packs(repository)[0]),
    "a pack shorter by a byte": lambda repository: change(packs(repository)[0], lambda data: data[:-1]),
    "a bit in an index": lambda repository: flip(next((repository / "index").iterdir())),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_by_a_full_read_and_told(
    protection: Protection, dataset: Dataset, repository: Path, damage: Callable[[Path], None]
) -> None:
    run = newest_of(protection)
    damage(repository)
    found = drive(verify(protection, dataset, run, "naa.1"), Machine())
    assert (found.level, found.passed, found.complete) == ("V1", False, True)
    assert "the check ended with 1: " in found.because


def test_the_damaged_pack_is_counted_and_named(protection: Protection, dataset: Dataset, repository: Path) -> None:
    run, pack = newest_of(protection), packs(repository)[1]
    flip(pack)
    found = drive(verify(protection, dataset, run, "naa.1"), Machine())
    count = len(packs(repository))
    assert found.counts == Counts("packs", count, count - 1, damaged=1)
    assert f"pack {pack.name[:16]} is damaged" in found.because


def test_a_missing_pack_is_named_also_when_restic_waits_for_it_beyond_the_deadline(
    protection: Protection, dataset: Dataset, repository: Path
) -> None:
    run, pack = newest_of(protection), packs(repository)[0]
    pack.unlink()
    found = drive(verify(protection, dataset, run, "naa.1"), Machine(deadline_s=15))
    assert (found.level, found.passed) == ("V1", False)
    assert f"pack {pack.name[:16]}" in found.because


def test_a_snapshot_that_cannot_be_read_is_not_left_out_in_silence(protection: Protection, repository: Path) -> None:
    flip(repository / "snapshots" / newest_of(protection).id)
    reading = read(protection)
    assert "the list of snapshots: restic complains" in reading.problem


def test_a_check_without_reading_is_only_the_structure_also_over_a_flipped_bit(
    protection: Protection, dataset: Dataset, repository: Path, wrapper: Callable[[str], Path]
) -> None:
    run = newest_of(protection)
    flip(packs(repository)[0])
    plain = wrapper('[ "$8" = --read-data ] && exec "$REAL" "$1" "$2" "$3" "$4" "$5" "$6" "$7"; exec "$REAL" "$@"')
    found = drive(verify(protection, dataset, run, "naa.1"), Machine(plain))
    assert (found.level, found.passed, found.coverage) == ("V2", True, None)
    assert "no data were read" in found.because


def test_a_random_share_never_counts(protection: Protection, dataset: Dataset, wrapper: Callable[[str], Path]) -> None:
    parts = protection.model_copy(update={"read_parts": 2})
    share = wrapper(
        'case "$8" in --read*) exec "$REAL" "$1" "$2" "$3" "$4" "$5" "$6" "$7" --read-data-subset=10%;; esac\n'
        'exec "$REAL" "$@"'
    )
    for asked in (protection, parts):
        found = verified(asked, dataset, Machine(share))
        assert (found.level, found.coverage) == ("V2", None)
        assert "nobody can say which" in found.because


Told = tuple[Callable[[str], frozenset[str] | None], Asker]


def lists() -> Told:
    """Return an asker that keeps every reply as the gate does, and what reads a kept list."""
    kept_replies: dict[str, bytes] = {}
    machine = Machine()

    def ask(command: str) -> Reply:
        reply = machine(command)
        kept_replies[reply.digest] = reply.stdout
        return reply

    def objects(digest: str) -> frozenset[str] | None:
        return rotation.ids(kept_replies[digest]) if digest in kept_replies else None

    return objects, ask


def in_turn(
    protection: Protection, dataset: Dataset, turns: int, earlier: tuple[Verification, ...], told: Told
) -> tuple[Verification, ...]:
    objects, ask = told
    for _ in range(turns):
        record = verified(protection, dataset, ask, earlier)
        earlier = (*earlier, rotation.joined(record, earlier, objects))
    return earlier


def halves(repository: Path) -> tuple[list[Path], list[Path]]:
    """Return the packs of part 1 and of part 2 of two."""
    even = [pack for pack in packs(repository) if int(pack.name[:2], 16) % 2 == 0]
    return even, [pack for pack in packs(repository) if pack not in even]


@pytest.fixture
def two_parts(protection: Protection, repository: Path, dataset: Dataset, tmp_path: Path) -> Protection:
    """Two parts that both hold a pack of data: backups are added until that is so."""
    while not all(half and half[0].stat().st_size > 20_000 for half in halves(repository)):
        (tmp_path / "more").write_bytes(os.urandom(30_000))
        restic(repository, "backup", "-q", dataset.path, str(tmp_path / "more"))
    long_ago = time.time() - 2 * 86400
    for pack in packs(repository):
        os.utime(pack, (long_ago, long_ago))
    return protection.model_copy(update={"read_parts": 2})


def test_parts_in_turn_become_a_full_read(two_parts: Protection, dataset: Dataset, repository: Path) -> None:
    told = lists()
    first, second = in_turn(two_parts, dataset, 2, (), told)
    even, odd = halves(repository)
    assert (first.level, first.passed, first.counts) == ("V3", True, Counts("packs", len(even), len(even)))
    assert first.coverage is not None
    assert (first.coverage.bucket, first.coverage.unread) == (1, len(odd))
    assert (second.level, second.counts) == ("V4", Counts("packs", len(odd), len(odd)))
    assert second.coverage is not None
    assert (second.coverage.whole_since, second.coverage.unread) == (first.at, 0)


def test_the_part_without_the_damage_passes_and_the_next_one_finds_it(
    two_parts: Protection, dataset: Dataset, repository: Path
) -> None:
    run = newest_of(two_parts)
    flip(halves(repository)[1][0])
    objects, ask = lists()
    first = rotation.joined(drive(verify(two_parts, dataset, run, "naa.1"), ask), (), objects)
    assert (first.level, first.passed) == ("V3", True)
    assert first.coverage is not None
    assert first.coverage.unread == len(halves(repository)[1])
    second = rotation.joined(drive(verify(two_parts, dataset, run, "naa.1", (first,)), ask), (first,), objects)
    assert (second.level, second.passed) == ("V1", False)
    assert rotation.due((first, second), 2) == 2


def test_what_newly_came_is_read_besides_the_part_and_keeps_the_whole_whole(
    two_parts: Protection, dataset: Dataset, repository: Path, tmp_path: Path
) -> None:
    told = lists()
    records = in_turn(two_parts, dataset, 2, (), told)
    before = set(packs(repository))
    (tmp_path / "more").write_bytes(os.urandom(3000))
    restic(repository, "backup", "-q", dataset.path, str(tmp_path / "more"))
    assert set(packs(repository)) - before
    third = in_turn(two_parts, dataset, 1, records, told)[-1]
    assert third.level == "V4"
    assert "that newly came" in third.because
    assert third.coverage is not None
    assert (third.coverage.whole_since, third.coverage.unread) == (records[1].at, 0)


def test_a_pack_that_newly_came_and_reads_otherwise_is_damage(
    two_parts: Protection, dataset: Dataset, repository: Path
) -> None:
    told = lists()
    records, run = in_turn(two_parts, dataset, 1, (), told), newest_of(two_parts)
    flip(halves(repository)[0][0])  # of the part that was read just now; the other one is due
    found = drive(verify(two_parts, dataset, run, "naa.1", records), told[1])
    assert (found.level, found.passed) == ("V1", False)
    assert "reads otherwise than it is named" in found.because
    assert found.coverage is not None


@pytest.mark.parametrize("instead", [b"read group #2 of", b"read all data\n"])
def test_a_report_of_another_part_than_was_asked_for_covers_nothing(
    two_parts: Protection, dataset: Dataset, instead: bytes
) -> None:
    whole = re.compile(rb"read group #1 of [^\n]*\n" if instead.endswith(b"\n") else rb"read group #1 of")
    found = verified(
        two_parts, dataset, spoilt_check(lambda reply: replace(reply, stdout=whole.sub(instead, reply.stdout)))
    )
    assert (found.level, found.passed) == ("V2", False)
    assert "another part was read" in found.because


def test_a_part_that_holds_no_pack_proves_nothing(protection: Protection, dataset: Dataset) -> None:
    many = protection.model_copy(update={"read_parts": 256})
    found = verified(many, dataset)
    if found.counts == Counts("packs", 0, 0):
        assert (found.level, found.passed) == ("V1", False)
        assert "lower read_parts" in found.because
    else:
        assert found.level == "V3"


@pytest.fixture
def holding(repository: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start restic on the repository and stop it while it holds its lock."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        secret = str(repository.parent / "password")
        held = [need("restic"), "-r", str(repository), "--password-file", secret, "--no-cache", *words]
        nowhere = subprocess.DEVNULL
        for _ in range(30):  # it may be done before this process has its turn
            process = subprocess.Popen(held, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere)
            running.append(process)
            while process.poll() is None:
                if [one for one in (repository / "locks").iterdir() if "-tmp-" not in one.name]:
                    process.send_signal(signal.SIGSTOP)
                    return process
                time.sleep(0.001)
        raise AssertionError("it always ended before it was seen to hold a lock")

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def test_a_repository_that_somebody_holds_alone_is_unknown_and_says_who(
    protection: Protection, dataset: Dataset, holding: Callable[..., subprocess.Popen[bytes]]
) -> None:
    run = newest_of(protection)
    process = holding("prune", "--max-unused", "0")
    found = drive(verify(protection, dataset, run, "naa.1"), Machine())
    assert (found.level, found.passed, found.complete) == ("V0", False, False)
    assert f"locked by PID {process.pid} on " in found.because
    assert "restic unlock" in found.because


def test_a_backup_that_runs_meanwhile_holds_nothing_up(
    protection: Protection, dataset: Dataset, holding: Callable[..., subprocess.Popen[bytes]]
) -> None:
    run = newest_of(protection)
    holding("backup", "--stdin")
    assert drive(verify(protection, dataset, run, "naa.1"), Machine()).level == "V4"


def test_a_hanging_tool_ends_at_the_deadline_as_unknown(
    protection: Protection, dataset: Dataset, wrapper: Callable[[str], Path]
) -> None:
    hangs = wrapper('[ "$7" = check ] && sleep 60; exec "$REAL" "$@"')
    found = verified(protection, dataset, Machine(hangs, deadline_s=15))
    assert (found.level, found.passed, found.complete) == ("V1", False, False)
    assert "no answer within the deadline" in found.because


def test_a_report_that_was_cut_is_unknown(protection: Protection, dataset: Dataset) -> None:
    def cut(reply: Reply) -> Reply:
        return replace(reply, state=ReplyState.TOO_LONG, exit_status=None, stdout=reply.stdout[:50], problem="cut")

    found = verified(protection, dataset, spoilt_check(cut))
    assert (found.passed, found.complete) == (False, False)


def spoilt_check(how: Callable[[Reply], Reply]) -> Asker:
    machine = Machine()
    return lambda command: how(machine(command)) if " check " in command else machine(command)


@pytest.mark.parametrize(
    ("change_it", "level", "said"),
    [
        (lambda out: out.replace(b"no errors were found", b"es wurden keine Fehler gefunden"), "V1", "keine Fehler"),
        (lambda out: out.replace(b"read all data\n", b""), "V2", "no data were read"),
        (lambda out: out.replace(b"packs\n", b"Pakete\n"), "V2", "does not say that it read every pack"),
        (lambda out: out.replace(b"snapshots\n", b"Bilder\n"), "V1", "saw every snapshot"),
        (lambda out: out.replace(b"3 / 3 snap", b"2 / 2 snap"), "V1", "2 snapshots were checked, 3 are there"),
        (lambda out: out.replace(b"3 / 3 snap", b"2 / 3 snap"), "V1", "saw every snapshot"),
        (lambda out: b"Load(<data/1>) returned error, retrying\n" + out, "V3", "with a warning"),
        (lambda out: b"", "V1", "does not say"),
        (
            lambda out: b'{"message_type":"summary","num_errors":0,"broken_packs":null,"new":1}\n',
            "V1",
            "not what it read",
        ),
    ],
)
def test_exit_status_0_alone_proves_nothing(
    protection: Protection, dataset: Dataset, change_it: Callable[[bytes], bytes], level: str, said: str
) -> None:
    found = verified(protection, dataset, spoilt_check(lambda reply: replace(reply, stdout=change_it(reply.stdout))))
    assert found.level == level
    assert said in found.because


def test_a_clean_report_with_another_exit_status_is_no_pass(protection: Protection, dataset: Dataset) -> None:
    found = verified(protection, dataset, spoilt_check(lambda reply: replace(reply, exit_status=3)))
    assert (found.level, found.passed) == ("V1", False)


@pytest.mark.parametrize("how", [lost, failed, saying(b"\xff\n"), saying(b"\x1b[2J\n")])
@pytest.mark.parametrize("question", ["snapshots --json", "list packs", "list locks", " check "])
def test_an_answer_that_is_not_whole_verifies_nothing(
    protection: Protection, dataset: Dataset, question: str, how: Callable[[Reply], Reply]
) -> None:
    run, machine = newest_of(protection), Machine()
    asked = verify(protection, dataset, run, "naa.1")
    found = drive(asked, lambda command: how(machine(command)) if question in command else machine(command))
    assert not found.passed
    assert found.level in {"V0", "V1"}


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong password": (lambda repository: (repository.parent / "password").write_text("other"), "opens nothing"),
    "no password": (lambda repository: (repository.parent / "password").unlink(), "let this user read it"),
    "no repository": (lambda repository: (repository / "config").unlink(), "is it mounted?"),
}


@pytest.mark.parametrize(("spoil", "said"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_opened_is_unknown_with_the_next_thing_to_do(
    protection: Protection, dataset: Dataset, repository: Path, spoil: Callable[[Path], object], said: str
) -> None:
    run = newest_of(protection)
    spoil(repository)
    reading = read(protection)
    assert reading.runs == ()
    assert said in reading.problem
    found = drive(verify(protection, dataset, run, "naa.1"), Machine())
    assert (found.level, found.passed, found.complete) == ("V0", False, False)
    assert said in found.because


def exit_error(code: int, said: str) -> Callable[[Reply], Reply]:
    """What 0.17 and later write beside their own exit statuses; from restic's manual, not run here."""
    line = b'{"message_type":"exit_error","code":%d,"message":"%s"}\n' % (code, said.encode())
    return lambda reply: replace(reply, exit_status=code, stdout=b"", stderr=line)


@pytest.mark.parametrize(
    ("question", "code", "words", "said"),
    [
        ("snapshots --json", 10, "Fatal: repository does not exist", "there is no repository there"),
        ("list locks", 12, "Fatal: wrong key", "opens nothing; put the right one there"),
        (" check ", 11, "Fatal: unable to lock", "the repository is locked; let it end"),
    ],
)
def test_the_exit_statuses_of_newer_versions_are_known_whatever_their_words(
    protection: Protection, dataset: Dataset, question: str, code: int, words: str, said: str
) -> None:
    refused, machine, run = exit_error(code, words), Machine(), newest_of(protection)
    asked = verify(protection, dataset, run, "naa.1")
    found = drive(asked, lambda command: refused(machine(command)) if question in command else machine(command))
    assert (found.passed, found.complete) == (False, False)
    assert said in found.because


def test_a_tool_that_is_missing_or_of_another_version_is_a_problem(
    protection: Protection, wrapper: Callable[[str], Path], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for program in ("date", "du"):
        (bare / program).symlink_to(str(shutil.which(program)))
    assert "restic is not there for this user" in read(protection, Machine(PATH=str(bare))).problem
    for said in ("restic 0.9.6 compiled with go1.12", "restic 1.0.0 compiled", "rustic 0.14.0", ""):
        assert "is not known here" in read(protection, Machine(wrapper(f"echo '{said}'"))).problem


def test_without_a_password_file_nothing_is_asked_of_restic(protection: Protection) -> None:
    said: list[str] = []
    reading = drive(catalogue(protection.model_copy(update={"password_file": None})), Machine(), said)
    assert "names no password_file" in reading.problem
    assert not any("restic" in command for command in said)


@pytest.mark.parametrize(
    ("change_it", "said"),
    [
        (lambda out: out.replace(b'":"20', b'":"29'), "lies in the future"),
        (lambda out: out.replace(b'"time"', b'"Zeit"'), "time is no time"),
        (lambda out: out.replace(b'"id":"', b'"id":"; '), "gives no id"),
        (lambda out: out[:-20], "is not JSON"),
        (lambda out: b"{}", "is no list"),
        (lambda out: b"[1]", "is no object"),
        (lambda out: b"null", "is no list"),
    ],
)
def test_a_list_that_cannot_be_is_told(protection: Protection, change_it: Callable[[bytes], bytes], said: str) -> None:
    machine = Machine()

    def ask(command: str) -> Reply:
        reply = machine(command)
        return replace(reply, stdout=change_it(reply.stdout)) if "snapshots" in command else reply

    reading = read(protection, ask)
    assert said in reading.problem
    assert reading.problem.isprintable()


def test_fields_of_newer_versions_are_left_alone_and_the_end_of_a_backup_is_taken(protection: Protection) -> None:
    summary = b'"summary":{"backup_end":"2026-01-02T04:04:05.000000001+01:00","total_files_processed":7,"new":[],'
    machine = Machine()

    def ask(command: str) -> Reply:
        reply = machine(command)
        if "snapshots" not in command:
            return reply
        one = b'[{"id":"' + b"ab" * 32 + b'","time":"2026-01-02T03:04:04.5Z","program_version":"restic 0.18.0",'
        return replace(reply, stdout=one + summary + b'"total_bytes_processed":11}}]')

    run = read(protection, ask).runs[0]
    assert run.finished_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (run.size, run.files) == (11, 7)


def test_clocks_apart_are_measured(protection: Protection) -> None:
    ahead = str(int(time.time()) + 90).encode() + b"\n"
    reading = read(protection, spoilt(Machine(), {"date": saying(ahead)}))
    assert reading.clock_skew_s is not None
    assert 80 <= reading.clock_skew_s <= 100


def test_a_backup_of_another_path_proves_nothing_of_this_dataset(protection: Protection, dataset: Dataset) -> None:
    found = verified(protection, dataset.model_copy(update={"path": "/data/other"}))
    assert (found.level, found.passed) == ("V0", False)
    assert "and not /data/other" in found.because


def test_a_backup_that_is_gone_is_not_verified(protection: Protection, dataset: Dataset) -> None:
    found = drive(verify(protection, dataset, BackupRun("ab" * 32, datetime.now(UTC), 1), "naa.1"), Machine())
    assert (found.level, found.passed) == ("V0", False)
    assert "does not hold it any more" in found.because


def test_an_id_that_no_catalogue_returned_is_never_put_into_a_command(protection: Protection, dataset: Dataset) -> None:
    run = BackupRun("latest; rm", datetime.now(UTC), 1)
    assert TOOL.restore is not None
    with pytest.raises(ValueError, match="cannot be read by restic"):
        drive(verify(protection, dataset, run, "naa.1"), Machine())
    with pytest.raises(ValueError, match="no id of a restic snapshot"):
        drive(TOOL.restore(protection, dataset, run, "/nowhere", []), Machine())
