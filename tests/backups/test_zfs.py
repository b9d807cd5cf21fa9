"""
Snapshots received into another pool, over a real zfs-fuse in a mount namespace of its own; and scrubs.

zfs-fuse is far behind OpenZFS: lines that only OpenZFS writes are taken from its manual pages and marked so.
"""

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups.answers import Unread
from gate.backups.held import held
from gate.backups.zfs_scrub import complaint, read_scrub
from gate.backups.zfs_snapshot import TOOL, catalogue, verify
from gate.checks import copy_survives, sentinel_refused
from gate.evidence import BackupReading, BackupRun, Reply, Verification
from gate.finding import Outcome
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.judged import judged
from tests.backups.local import Asker, Machine, drive, failed, lost, saying
from tests.parts import need

SIZE = 3_000_000
"""Bytes of the one photograph."""


@dataclass
class Zfs:
    """One daemon with two pools, `prod` and `vault`, seen from inside its namespace alone."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    def __call__(self, command: str) -> Reply:
        inside = f"nsenter -t {self.process.pid} -m -- sh -c {shlex.quote(command)}"
        return replace(Machine(TZ="Asia/Tokyo", LANG="de_DE.UTF-8")(inside), command=command)

    def do(self, *commands: str) -> None:
        for command in commands:
            reply = self(command)
            assert reply.exit_status == 0, reply.stderr

    def scrub(self, pool: str = "vault") -> None:
        self.do(f"zpool scrub {pool}")
        self.until(lambda: b"in progress" not in self(f"zpool status {pool}").stdout)

    def destroy(self, pool: str) -> None:
        """Whatever still uses it for a moment, as zfs-fuse itself does."""
        self.until(
            lambda: self(f"zpool destroy -f {pool}").exit_status == 0 or self(f"zpool list {pool}").exit_status != 0
        )

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not done():
            assert time.monotonic() < end, "zfs-fuse does not come to an end"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zfs]:
    program, folder = need("zfs-fuse"), tmp_path_factory.mktemp("zfs")
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    places = "/run/zfs /etc/zfs /run/lock/zfs /var/lib/zfs"
    own = f"for place in {places}; do mkdir -p $place; mount -t tmpfs none $place; done"
    begin = f"{own}; exec {program} --no-daemon --no-kstat-mount"
    words = ["unshare", "-m", "--propagation", "private", "sh", "-ec", begin]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    zfs = Zfs(process, folder)
    zfs.until(lambda: zfs("zpool list").exit_status == 0)
    yield zfs
    process.terminate()
    process.wait(60)


@pytest.fixture
def zfs(daemon: Zfs, tmp_path: Path) -> Iterator[Zfs]:
    """Two fresh pools: a snapshot of `prod/data`, received below `vault/strong` with SHA-256 and into `vault/weak`."""
    for pool in ("prod", "vault"):
        with (tmp_path / pool).open("wb") as device:
            device.truncate(80 * 2**20)
        daemon.do(f"zpool create -f -O mountpoint={tmp_path}/m-{pool} {pool} {tmp_path / pool}")
    daemon.do(
        "zfs create prod/data",
        f"head -c {SIZE} /dev/urandom > {tmp_path}/m-prod/data/photo",
        "zfs snapshot prod/data@monday",
        "zfs create -o checksum=sha256 vault/strong",
        "zfs send prod/data@monday | zfs receive vault/strong/data",
        "zfs send prod/data@monday | zfs receive vault/weak",
    )
    yield daemon
    for pool in ("prod", "vault"):
        daemon.destroy(pool)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    path = f"{tmp_path}/m-prod/data"
    return Dataset(id="photos", tier=2, engine=Engine.FILES, host="db-1", path=path, mount=path)


@pytest.fixture
def protection(tmp_path: Path) -> Protection:
    return Protection(
        id="photos-vault",
        dataset="photos",
        tool=BackupTool.ZFS_SNAPSHOT,
        host="bk-1",
        repository=f"{tmp_path}/m-vault",
        mount=f"{tmp_path}/m-vault",
        name="vault/strong/data",
        rehearsal_host="bk-1",
        rehearsal_scratch=f"{tmp_path}/scratch",
    )


def read(protection: Protection, asker: Asker) -> BackupReading:
    return drive(catalogue(protection), asker)


def verified(protection: Protection, dataset: Dataset, asker: Asker, run: BackupRun | None = None) -> Verification:
    return drive(verify(protection, dataset, run or read(protection, asker).runs[0], "naa.1"), asker)


def long_ago(zfs: Asker) -> Asker:
    """
    As `zfs`, but everything came into the pool years ago: zfs-fuse tells how long a scrub took in whole minutes.

    Of 2008, since that year has every day that another one can have.
    """

    def made(found: "re.Match[bytes]") -> bytes:
        then = datetime.fromtimestamp(int(found[1]), UTC).replace(year=2008)
        return b"\tcreation\t%d" % int(then.timestamp())

    def ask(command: str) -> Reply:
        reply = zfs(command)
        if "zpool history" in command:
            return replace(reply, stdout=re.sub(rb"\n20\d\d", b"\n2008", reply.stdout))
        if "objsetid" in command:
            return replace(reply, stdout=re.sub(rb"\tcreation\t(\d+)", made, reply.stdout))
        return reply

    return ask


def spoil(asker: Asker, part: str, how: Callable[[Reply], Reply]) -> Asker:
    return lambda command: how(asker(command)) if part in command else asker(command)


def test_received_snapshots_are_known_by_their_guid_and_dated_by_production(zfs: Zfs, protection: Protection) -> None:
    reading = read(protection, zfs)
    assert reading.problem == ""
    run = reading.runs[0]
    assert (run.kind, run.started_at, run.size > SIZE, run.error) == ("snapshot", run.finished_at, True, "")
    for how in (lost, failed, saying(b""), saying(b"  pool: vault\n")):
        silent = read(protection, spoil(zfs, "zpool status", how))
        assert (silent.problem, silent.runs[0].error) == ("", None)
    there = read(protection.model_copy(update={"name": "prod/data"}), zfs).runs[0]
    assert run.id == there.id
    assert abs(datetime.now(UTC) - run.finished_at) < timedelta(minutes=10)
    assert read(protection.model_copy(update={"name": "vault/strong"}), zfs).runs == ()


def test_a_clean_cryptographic_scrub_that_began_after_the_snapshot_came_is_a_full_read(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    assert "no scrub of vault has ended" in verified(protection, dataset, zfs).because
    zfs.scrub()
    found = verified(protection, dataset, long_ago(zfs))
    assert (found.level, found.passed, found.complete) == ("V4", True, True)
    assert found.counts is None  # nobody counted anything
    assert timedelta(0) < datetime.now(UTC) - found.at < timedelta(minutes=5)
    early = verified(protection, dataset, zfs)
    assert (early.level, early.passed) == ("V1", False)
    assert "may have passed before it came" in early.because


def test_checksums_that_are_no_hashes_are_no_full_read(zfs: Zfs, protection: Protection, dataset: Dataset) -> None:
    zfs.scrub()
    found = verified(protection.model_copy(update={"name": "vault/weak"}), dataset, long_ago(zfs))
    assert (found.level, found.passed) == ("V2", True)
    assert "no cryptographic hash" in found.because


def test_a_scrub_of_productions_own_pool_is_no_check_of_a_backup(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    zfs.scrub("prod")
    own = protection.model_copy(update={"name": "prod/data"})
    found = verified(own, dataset.model_copy(update={"host": "bk-1"}), long_ago(zfs))
    assert (found.level, found.passed) == ("V0", False)
    assert "production lies in the pool prod as well" in found.because
    assert verified(protection, dataset.model_copy(update={"host": "bk-1"}), long_ago(zfs)).level != "V4"


def test_damage_ends_the_scrub_with_errors_although_its_exit_status_is_0(
    zfs: Zfs, protection: Protection, dataset: Dataset, tmp_path: Path
) -> None:
    run = read(protection, zfs).runs[0]
    with (tmp_path / "vault").open("r+b") as device:
        for place in range(10, 150):
            device.seek(place * 2**19)
            device.write(os.urandom(100_000))
    zfs.scrub()
    assert zfs("zpool status vault").exit_status == 0
    found = verified(protection, dataset, long_ago(zfs), run)
    assert not found.passed
    assert found.level in {"V0", "V1"}
    assert all(one.error for one in read(protection, zfs).runs)


def test_a_scrub_of_a_part_ends_like_a_whole_one_and_only_the_history_tells(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    """zfs-fuse scrubs nothing in part, so its own line is changed to what `zpool scrub -C` would make of it."""
    zfs.scrub()

    def later(reply: Reply) -> Reply:
        assert b"func=1 mintxg=0 " in reply.stdout
        return replace(reply, stdout=reply.stdout.replace(b"func=1 mintxg=0 ", b"func=1 mintxg=9 "))

    found = verified(protection, dataset, spoil(long_ago(zfs), "zpool history", later))
    assert (found.level, found.passed) == ("V2", True)
    assert "read only a part of the pool: it was to read what was written from 9 to" in found.because


def test_a_snapshot_made_again_under_its_name_is_another_one(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    run = read(protection, zfs).runs[0]
    zfs.do("zfs destroy vault/strong/data@monday", "zfs snapshot vault/strong/data@monday")
    found = verified(protection, dataset, zfs, run)
    assert (found.level, found.passed) == ("V0", False)
    assert "does not hold it any more" in found.because


def test_a_hold_keeps_the_snapshot_but_not_the_pool_and_counts_for_nothing(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    run = read(protection, zfs).runs[0]
    assert drive(held(protection, run, "naa.1", datetime.now(UTC)), zfs).mode == ""
    zfs.do("zfs hold keep vault/strong/data@monday")
    found = drive(held(protection, run, "naa.1", datetime.now(UTC)), zfs)
    assert (found.mechanism, found.mode, found.problem) == ("zfs-hold", "hold", "")
    assert b"busy" in zfs("zfs destroy vault/strong/data@monday").stderr
    # The pool goes all the same, hold and all; so what a hold refuses is no protection against who may do that.
    zfs.destroy("vault")
    assert read(protection, zfs).runs == ()
    for check in (copy_survives, sentinel_refused):
        judgement = judged(check, dataset, protection, [run], held_by=found)
        assert judgement.outcome is Outcome.FAILED
        assert "zfs-hold ends with the storage under it" in judgement.because


def test_answers_that_are_not_whole_verify_nothing(zfs: Zfs, protection: Protection, dataset: Dataset) -> None:
    zfs.scrub()
    run = read(protection, zfs).runs[0]
    for how in (lost, failed, saying(b""), saying(b"\xff"), saying(b"was?\n")):
        for part in ("creation,ref", "objsetid", "zpool history", "zpool status"):
            found = verified(protection, dataset, spoil(long_ago(zfs), part, how), run)
            assert found.level in {"V0", "V1"}, part
    assert "exit status 1" in read(protection, spoil(zfs, "creation", failed)).problem
    for said in (b"zfs-0.6.5\n", b"", b"zfs-3.0.0-1\n"):
        assert "is not known here" in read(protection, spoil(zfs, "zfs version", of_openzfs(said))).problem
    assert read(protection, spoil(zfs, "zfs version", of_openzfs(b"zfs-2.1.11-1\nzfs-kmod-2.1.11-1\n"))).problem == ""
    gone = spoil(zfs, "zfs version", lambda reply: replace(reply, exit_status=127))
    assert "zfs is not there for this user" in read(protection, gone).problem
    assert "does not name the file system" in read(protection.model_copy(update={"name": None}), zfs).problem


def of_openzfs(said: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, stdout=said, stderr=b"", exit_status=0)


def test_the_property_of_openzfs_tells_when_snapshots_came(zfs: Zfs, protection: Protection, dataset: Dataset) -> None:
    zfs.scrub()
    told = str(int(time.time()) - 3600).encode() + b"\n"
    assert verified(protection, dataset, spoil(zfs, "snapshots_changed", of_openzfs(told))).level == "V4"
    silent = spoil(spoil(zfs, "zpool history", saying(b"History for 'vault':\n")), "snapshots_changed", failed)
    assert "does not tell when the snapshot came" in verified(protection, dataset, silent).because


def test_a_checksum_that_was_set_later_says_nothing_of_the_blocks_that_are_there(
    zfs: Zfs, protection: Protection, dataset: Dataset
) -> None:
    weak = protection.model_copy(update={"name": "vault/weak"})
    zfs.do("zfs set checksum=sha256 vault/weak")
    zfs.scrub()
    found = verified(weak, dataset, long_ago(zfs))
    assert (found.level, found.passed) == ("V2", True)
    assert "sha256 may not be the checksum of all blocks" in found.because
    assert verified(protection, dataset, long_ago(zfs)).level == "V4"
    zfs.do("zfs set checksum=off vault/strong", "zfs set checksum=sha256 vault/strong")
    found = verified(protection, dataset, long_ago(zfs))
    assert (found.level, "checksum=2 dataset = " in found.because) == ("V2", True)


def test_a_restore_copies_out_of_the_snapshots_directory(
    zfs: Zfs, protection: Protection, dataset: Dataset, tmp_path: Path
) -> None:
    """zfs-fuse has no `.zfs`: a directory of its shape stands in for it, so this shows the words and no more."""
    stand_in = tmp_path / "received"
    (stand_in / ".zfs" / "snapshot" / "monday" / "deep").mkdir(parents=True)
    (stand_in / ".zfs" / "snapshot" / "monday" / "deep" / "photo").write_bytes(b"x")
    (tmp_path / "scratch").mkdir()
    run = read(protection, zfs).runs[0]
    inside = dataset.model_copy(update={"path": f"{dataset.mount}/deep"})
    there = spoil(zfs, "value mountpoint", saying(f"{stand_in}\n".encode()))
    assert TOOL.restore is not None
    copy = drive(TOOL.restore(protection, inside, run, str(tmp_path / "scratch"), []), there)
    assert (Path(copy) / "photo").read_bytes() == b"x"
    shutil.rmtree(stand_in)


STATUS = """  pool: vault
 state: {state}
{more}  scan: {scan}
config:

