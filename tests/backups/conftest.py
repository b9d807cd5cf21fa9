"""A repository of sqlite-copy on this machine's disk."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gate.inventory import Dataset, Protection
from tests.backups.clusters import Site, begun, fill, stop
from tests.backups.local import made_dataset, made_protection
from tests.parts import need


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    need("sqlite3")
    (tmp_path / "production").mkdir()
    return made_dataset(tmp_path / "production")


@pytest.fixture
def protection(tmp_path: Path) -> Protection:
    (tmp_path / "repository").mkdir()
    return made_protection(tmp_path)


@pytest.fixture
def back_up(dataset: Dataset, protection: Protection) -> Callable[..., Path]:
    """Make one run as the tool does; keywords replace what the manifest says."""

    def make(run: str = "20261120T010000Z", **lies: object) -> Path:
        folder = Path(protection.repository) / run
        folder.mkdir()
        copy = folder / "sidekick.db"
        shutil.copy(dataset.path, copy)
        told = {
            "id": run,
            "started_at": f"2026-11-{run[6:8]}T01:00:00Z",
            "finished_at": f"2026-11-{run[6:8]}T01:00:02Z",
            "size": copy.stat().st_size,
            "sha256": hashlib.sha256(copy.read_bytes()).hexdigest(),
        }
        (folder / "manifest.json").write_text(json.dumps(told | lies))
        return folder

    return make


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Production and its repositories; its server does not run any more when the first test begins."""
    root = Path(tempfile.mkdtemp(prefix="sg", dir="/tmp"))  # a socket's path may have 107 characters
    one = begun(root)
    try:
        fill(one)
        yield one
    finally:
        if (root / "data/postmaster.pid").exists():
            stop(one)
        shutil.rmtree(root)
