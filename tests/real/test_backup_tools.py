"""restic and borg asked as the gate asks them: over OpenSSH, under one key, entered in a ledger."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.backups import EXAMINERS, TOOLS
from gate.backups.rehearsal import rehearse
from gate.evidence import Leaf, Reference, Reply, Trace, Verification
from gate.gather.backups import Backups
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.gather.records import Records
from gate.hostkeys import parse
from gate.inventory import Inventory
from gate.settings import load
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.backups import restic_repository
from tests.parts import need
from tests.places import free_port
from tests.real.sshd import USER, private, public

CONFIG = Path(__file__).parents[2] / "config.yaml"
ORIGIN = "gate.example.com/ledger/1"
AT_ONCE = timedelta(0)
"""As limit of age: nothing on record is ever young enough."""


@dataclass
class Site:
    """One backup host behind sshd, with a repository of restic and one of borg, and the gate's way there."""

    folder: Path
    inventory: Inventory
    lines: Lines
    readers: Lines
    ledger: SqliteLedger

    def backups(self, **limits: timedelta) -> Backups:
        policy = load(CONFIG).config.policy.model_copy(update=limits)
        return Backups(self.inventory, self.lines, self.readers, self.ledger, policy)

    def read(self, name: str, backups: Backups, told: list[str] | None = None) -> Verification:
        protection = next(one for one in self.inventory.protections if one.id == name)
        reading = backups.catalogue(protection)
        assert reading.problem == ""
        trace = Trace("bk-1", protection.repository, datetime.now(UTC), (), (Leaf(("sda",), "600a0b84"),))
        known = Records(self.ledger, self.inventory).known().verifications
        found = backups.verification(protection, reading, trace, known, (told if told is not None else []).append)
        assert found is not None
        return found