\tNAME        STATE     READ WRITE CKSUM
\tvault       ONLINE       0     0     {counted}
\t  sda       ONLINE       0     0     0

errors: No known data errors
"""


def status(scan: str, more: str = "", counted: str = "0", state: str = "ONLINE") -> str:
    """Return what zpool-status(8) of OpenZFS 2 shows; recorded from its manual page, not run."""
    return STATUS.format(scan=scan, more=more, counted=counted, state=state)


CLEAN = "scrub repaired 0B in 01:02:03 with 0 errors on Sun Nov 22 03:04:05 2026"


@pytest.mark.parametrize(
    ("scan", "began"),
    [
        (CLEAN, datetime(2026, 11, 22, 2, 2, 1, tzinfo=UTC)),
        (
            "scrub repaired 0B in 2 days 01:02:03 with 0 errors on Sun Nov 22 03:04:05 2026",
            datetime(2026, 11, 20, 2, 2, 1, tzinfo=UTC),
        ),
        (
            "scrub repaired 0 in 1h2m with 0 errors on Sun Nov  1 03:04:05 2026",
            datetime(2026, 11, 1, 2, 1, 5, tzinfo=UTC),
        ),
    ],
)
def test_a_scrub_is_dated_by_its_beginning(scan: str, began: datetime) -> None:
    found = read_scrub(status(scan), "vault")
    assert (found.began, found.errors, found.warning) == (began, 0, "")


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        (status(CLEAN.replace("0B", "108K")), "108K repaired"),
        (status(CLEAN, counted="116"), "vault       ONLINE       0     0     116"),
        (status(CLEAN, more="status: One or more devices has experienced an error.\n"), "status: One or more"),
        (status(CLEAN).replace("sda       ONLINE", "sda       FAULTED"), "sda       FAULTED"),
    ],
)
def test_what_was_repaired_is_a_warning_although_no_error_is_counted(said: str, warning: str) -> None:
    found = read_scrub(said, "vault")
    assert found.errors == 0
    assert found.warning.startswith(warning)


@pytest.mark.parametrize(
    "scan",
    [
        "none requested",
        "scrub in progress since Sun Nov 22 03:04:05 2026",
        "scrub canceled on Sun Nov 22 03:04:05 2026",
        "resilvered 1.2G in 00:10:00 with 0 errors on Sun Nov 22 03:04:05 2026",
        "scrub repaired 0B in bald with 0 errors on Sun Nov 22 03:04:05 2026",
        "scrub repaired 0B in 01:02:03 with 0 errors on Sun Nov 42 03:04:05 2026",
        "scrub repaired 0B in 01:02:03 mit 0 Fehlern am So 22. Nov 03:04:05 2026",
    ],
)
def test_a_scrub_that_did_not_end_or_is_not_understood_is_none(scan: str) -> None:
    with pytest.raises(Unread):
        read_scrub(status(scan), "vault")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (status(CLEAN), ""),
        (status("none requested"), ""),
        (status(CLEAN.replace("0B", "108K")), ""),
        (status(CLEAN, counted="116"), "vault       ONLINE       0     0     116"),
        (status(CLEAN, more="status: One or more devices has experienced an error.\n"), "status: One or more"),
        (status(CLEAN).replace("sda       ONLINE", "sda       FAULTED"), "sda       FAULTED"),
        (status(CLEAN).replace("No known data errors", "3 data errors, use '-v' for a list"), "errors: 3 data errors"),
    ],
)
def test_what_the_pool_complains_of_now_is_the_tools_own_error(said: str, told: str) -> None:
    assert complaint(said, "vault")[: len(told) or None] == told


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no pools available\n",
        status(CLEAN).replace("errors: ", ""),
        "  pool: vault\n\nerrors: No known data errors\n",
    ],
)
def test_a_pool_that_does_not_say_whether_it_knows_of_errors_says_nothing(said: str) -> None:
    with pytest.raises(Unread):
        complaint(said, "vault")
    with pytest.raises(Unread, match="not about the pool other"):
        complaint(status(CLEAN), "other")


def test_the_status_of_another_pool_or_without_its_last_line_is_refused() -> None:
    with pytest.raises(Unread, match="not about the pool other"):
        read_scrub(status(CLEAN), "other")
    with pytest.raises(Unread, match="no known data errors"):
        read_scrub(status(CLEAN).replace("No known data errors", "1 data errors"), "vault")
    assert read_scrub(status(CLEAN.replace("with 0", "with 7")), "vault").errors == 7
