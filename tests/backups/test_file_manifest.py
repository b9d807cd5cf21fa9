"""A copy of a tree and its list of digests: missing, changed and extra files, and a list that was exchanged."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups.file_manifest import NEWEST, TOOL, catalogue, verify
from gate.evidence import BackupReading, BackupRun, Counts, Reply, Verification
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.local import Asker, Machine, drive, failed, lost, saying, spoilt

RUN = "20261120T010000Z"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "production" / "deep").mkdir(parents=True)
    for name in ("photo", "deep/line\nend", "deep/with space"):
        (tmp_path / "production" / name).write_bytes(os.urandom(2000))
    path = str(tmp_path / "production")
    return Dataset(id="photos", tier=2, engine=Engine.FILES, host="db-1", path=path, mount=str(tmp_path))


@pytest.fixture
def protection(tmp_path: Path) -> Protection:
    (tmp_path / "repository").mkdir()
    return Protection(
        id="photos-weekly",
        dataset="photos",
        tool=BackupTool.FILE_MANIFEST,
        host="bk-1",
        repository=str(tmp_path / "repository"),
        mount=str(tmp_path),
        rehearsal_host="bk-1",
        rehearsal_scratch=str(tmp_path / "scratch"),
    )


@pytest.fixture
def back_up(dataset: Dataset, protection: Protection) -> Callable[..., Path]:
    """Make one run as an administrator would: copy, then list."""

    def make(run: str = RUN) -> Path:
        folder = Path(protection.repository) / run
        shutil.copytree(dataset.path, folder / "data")
        listing = "find ./data -type f -exec sha256sum {} + > SHA256SUMS"
        subprocess.run(["/bin/sh", "-c", listing], cwd=folder, check=True)
        ended = datetime.strptime(run, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() + 60
        os.utime(folder / "SHA256SUMS", (ended, ended))
        return folder

    return make


def read(protection: Protection, asker: Asker | None = None) -> BackupReading:
    return drive(catalogue(protection), asker or Machine())


def verified(
    protection: Protection, dataset: Dataset, run: BackupRun | None = None, asker: Asker | None = None
) -> Verification:
    return drive(verify(protection, dataset, run or read(protection).runs[0], "naa.1"), asker or Machine())


def test_finished_runs_come_newest_first_and_unfinished_ones_not(
    protection: Protection, back_up: Callable[..., Path]
) -> None:
    back_up("20261119T010000Z")
    folder = back_up()
    (back_up("20261121T010000Z") / "SHA256SUMS").unlink()
    reading = read(protection)
    assert reading.problem == ""
    assert [run.id for run in reading.runs] == [RUN, "20261119T010000Z"]
    run = reading.runs[0]
    assert run.started_at == datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert run.finished_at == datetime(2026, 11, 20, 1, 1, tzinfo=UTC)
    assert (run.files, run.size >= 6000) == (3, True)
    told = subprocess.run(["sha256sum", str(folder / "SHA256SUMS")], capture_output=True, check=True, text=True).stdout
    assert run.sha256 == f"sha256:{told[:64]}"


def test_an_empty_repository_is_a_fact_and_one_that_is_not_there_a_problem(protection: Protection) -> None:
    assert (read(protection).runs, read(protection).problem) == ((), "")
    Path(protection.repository).rmdir()
    assert "exit status 1" in read(protection).problem


def test_only_the_newest_runs_are_listed(protection: Protection, back_up: Callable[..., Path]) -> None:
    for day in range(1, NEWEST + 3):
        back_up(f"202611{day:02}T010000Z")
    assert len(read(protection).runs) == NEWEST


def test_a_run_from_the_future_or_with_a_strange_name_is_told(
    protection: Protection, back_up: Callable[..., Path]
) -> None:
    os.utime(back_up() / "SHA256SUMS", (time.time() + 9000, time.time() + 9000))
    shutil.copytree(back_up("20261119T010000Z"), Path(protection.repository) / "latest; rm")
    back_up("20261118T010000Z").rename(Path(protection.repository) / "20261399T010000Z")
    reading = read(protection)
    assert [run.id for run in reading.runs] == ["20261119T010000Z"]
    for said in ("lies in the future", "latest; rm", "bears no time"):
        assert said in reading.problem


def test_a_list_older_than_its_run_is_told(protection: Protection, back_up: Callable[..., Path]) -> None:
    os.utime(back_up() / "SHA256SUMS", (1_000_000_000, 1_000_000_000))
    assert "ended before it began" in read(protection).problem


def test_all_files_read_and_as_listed_are_a_full_read(
    protection: Protection, dataset: Dataset, back_up: Callable[..., Path]
) -> None:
    back_up()
    found = verified(protection, dataset)
    assert (found.level, found.passed, found.complete) == ("V4", True, True)
    assert (found.counts, found.seen) == (Counts("files", 3, 3), (RUN,))


DAMAGES: dict[str, tuple[Callable[[Path], object], Counts, str]] = {
    "changed": (lambda data: (data / "photo").write_bytes(b"x" * 2000), Counts("files", 3, 2, 0, 1), "1 changed"),
    "missing": (lambda data: (data / "deep/line\nend").unlink(), Counts("files", 3, 2, 1, 0), "1 missing"),
    "extra": (lambda data: (data / "more").write_bytes(b""), Counts("files", 3, 3), "1 not in its list"),
    "renamed": (lambda data: (data / "photo").rename(data / "p"), Counts("files", 3, 2, 1, 0), "1 missing, 1 not in"),
    "all gone": (shutil.rmtree, Counts("files", 3, 0, 3, 0), "3 missing"),
}


@pytest.mark.parametrize(("damage", "counts", "said"), DAMAGES.values(), ids=DAMAGES)
def test_every_difference_is_counted_and_no_name_is_told(
    protection: Protection,
    dataset: Dataset,
    back_up: Callable[..., Path],
    damage: Callable[[Path], object],
    counts: Counts,
    said: str,
) -> None:
    folder = back_up()
    run = read(protection).runs[0]
    damage(folder / "data")
    found = verified(protection, dataset, run)
    assert (found.level, found.passed, found.counts) == ("V1", False, counts)
    assert said in found.because
    assert "photo'" not in found.because


def test_a_list_that_was_exchanged_is_told_also_when_it_fits_the_files(
    protection: Protection, dataset: Dataset, back_up: Callable[..., Path]
) -> None:
    folder = back_up()
    run = read(protection).runs[0]
    (folder / "data" / "photo").write_bytes(b"other")
    subprocess.run(["/bin/sh", "-c", "find data -type f -exec sha256sum {} + > SHA256SUMS"], cwd=folder, check=True)
    found = verified(protection, dataset, run)
    assert (found.level, found.passed) == ("V1", False)
    assert "its list reads sha256:" in found.because


def test_an_empty_list_proves_nothing(protection: Protection, dataset: Dataset, back_up: Callable[..., Path]) -> None:
    folder = back_up()
    shutil.rmtree(folder / "data")
    (folder / "data").mkdir()
    (folder / "SHA256SUMS").write_bytes(b"")
    found = verified(protection, dataset)
    assert (found.level, found.passed) == ("V1", False)


@pytest.mark.parametrize("how", [lost, failed, saying(b"x\n"), lambda reply: replace(reply, stdout=reply.stdout[:-5])])
@pytest.mark.parametrize("question", ["env LC_ALL=C cat", "env LC_ALL=C find"])
def test_an_answer_that_is_not_whole_verifies_nothing(
    protection: Protection,
    dataset: Dataset,
    back_up: Callable[..., Path],
    question: str,
    how: Callable[[Reply], Reply],
) -> None:
    back_up()
    found = verified(protection, dataset, asker=spoilt(Machine(), {question: how}))
    assert not found.passed
    assert found.level in {"V0", "V1"}


def test_an_exit_status_that_tells_of_a_file_that_could_not_be_read_is_no_pass(
    protection: Protection, dataset: Dataset, back_up: Callable[..., Path]
) -> None:
    back_up()
    unreadable = spoilt(Machine(), {"env LC_ALL=C find": lambda reply: replace(reply, exit_status=1)})
    found = verified(protection, dataset, asker=unreadable)
    assert (found.level, found.passed) == ("V1", False)
    assert "reading ended with 1" in found.because


def test_the_deadline_and_the_language_of_the_host(
    protection: Protection, dataset: Dataset, back_up: Callable[..., Path], tmp_path: Path
) -> None:
    back_up()
    run = read(protection).runs[0]
    (tmp_path / "sha256sum").write_text("#!/bin/sh\nsleep 60\n")
    (tmp_path / "sha256sum").chmod(0o755)
    late = verified(protection, dataset, run, Machine(tmp_path, deadline_s=5))
    assert (late.level, late.passed, late.complete) == ("V1", False, False)
    assert verified(protection, dataset, run, Machine(LANG="de_DE.UTF-8", LANGUAGE="de")).passed


def test_what_was_restored_is_what_was_backed_up(
    protection: Protection, dataset: Dataset, back_up: Callable[..., Path], tmp_path: Path
) -> None:
    back_up()
    (tmp_path / "scratch").mkdir()
    assert TOOL.restore is not None
    run = read(protection).runs[0]
    copy = drive(TOOL.restore(protection, dataset, run, str(tmp_path / "scratch"), []), Machine())
    assert (Path(copy) / "photo").read_bytes() == (Path(dataset.path) / "photo").read_bytes()
    database = dataset.model_copy(update={"engine": Engine.SQLITE, "path": "/data/sidekick.db"})
    assert drive(TOOL.restore(protection, database, run, str(tmp_path / "scratch"), []), Machine()).endswith(
        "/data/sidekick.db"
    )


def test_an_id_that_no_catalogue_returned_is_never_put_into_a_command(protection: Protection, dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="no id of a file-manifest run"):
        verified(protection, dataset, BackupRun("../x", datetime.now(UTC), 1))
