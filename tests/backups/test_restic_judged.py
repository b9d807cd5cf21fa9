"""Scenarios 8 and 15: what restic itself left in a real repository, and what the checks make of it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gate import rotation
from gate.backups.restic import catalogue, verify
from gate.checks import backup_recent, backup_verified, repository_read, verification_finished
from gate.evidence import BackupRun, Reply, Verification
from gate.finding import Outcome
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.judged import PLACE, judged
from tests.backups.local import Machine, drive
from tests.backups.restic_repository import flip, make, packs, restic
from tests.parts import need


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Backups until both halves of the packs, by their first byte, hold data."""
    need("restic")
    folder = tmp_path_factory.mktemp("restic")
    (folder / "production").mkdir()
    made = make(folder / "repository")
    while not all(any(int(one.name[:2], 16) % 2 == half for one in large(made)) for half in (0, 1)):
        (folder / "production" / "photo").write_bytes(os.urandom(60_000))
        restic(made, "backup", "-q", str(folder / "production"))
    long_ago = time.time() - 2 * 86400
    for pack in packs(made):
        os.utime(pack, (long_ago, long_ago))
    return made


def large(repository: Path) -> list[Path]:
    return [pack for pack in packs(repository) if pack.stat().st_size > 20_000]


@pytest.fixture
def dataset(repository: Path) -> Dataset:
    above = repository.parent
    return Dataset(
        id="photos", tier=2, engine=Engine.FILES, host="db-1", path=str(above / "production"), mount=str(above)
    )


@pytest.fixture
def protection(repository: Path) -> Protection:
    above = repository.parent
    return Protection(
        id="photos-nightly",
        dataset="photos",
        tool=BackupTool.RESTIC,
        host="bk-1",
        repository=str(repository),
        mount=str(above),
        password_file=str(above / "password"),
        read_parts=2,
        rehearsal_host="bk-1",
        rehearsal_scratch="/scratch/rehearsal",
    )


def newest(protection: Protection) -> BackupRun:
    return drive(catalogue(protection), Machine()).runs[0]


def test_scenario_8_the_part_that_missed_the_damage_is_reported_as_a_part_and_the_next_finds_it(
    protection: Protection, dataset: Dataset, repository: Path
) -> None:
    kept: dict[str, bytes] = {}

    def ask(command: str) -> Reply:
        reply = Machine()(command)
        kept[reply.digest] = reply.stdout
        return reply

    def objects(digest: str) -> frozenset[str] | None:
        return rotation.ids(kept[digest]) if digest in kept else None

    def part(*earlier: Verification) -> Verification:
        return rotation.joined(drive(verify(protection, dataset, run, PLACE, earlier), ask), earlier, objects)

    run = newest(protection)
    damaged = next(pack for pack in large(repository) if int(pack.name[:2], 16) % 2 == 1)  # of part 2
    whole = damaged.read_bytes()
    flip(damaged)
    first = part()
    assert first.passed
    unread = sum(int(pack.name[:2], 16) % 2 for pack in packs(repository))
    found = judged(repository_read, dataset, protection, [run], [first])
    assert (found.outcome, f"{unread} objects were not read" in found.because) == (Outcome.FAILED, True)
    partly = judged(backup_verified, dataset, protection, [run], [first])
    assert (partly.outcome, "reached V3, V4 is needed" in partly.because) == (Outcome.FAILED, True)
    second = part(first)
    found = judged(backup_verified, dataset, protection, [run], [first, second])
    assert found.outcome is Outcome.FAILED
    assert damaged.name[:16] in found.because
    damaged.write_bytes(whole)
    third = part(first, second)
    assert judged(repository_read, dataset, protection, [run], [first, second, third]).outcome is Outcome.PASSED
    # That somebody has mended it, and not a disk that answers now so and now so, nothing shows of this backup.
    found = judged(backup_verified, dataset, protection, [run], [first, second, third])
    assert (found.outcome, "two answers about the same bytes" in found.because) == (Outcome.FAILED, True)
    assert judged(backup_verified, dataset, protection, [run], [first, third]).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda repository: (repository.parent / "password").write_text("other"), "opens nothing"),
        (lambda repository: (repository / "config").rename(repository / "away"), "is it mounted?"),
    ],
    ids=["wrong password", "no repository"],
)
def test_scenario_15_what_cannot_be_opened_is_unknown_with_the_reason(
    protection: Protection, dataset: Dataset, repository: Path, spoil: Callable[[Path], object], said: str
) -> None:
    run = newest(protection)
    spoil(repository)
    try:
        reading = drive(catalogue(protection), Machine())
        read = drive(verify(protection, dataset, run, PLACE), Machine())
    finally:
        (repository.parent / "password").write_text("open sesame\n")
        if (repository / "away").exists():
            (repository / "away").rename(repository / "config")
    unread = judged(backup_recent, dataset, protection, reading.runs, problem=reading.problem)
    assert (unread.outcome, said in unread.because) == (Outcome.UNKNOWN, True)
    unfinished = judged(verification_finished, dataset, protection, [run], [read])
    assert (unfinished.outcome, said in unfinished.because) == (Outcome.UNKNOWN, True)
    assert judged(backup_verified, dataset, protection, [run], [read]).outcome is Outcome.FAILED


@contextmanager
def held(repository: Path) -> Iterator[int]:
    """Restic itself holds the repository alone, and is stopped meanwhile."""
    words = ["-r", str(repository), "--password-file", str(repository.parent / "password"), "--no-cache", "prune"]
    process = None
    while process is None or process.poll() is not None:  # it may be done before this process has its turn
        process = subprocess.Popen([need("restic"), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not any("-tmp-" not in one.name for one in (repository / "locks").iterdir()):
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
    restic(repository, "unlock", "--remove-all")


def test_scenario_15_a_lock_and_a_deadline_are_unknown_and_say_what_to_do(
    protection: Protection, dataset: Dataset, repository: Path
) -> None:
    run = newest(protection)
    with held(repository) as pid:
        locked = drive(verify(protection, dataset, run, PLACE), Machine())
    late = drive(verify(protection, dataset, run, PLACE), Machine(deadline_s=0.01))
    for read, said in ((locked, f"locked by PID {pid} on"), (late, "no answer within the deadline")):
        found = judged(verification_finished, dataset, protection, [run], [read])
        assert (found.outcome, said in found.because) == (Outcome.UNKNOWN, True)
        assert judged(backup_verified, dataset, protection, [run], [read]).outcome is Outcome.FAILED
