"""borg as Debian brings it, over a real repository with real damage; what it says of it, and what that proves."""

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups.borg import TOOL, catalogue, verify
from gate.backups.held import held
from gate.checks import backup_verified, copy_survives, sentinel_refused
from gate.evidence import BackupReading, BackupRun, Reply, Verification
from gate.finding import Outcome
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.judged import PLACE, judged
from tests.backups.local import Asker, Machine, drive, failed, lost, saying
from tests.parts import need

PASSPHRASE = "open sesame"


def borg(folder: Path, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run borg as the backup's owner does, with locks and a home of its own."""
    known = {"BORG_BASE_DIR": str(folder / "home"), "BORG_PASSPHRASE": PASSPHRASE, "PATH": os.environ["PATH"]}
    known["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes"
    return subprocess.run([need("borg"), *words], env=known, check=check, capture_output=True, text=True, cwd=folder)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two archives: `production`, `repository`, `password` and the owner's home in one folder."""
    folder = tmp_path_factory.mktemp("borg")
    (folder / "production").mkdir()
    (folder / "password").write_text(PASSPHRASE + "\n")
    borg(folder, "init", "-e", "repokey", "repository")
    for number in range(2):
        (folder / "production" / f"photo-{number}").write_bytes(os.urandom(60_000))
        borg(folder, "create", f"repository::photos-{number}", str(folder / "production"))
    return folder


@pytest.fixture
def dataset(kept: Path) -> Dataset:
    return Dataset(
        id="photos", tier=2, engine=Engine.FILES, host="db-1", path=str(kept / "production"), mount=str(kept)
    )


@pytest.fixture
def protection(kept: Path) -> Protection:
    return Protection(
        id="photos-nightly",
        dataset="photos",
        tool=BackupTool.BORG,
        host="bk-1",
        repository=str(kept / "repository"),
        mount=str(kept),
        password_file=str(kept / "password"),
        rehearsal_host="bk-1",
        rehearsal_scratch=str(kept / "scratch"),
    )


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    """Return a folder with the repository to spoil, and a home in which its place has been accepted."""
    for part in ("repository", "home"):
        shutil.copytree(kept / part, tmp_path / part)
    shutil.copy(kept / "password", tmp_path / "password")
    borg(tmp_path, "list", "repository")
    return tmp_path


def at(protection: Protection, folder: Path) -> Protection:
    told = {"repository": str(folder / "repository"), "password_file": str(folder / "password")}
    return protection.model_copy(update=told)


def machine(folder: Path, *first: Path, deadline_s: float = 60, timezone: str = "UTC") -> Machine:
    home = str(folder / "home")
    return Machine(*first, deadline_s=deadline_s, BORG_BASE_DIR=home, TZ=timezone, LANG="de_DE.UTF-8", LANGUAGE="de")


@pytest.fixture(scope="session")
def answers() -> dict[str, Reply]:
    """What borg answered over the undamaged repository, so that it is asked once for all tests that spoil answers."""
    return {}


@pytest.fixture
def well(kept: Path, answers: dict[str, Reply]) -> Asker:
    def ask(command: str) -> Reply:
        if command not in answers:
            answers[command] = machine(kept)(command)
        return answers[command]

    return ask


def spoil(asker: Asker, part: str, how: Callable[[Reply], Reply]) -> Asker:
    return lambda command: how(asker(command)) if part in command else asker(command)


def read(protection: Protection, asker: Asker) -> BackupReading:
    return drive(catalogue(protection), asker)


def run_of(protection: Protection, well: Asker) -> BackupRun:
    return read(protection, well).runs[0]


def verified(protection: Protection, dataset: Dataset, run: BackupRun, asker: Asker) -> Verification:
    return drive(verify(protection, dataset, run, "naa.1"), asker)


def segments(folder: Path) -> list[Path]:
    """Return the files of the repository that hold data, the largest first."""
    found = (path for path in (folder / "repository" / "data").glob("*/*"))
    return sorted(found, key=lambda path: -path.stat().st_size)


def altered(segment: Path, *, crc: bool) -> None:
    """Turn one bit inside the largest entry; with `crc` its CRC32 is made to match again, as a bad copy would."""
    data = bytearray(segment.read_bytes())
    place, largest = 8, (0, 0)  # behind the magic; an entry is CRC, size, tag, key, data
    while place < len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        largest = max(largest, (size, place))
        place += size
    size, place = largest
    data[place + size - 100] ^= 1
    if crc:
        data[place : place + 4] = zlib.crc32(bytes(data[place + 4 : place + size])).to_bytes(4, "little")
    segment.write_bytes(bytes(data))


def test_the_archives_come_newest_first_with_times_and_sizes(protection: Protection, well: Asker) -> None:
    reading = read(protection, well)
    assert reading.problem == ""
    assert [run.size for run in reading.runs] == [120_000, 60_000]
    assert [run.files for run in reading.runs] == [2, 1]
    run = reading.runs[0]
    assert run.started_at is not None
    assert run.started_at <= run.finished_at
    assert abs(datetime.now(UTC) - run.finished_at) < timedelta(hours=1)
    assert reading.tool_version == "1.2.4"
    assert reading.stored is not None
    assert reading.stored > 100_000
    assert reading.clock_skew_s is not None
    assert abs(reading.clock_skew_s) <= 3


def test_the_times_of_a_host_that_lives_elsewhere_are_utc(protection: Protection, kept: Path, well: Asker) -> None:
    reading = read(protection, machine(kept, timezone="Asia/Tokyo"))
    assert [run.finished_at for run in reading.runs] == [run.finished_at for run in read(protection, well).runs]


def test_a_full_verification_counts_every_chunk_and_touches_nothing(
    protection: Protection, dataset: Dataset, kept: Path, well: Asker
) -> None:
    def state() -> dict[str, bytes]:
        files = (one for one in (kept / "repository").rglob("*") if one.is_file() and one.name != "nonce")
        return {str(one): one.read_bytes() for one in files}

    before, said, run = state(), list[str](), run_of(protection, well)
    found = drive(verify(protection, dataset, run, "naa.1"), machine(kept), said)
    assert (found.level, found.passed, found.complete) == ("V4", True, True)
    assert found.counts is not None
    assert found.counts.total == found.counts.ok > 2
    assert found.seen == tuple(sorted(one.id for one in read(protection, well).runs))
    assert state() == before
    assert not any(PASSPHRASE in command for command in said)


def test_a_flipped_bit_ends_as_damage_although_borg_calls_it_a_warning(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker
) -> None:
    altered(segments(copied)[0], crc=False)
    run = run_of(protection, well)
    replies: list[Reply] = []

    def ask(command: str) -> Reply:
        replies.append(machine(copied)(command))
        return replies[-1]

    found = verified(at(protection, copied), dataset, run, ask)
    assert next(reply for reply in replies if " check " in reply.command).exit_status == 1
    assert (found.level, found.passed) == ("V1", False)
    assert "checksum mismatch" in found.because


def test_an_entry_altered_with_its_crc_passes_all_but_the_cryptographic_check(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker
) -> None:
    altered(segments(copied)[0], crc=True)
    run, there = run_of(protection, well), at(protection, copied)
    ask = machine(copied)

    def level(words: str) -> str:
        plain = verified(there, dataset, run, lambda command: ask(command.replace("--verify-data ", words)))
        assert plain.complete
        return plain.level

    assert level("") == "V2"
    assert level("--archives-only ") == "V2"
    assert level("--repository-only ") == "V1"  # it passes as well, and does not even say which archives there are
    found = verified(there, dataset, run, machine(copied))
    assert (found.level, found.passed) == ("V1", False)


def test_scenario_9_what_a_plain_check_calls_well_is_not_verified(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker
) -> None:
    altered(segments(copied)[0], crc=True)
    run, there, ask = run_of(protection, well), at(protection, copied), machine(copied)
    plain = verified(there, dataset, run, lambda command: ask(command.replace("--verify-data ", "")))
    assert (plain.passed, plain.level, plain.counts) == (True, "V2", None)
    found = judged(backup_verified, dataset, there, [run], [plain])
    assert found.outcome is Outcome.FAILED
    assert f"backup {run.id} reached V1, V4 is needed" in found.because  # it counted nothing


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, path.stat().st_size - 100)])
def test_a_segment_that_is_gone_or_short_is_damage(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker, damage: Callable[[Path], None]
) -> None:
    run = run_of(protection, well)
    damage(segments(copied)[0])
    found = verified(at(protection, copied), dataset, run, machine(copied))
    assert not found.passed
    assert found.level in {"V0", "V1"}