def told_inventory(folder: Path, port: int) -> Inventory:
    ssh = {"host": "127.0.0.1", "port": port}
    protection = {
        "dataset": "photos",
        "host": "bk-1",
        "mount": str(folder),
        "password_file": str(folder / "password"),
        "rehearsal_host": "bk-1",
        "rehearsal_scratch": str(folder / "scratch"),
    }
    parts = {"tool": "restic", "repository": str(folder / "restic"), "read_parts": 2}
    tools: dict[str, dict[str, object]] = {"restic": {}, "borg": {}, "parts": parts}
    return Inventory.model_validate(
        {
            "sites": ["east"],
            "arrays": [
                {
                    "id": "east-1",
                    "site": "east",
                    "family": "storage-virtualize",
                    "model": "FS5",
                    "serial": "0000020420E00011",
                    "criticality": "low",
                    "ssh": ssh,
                }
            ],
            "hosts": [{"id": "bk-1", "site": "east", "family": "linux", "ssh": ssh}],
            "datasets": [
                {
                    "id": "photos",
                    "tier": 2,
                    "engine": "files",
                    "host": "bk-1",
                    "path": str(folder / "production"),
                    "mount": str(folder),
                }
            ],
            "protections": [
                {"id": name, "tool": name, "repository": str(folder / name), **protection, **more}
                for name, more in tools.items()
            ],
        }
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    program, home = need("sshd"), tmp_path / "sshd"
    for folder in (home, tmp_path / "bin", tmp_path / "production"):
        folder.mkdir()
    for number in range(4):
        (tmp_path / "production" / f"photo-{number}").write_bytes(os.urandom(20_000))
    back_up(tmp_path)
    host_key, key, port = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), free_port()
    (home / "authorized").write_text(public(key) + "\n")
    (home / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {private(home / 'hk', host_key)}\nPidFile {home}/pid\nUsePAM no\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nAllowUsers {USER}\n"
        f"PermitRootLogin prohibit-password\nAuthorizedKeysFile {home}/authorized\nPermitTTY no\n"
        f"SetEnv BORG_BASE_DIR={tmp_path}/home PATH={tmp_path}/bin:/usr/bin:/bin LANG=de_DE.UTF-8\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([program, "-D", "-E", str(home / "log"), "-f", str(home / "config")])
    pinned = parse(f"[127.0.0.1]:{port} {public(host_key)}\n", "known_hosts")
    while not answers(port):
        time.sleep(0.02)
    inventory = told_inventory(tmp_path, port)
    keys.create(tmp_path / "ledger.key", ORIGIN)
    ledger = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", ORIGIN))
    with (
        Lines(inventory, user=USER, key=key, pinned=pinned) as lines,
        Lines(inventory, user=USER, key=key, pinned=pinned) as readers,
    ):
        yield Site(tmp_path, inventory, lines, readers, ledger)
    ledger.close()
    server.terminate()
    server.wait(60)


def answers(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


def back_up(folder: Path) -> None:
    """Make a backup with each tool, as their owner would."""
    need("restic")
    restic_repository.make(folder / "restic")
    for photo in sorted((folder / "production").iterdir()):
        restic_repository.restic(folder / "restic", "backup", "-q", str(photo))
    restic_repository.restic(folder / "restic", "backup", "-q", str(folder / "production"))
    known = {"BORG_BASE_DIR": str(folder / "home"), "PATH": os.environ["PATH"]}
    known["BORG_PASSPHRASE"] = restic_repository.PASSWORD.decode()
    repository = str(folder / "borg")
    for words in (["init", "-e", "repokey", repository], ["create", f"{repository}::one", f"{folder}/production"]):
        subprocess.run([need("borg"), *words], env=known, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["restic", "borg"])
def test_a_full_read_is_made_entered_and_then_on_record(site: Site, name: str) -> None:
    told: list[str] = []
    backups = site.backups()
    first = site.read(name, backups, told)
    assert (first.level, first.passed, first.complete) == ("V4", True, True), first.because
    assert first.seconds is not None
    assert any("reading" in line and "at most 2 min" in line for line in told)
    assert site.read(name, backups) == first
    assert [entry.kind for entry in site.ledger.entries()].count("backup.verified") == 1
    kept = [digest for digest in first.raw if site.ledger.get_blob(digest) is not None]
    assert len(kept) >= 2
    secret = restic_repository.PASSWORD
    assert not any(secret in (site.ledger.get_blob(digest) or b"") for digest in kept)
    assert not any(secret in body for body in site.ledger.bodies())


def test_parts_are_made_a_whole_from_the_lists_that_the_ledger_keeps(site: Site) -> None:
    old = time.time() - 2 * 86400
    for pack in restic_repository.packs(site.folder / "restic"):
        os.utime(pack, (old, old))
    backups = site.backups(evidence_max_age=AT_ONCE, verification_max_age=AT_ONCE)
    first, second = site.read("parts", backups), site.read("parts", backups)
    assert (first.level, second.level) == ("V3", "V4"), second.because
    assert first.coverage is not None
    assert second.coverage is not None
    assert (first.coverage.bucket, second.coverage.bucket) == (1, 2)
    assert (second.coverage.whole_since, second.coverage.unread) == (first.at, 0)
    assert Records(site.ledger, site.inventory).known().verifications == (first, second)


def test_a_long_read_holds_up_no_short_question(site: Site) -> None:
    go = site.folder / "go"
    script = f'#!/bin/sh\ncase "$*" in *" check "*) while [ ! -e {go} ]; do sleep 0.1; done;; esac\n'
    (site.folder / "bin" / "restic").write_text(f'{script}exec {shutil.which("restic")} "$@"\n')
    (site.folder / "bin" / "restic").chmod(0o755)
    backups, found, told = site.backups(), list[Verification](), list[str]()
    reading = threading.Thread(target=lambda: found.append(site.read("restic", backups, told)))
    reading.start()
    try:
        borg = next(one for one in site.inventory.protections if one.id == "borg")
        while not told:  # it says that it begins
            time.sleep(0.02)
        assert backups.catalogue(borg).problem == ""
        assert found == []
    finally:
        go.touch()
        reading.join()
    assert found[0].level == "V4"


def test_a_rehearsal_over_ssh_equals_the_reference_and_leaves_nothing(site: Site) -> None:
    backups = site.backups()
    borg = next(one for one in site.inventory.protections if one.id == "borg")
    dataset = site.inventory.dataset("photos")
    run = backups.catalogue(borg).runs[0]

    def ask(command: str) -> Reply:
        return site.lines.ask("bk-1", command)

    content = interview(EXAMINERS[dataset.engine].content(dataset), ask, site.ledger)
    assert content.kept == ()  # names of people's files are kept nowhere
    assert run.started_at is not None
    reference = Reference(dataset.id, run.started_at - timedelta(minutes=1), content.found.tables)
    asking = rehearse(
        TOOLS[borg.tool], EXAMINERS[dataset.engine], borg, dataset, run, "lun:1", [reference], site.ledger.origin
    )
    done = interview(asking, ask, site.ledger)
    assert (done.found.level, done.found.passed) == ("V6", True), done.found.because
    assert list((site.folder / "scratch").iterdir()) == []
