"""Rehearsals end to end with restic, borg and plain lists: restored, read in full, compared, nothing left behind."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from gate.backups import EXAMINERS, TOOLS
from gate.backups.rehearsal import rehearse
from gate.evidence import BackupRun, Reference, Rehearsal
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups import restic_repository
from tests.backups.local import Asker, Machine, drive, made_dataset
from tests.parts import need

OWNER = "gate.example.com/ledger/1"
TOOLS_HERE = (BackupTool.RESTIC, BackupTool.BORG, BackupTool.FILE_MANIFEST)


@dataclass
class Place:
    """One dataset, one way of backing it up, and the asker that reaches both."""

    folder: Path
    dataset: Dataset
    protection: Protection
    asker: Asker

    @property
    def scratch(self) -> Path:
        return Path(self.protection.rehearsal_scratch)

    def back_up(self) -> BackupRun:
        """Make a backup as the tool's owner would, and return it as the catalogue tells it."""
        {
            BackupTool.RESTIC: self._restic,
            BackupTool.BORG: self._borg,
            BackupTool.FILE_MANIFEST: self._list,
        }[self.protection.tool]()
        reading = drive(TOOLS[self.protection.tool].catalogue(self.protection), self.asker)
        assert reading.problem == ""
        return reading.runs[0]

    def _restic(self) -> None:
        repository = Path(self.protection.repository)
        if not repository.exists():
            restic_repository.make(repository)
        restic_repository.restic(repository, "backup", "-q", self.dataset.path)

    def _borg(self) -> None:
        known = {"BORG_BASE_DIR": str(self.folder / "home"), "PATH": os.environ["PATH"], "BORG_PASSPHRASE": ""}
        if not Path(self.protection.repository).exists():
            subprocess.run([need("borg"), "init", "-e", "none", self.protection.repository], env=known, check=True)
        archive = f"{self.protection.repository}::{{now:%H%M%S.%f}}"
        subprocess.run([need("borg"), "create", archive, self.dataset.path], env=known, check=True)

    def _list(self) -> None:
        folder = Path(self.protection.repository) / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        if self.dataset.engine is Engine.FILES:
            shutil.copytree(self.dataset.path, folder / "data", symlinks=True)
        else:
            (folder / "data").mkdir(parents=True)
            shutil.copy(self.dataset.path, folder / "data")
        subprocess.run(["/bin/sh", "-c", "find data -type f -exec sha256sum {} + > SHA256SUMS"], cwd=folder, check=True)

    def reference(self, at: datetime) -> Reference:
        """Return production's content as it is now, dated as told."""
        found = drive(EXAMINERS[self.dataset.engine].content(self.dataset), self.asker)
        assert found.problem == ""
        return Reference(self.dataset.id, at, found.tables)

    def rehearsed(self, run: BackupRun, *references: Reference, asker: Asker | None = None) -> Rehearsal:
        tool, examiner = TOOLS[self.protection.tool], EXAMINERS[self.dataset.engine]
        asking = rehearse(tool, examiner, self.protection, self.dataset, run, "naa.1", references, OWNER)
        return drive(asking, asker or self.asker)


@pytest.fixture
def place(tmp_path: Path) -> Callable[[BackupTool, Engine], Place]:
    def make(tool: BackupTool, engine: Engine) -> Place:
        if tool is not BackupTool.FILE_MANIFEST:
            need(tool.value)
        (tmp_path / "production").mkdir()
        if engine is Engine.SQLITE:
            need("sqlite3")
            dataset = made_dataset(tmp_path / "production")
        else:
            (tmp_path / "production" / "photo").write_bytes(os.urandom(5000))
            (tmp_path / "production" / "link").symlink_to("photo")
            path = str(tmp_path / "production")
            dataset = Dataset(id="photos", tier=2, engine=engine, host="db-1", path=path, mount=path)
        protection = Protection(
            id=f"{dataset.id}-nightly",
            dataset=dataset.id,
            tool=tool,
            host="bk-1",
            repository=str(tmp_path / "repository"),
            mount=str(tmp_path),
            password_file=str(tmp_path / "password"),
            rehearsal_host="bk-1",
            rehearsal_scratch=str(tmp_path / "scratch"),
        )
        (tmp_path / "password").write_bytes(restic_repository.PASSWORD)
        return Place(tmp_path, dataset, protection, Machine(BORG_BASE_DIR=str(tmp_path / "home")))

    return make


