"""
What holds copies on a host, and how it gives way: real flags on a real file system, real append-only borg over sshd.

The gate reads these and never counts them (gate.immutability): here is why.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups.held import held
from gate.checks import copy_survives, sentinel_refused
from gate.evidence import BackupRun
from gate.finding import Outcome
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.judged import PLACE, judged
from tests.backups.local import Machine, drive
from tests.parts import need
from tests.real.sshd import USER, Server, private, servers

WRITTEN_BENEATH = """
set -eu
cd "$1"
truncate -s 16M disk
mkfs.ext4 -q -F disk
mkdir kept
mount -o loop disk kept
device=$(findmnt -n -o SOURCE kept)
echo copy > kept/copy
chattr +i kept kept/copy
sync
! rm -f kept/copy 2> refusal
lsattr -d "$PWD/kept"
dd if=/dev/zero of="$device" bs=1M count=16 conv=fsync status=none
umount kept
! mount -o loop disk kept 2> gone
"""
"""A file that nobody may remove, and an array that writes zeros below it. In a mount namespace of its own."""


def dataset() -> Dataset:
    return Dataset(id="photos", tier=2, engine=Engine.FILES, host="db-1", path="/data/photos", mount="/data")


def protection(tool: BackupTool, repository: Path) -> Protection:
    return Protection(
        id="photos-nightly",
        dataset="photos",
        tool=tool,
        host="bk-1",
        repository=str(repository),
        mount=str(repository),
        rehearsal_host="bk-1",
        rehearsal_scratch="/scratch",
    )


def test_a_flag_of_the_file_system_is_nothing_to_what_writes_beneath_it(tmp_path: Path) -> None:
    need("chattr")
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", WRITTEN_BENEATH, "sh", str(tmp_path)]
    said = subprocess.run(words, capture_output=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr
    assert b"Operation not permitted" in (tmp_path / "refusal").read_bytes()
    assert b"wrong fs type" in (tmp_path / "gone").read_bytes()
    kept = protection(BackupTool.SQLITE_COPY, tmp_path / "kept")
    run = BackupRun("20261123T010000Z", datetime.now(UTC), 5)
    asked = Machine()
    flag = drive(
        held(kept, run, PLACE, datetime.now(UTC)),
        lambda command: replace(asked(command), exit_status=0, stdout=said.stdout),
    )
    assert (flag.mechanism, flag.mode, flag.problem) == ("file-flag", "immutable", "")
    for check in (copy_survives, sentinel_refused):
        found = judged(check, dataset(), kept, [run], held_by=flag)
        assert (found.outcome, "file-flag ends with the storage under it" in found.because) == (Outcome.FAILED, True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with servers(tmp_path) as begin:
        yield begin


def test_an_append_only_server_of_borg_lets_archives_go_and_the_repository_knows_nothing_of_it(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    """
    `borg delete` through `borg serve --append-only` ends well and empties the list; the bytes stay until compaction.

    Therefore the gate tries no sentinel there: it would be "deleted" every time. And the flag that it reads is the
    repository's own, which stays 0 behind such a server: what nobody can see on the repository counts for nothing.
    """
    served = tmp_path / "served"
    served.mkdir()
    forced = f'restrict,command="{need("borg")} serve --append-only --restrict-to-path {served}"'
    server = start(options=forced)
    known = server.home / "known"
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_line}\n")
    options = f"-F none -p {server.port} -i {private(server.home / 'key', server.key)} -o UserKnownHostsFile={known}"
    repository = f"ssh://{USER}@127.0.0.1{served}/photos"
    (tmp_path / "photo").write_bytes(os.urandom(20_000))
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "BORG_RSH": f"{need('ssh')} {options} -o BatchMode=yes -o StrictHostKeyChecking=yes",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    }

    def borg(*words: str) -> "subprocess.CompletedProcess[str]":
        ran = [need("borg"), *words]
        return subprocess.run(ran, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    for words in (("init", "-e", "none", repository), ("create", f"{repository}::one", "photo")):
        done = borg(*words)
        assert done.returncode == 0, done.stderr
    kept = _segments(served)
    assert borg("delete", f"{repository}::one").returncode == 0
    listed = borg("list", "--short", repository)
    assert (listed.returncode, listed.stdout, kept - _segments(served)) == (0, "", set())
    here = protection(BackupTool.BORG, served / "photos")
    run = BackupRun("ab" * 32, datetime.now(UTC), 20_000)
    flag = drive(held(here, run, PLACE, datetime.now(UTC)), Machine(HOME=str(tmp_path)))
    assert (flag.mechanism, flag.mode, flag.problem) == ("borg-append-only", "", "")
    assert judged(copy_survives, dataset(), here, [run], held_by=flag).outcome is Outcome.FAILED


def _segments(served: Path) -> set[tuple[str, bytes]]:
    return {(path.name, path.read_bytes()) for path in served.glob("photos/data/*/*")}