def test_an_append_only_repository_lets_its_archives_be_deleted_and_so_holds_nothing(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker
) -> None:
    """Measured: `borg delete` ends well and empties the list; the data wait for whoever lifts the flag."""
    borg(copied, "config", "repository", "append_only", "1")
    run, there = run_of(protection, well), at(protection, copied)
    flag = drive(held(there, run, PLACE, datetime.now(UTC)), machine(copied))
    assert (flag.mechanism, flag.mode, flag.problem) == ("borg-append-only", "append-only", "")
    for archive in ("photos-0", "photos-1"):
        borg(copied, "delete", f"repository::{archive}")
    assert read(there, machine(copied)).runs == ()
    for check in (copy_survives, sentinel_refused):
        found = judged(check, dataset, there, [run], held_by=flag)
        assert found.outcome is Outcome.FAILED
        assert "borg-append-only ends with the storage under it" in found.because


def test_an_empty_repository_is_a_fact_and_checkpoints_are_no_backups(
    protection: Protection, tmp_path: Path, well: Asker
) -> None:
    shutil.copy(str(protection.password_file), tmp_path / "password")
    borg(tmp_path, "init", "-e", "none", "repository")
    reading = read(at(protection, tmp_path), machine(tmp_path))
    assert (reading.runs, reading.problem) == ((), "")
    rename = spoil(
        well, " info ", lambda reply: replace(reply, stdout=reply.stdout.replace(b"photos-1", b"x.checkpoint"))
    )
    assert "an interrupted backup" in read(protection, rename).problem