Make = Callable[[BackupTool, Engine], Place]


@pytest.mark.parametrize("engine", [Engine.FILES, Engine.SQLITE])
@pytest.mark.parametrize("tool", TOOLS_HERE)
def test_a_restored_backup_equals_the_reference_taken_before_it(place: Make, tool: BackupTool, engine: Engine) -> None:
    here = place(tool, engine)
    reference = here.reference(datetime.now(UTC) - timedelta(minutes=1))
    found = here.rehearsed(here.back_up(), reference)
    assert (found.level, found.passed) == ("V6", True), found.because
    assert found.examined
    assert found.restore_s is not None
    assert list(here.scratch.iterdir()) == []


@pytest.mark.parametrize("tool", TOOLS_HERE)
def test_damage_that_was_backed_up_differs_from_the_earlier_reference(place: Make, tool: BackupTool) -> None:
    here = place(tool, Engine.FILES)
    reference = here.reference(datetime.now(UTC) - timedelta(minutes=1))
    restic_repository.flip(Path(here.dataset.path) / "photo")
    found = here.rehearsed(here.back_up(), reference)
    assert (found.level, found.passed) == ("V5", False)
    assert "files has other content" in found.because


@pytest.mark.parametrize("tool", TOOLS_HERE)
def test_a_reference_younger_than_the_backup_is_not_compared(place: Make, tool: BackupTool) -> None:
    here = place(tool, Engine.FILES)
    run = here.back_up()
    found = here.rehearsed(run, here.reference(run.finished_at + timedelta(minutes=1)))
    assert (found.level, found.reference_at) == ("V5", None)


def killed() -> NoReturn:
    """End this process as a kill does: nothing of it runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(1)


@pytest.mark.parametrize("tool", TOOLS_HERE)
def test_what_a_killed_rehearsal_has_left_is_removed_by_the_next(place: Make, tool: BackupTool) -> None:
    here = place(tool, Engine.SQLITE)
    reference = here.reference(datetime.now(UTC) - timedelta(minutes=1))
    run = here.back_up()
    child = os.fork()
    if child == 0:
        here.rehearsed(run, reference, asker=lambda command: killed() if "sqlite3" in command else here.asker(command))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = [path for path in here.scratch.rglob("*") if path.name == "sidekick.db"]
    assert left
    with sqlite3.connect(left[0]) as connection:
        connection.execute("DELETE FROM contacts")
    connection.close()
    found = here.rehearsed(run, reference)
    assert (found.level, found.passed) == ("V6", True), found.because
    assert list(here.scratch.iterdir()) == []


@pytest.mark.parametrize("tool", [BackupTool.RESTIC, BackupTool.BORG])
def test_a_damaged_repository_does_not_restore_and_leaves_nothing(place: Make, tool: BackupTool) -> None:
    here = place(tool, Engine.FILES)
    run = here.back_up()
    data = (path for path in (Path(here.protection.repository) / "data").glob("*/*"))
    restic_repository.flip(max(data, key=lambda path: path.stat().st_size))
    found = here.rehearsed(run)
    assert (found.level, found.passed) == ("V0", False)
    assert "was not restored" in found.because
    assert list(here.scratch.iterdir()) == []


@pytest.mark.parametrize("tool", [BackupTool.RESTIC, BackupTool.BORG])
def test_a_backup_that_does_not_hold_the_dataset_restores_nothing(place: Make, tool: BackupTool) -> None:
    here = place(tool, Engine.FILES)
    run = here.back_up()
    here.dataset = here.dataset.model_copy(update={"path": "/data/other"})
    found = here.rehearsed(run)
    assert (found.level, found.passed) == ("V0", False)