def test_a_name_chooses_the_archives_of_one_protection(protection: Protection, kept: Path) -> None:
    reading = read(protection.model_copy(update={"name": "photos-0"}), machine(kept))
    assert [run.size for run in reading.runs] == [60_000]


def test_a_repository_that_somebody_writes_to_is_unknown_and_says_who(
    protection: Protection, dataset: Dataset, copied: Path, well: Asker
) -> None:
    held = "import subprocess,sys; print('held', flush=True); sys.stdin.read()"
    known = {"BORG_BASE_DIR": str(copied / "home"), "BORG_PASSPHRASE": PASSPHRASE, "PATH": os.environ["PATH"]}
    words = [need("borg"), "with-lock", str(copied / "repository"), "python3", "-c", held]
    with subprocess.Popen(words, env=known, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found = verified(at(protection, copied), dataset, run_of(protection, well), machine(copied))
        holder.communicate("")
    assert (found.level, found.passed, found.complete) == ("V0", False, False)
    assert f"locked by PID {holder.pid} on " in found.because
    assert "break-lock" in found.because


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong passphrase": (lambda folder: (folder / "password").write_text("other"), "opens nothing"),
    "no passphrase": (lambda folder: (folder / "password").unlink(), "let this user read it"),
    "no repository": (lambda folder: shutil.rmtree(folder / "repository"), "is it mounted?"),
    "never seen": (lambda folder: shutil.rmtree(folder / "home"), ""),
}


@pytest.mark.parametrize(("spoil_it", "said"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_opened_is_a_problem_with_the_next_thing_to_do(
    protection: Protection, copied: Path, spoil_it: Callable[[Path], object], said: str
) -> None:
    spoil_it(copied)
    reading = read(at(protection, copied), machine(copied))
    assert said in reading.problem
    assert bool(reading.runs) == (not said)


def test_a_repository_in_another_place_or_never_seen_is_refused_until_a_person_says_yes(
    protection: Protection, kept: Path, tmp_path: Path
) -> None:
    for part in ("repository", "home"):
        shutil.copytree(kept / part, tmp_path / part)
    shutil.copy(kept / "password", tmp_path / "password")
    assert "borg list once" in read(at(protection, tmp_path), machine(tmp_path)).problem
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "password").write_text(PASSPHRASE)
    borg(plain, "init", "-e", "none", "repository")
    shutil.rmtree(plain / "home")
    assert "borg list once" in read(at(protection, plain), machine(plain)).problem


def test_a_hanging_tool_ends_at_the_deadline_as_unknown(
    protection: Protection, dataset: Dataset, kept: Path, tmp_path: Path, well: Asker
) -> None:
    (tmp_path / "borg").write_text(f'#!/bin/sh\ncase "$*" in *check*) sleep 60;; esac\nexec {need("borg")} "$@"\n')
    (tmp_path / "borg").chmod(0o755)
    hangs = machine(kept, tmp_path, deadline_s=3)
    found = verified(
        protection, dataset, run_of(protection, well), lambda said: hangs(said) if "check" in said else well(said)
    )
    assert (found.level, found.passed, found.complete) == ("V1", False, False)
    assert "no answer within the deadline" in found.because


def test_a_tool_that_is_missing_or_of_another_version_is_a_problem(protection: Protection, well: Asker) -> None:
    gone = spoil(well, "borg --version", lambda reply: replace(reply, exit_status=127, stdout=b""))
    assert "borg is not there for this user" in read(protection, gone).problem
    for said in (b"borg 2.0.0b5\n", b"borg 1.1.9\n", b"", b"borg\n"):
        assert "is not known here" in read(protection, spoil(well, "borg --version", saying(said))).problem


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        (b"Finished cryptographic data integrity verification, ", b"Kryptographisch: ", "V2"),
        (b"Finished full repository check", b"Ende", "V2"),
        (b"Archive consistency check complete", b"Ende", "V2"),
        (b"(2/2)", b"(2/3)", "V1"),
        (b"with 0 integrity", b"with 1 integrity", "V1"),
        (b"photos-1 (2", b"photos-9 (2", "V1"),
        (b'"INFO", "name": "borg.repository"}\n', b'"WARNING", "name": "borg.repository"}\n', "V3"),
        (b"{", b"Traceback {", "V1"),
    ],
)
def test_exit_status_0_alone_proves_nothing(
    protection: Protection, dataset: Dataset, well: Asker, old: bytes, new: bytes, level: str
) -> None:
    changed = spoil(well, " check ", lambda reply: replace(reply, stdout=reply.stdout.replace(old, new)))
    found = verified(protection, dataset, run_of(protection, well), changed)
    assert found.level == level


@pytest.mark.parametrize("how", [lost, failed, saying(b"\xff\n"), saying(b"\x1b[2J\n")])
@pytest.mark.parametrize("question", ["find ", " list ", " check "])
def test_an_answer_that_is_not_whole_verifies_nothing(
    protection: Protection, dataset: Dataset, well: Asker, question: str, how: Callable[[Reply], Reply]
) -> None:
    found = verified(protection, dataset, run_of(protection, well), spoil(well, question, how))
    assert not found.passed
    assert found.level in {"V0", "V1"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"end": "2', b'"end": "9', "lies in the future"),
        (b'"end"', b'"Ende"', "end is no time"),
        (b'000",\n            "hostname"', b'000+01:00",\n            "hostname"', "is no time in UTC"),
        (b'"name": "photos', b'"name": "$(rm) photos', "gives no name"),
        (b'"nfiles": ', b'"nfiles": -', "gives no nfiles"),
        (b'"unique_csize"', b'"x"', "gives no unique_csize"),
        (b"{", b"", "is not JSON"),
    ],
)
def test_a_list_that_cannot_be_is_told(protection: Protection, well: Asker, old: bytes, new: bytes, said: str) -> None:
    spoilt_list = spoil(well, " info ", lambda reply: replace(reply, stdout=reply.stdout.replace(old, new)))
    assert said in read(protection, spoilt_list).problem


def test_another_machines_archive_in_the_same_repository_is_not_productions_newest(
    protection: Protection, well: Asker
) -> None:
    def mixed(reply: Reply) -> Reply:
        told = json.loads(reply.stdout)
        told["archives"][-1]["hostname"] = "other.invalid"
        return replace(reply, stdout=json.dumps(told).encode())

    found = read(protection, spoil(well, " info ", mixed))
    assert "'other.invalid'" in found.problem
    assert "so whose is newest is not known: give those of each dataset a prefix of their own" in found.problem
    assert found.runs == ()


def test_fields_of_newer_versions_are_left_alone(protection: Protection, well: Asker) -> None:
    more = spoil(well, " info ", lambda reply: replace(reply, stdout=reply.stdout.replace(b"{", b'{"new": [1],', 1)))
    assert read(protection, more).problem == ""


def test_an_archive_that_is_gone_or_was_never_one_is_not_verified(
    protection: Protection, dataset: Dataset, well: Asker
) -> None:
    gone = BackupRun("ab" * 32, datetime.now(UTC), 1)
    found = verified(protection, dataset, gone, well)
    assert (found.level, found.passed) == ("V0", False)
    with pytest.raises(ValueError, match="no id of a borg archive"):
        verified(protection, dataset, replace(gone, id="photos-1; rm"), well)


def test_what_was_restored_is_what_was_backed_up(
    protection: Protection, dataset: Dataset, kept: Path, tmp_path: Path, well: Asker
) -> None:
    assert TOOL.restore is not None
    run, log = run_of(protection, well), list[Reply]()
    copy = drive(TOOL.restore(protection, dataset, run, str(tmp_path), log), machine(kept))
    assert (Path(copy) / "photo-1").read_bytes() == (kept / "production" / "photo-1").read_bytes()
