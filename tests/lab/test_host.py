"""A lab host's answers, in the shapes of the real tools, over volumes whose bytes come by SCSI."""

import json
import shutil
import sqlite3
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from gate.families.linux_drives import nvme
from gate.families.linux_probes import READERS
from gate.lab.dataset import ROWS, TABLES, copied, production_database
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.lab.disk import Disk, Volume
from gate.lab.host import Device, Host, lun_disk
from gate.lab.hostself import OWN_DISKS
from gate.lab.hostwords import answer
from gate.lab.identity import Identity, device_identification_page
from gate.lab.scsi import BLOCK, Controller, Unit
from gate.lab.sqlshell import SqlFailed, run_sql
from tests.families.fixtures import reply
from tests.lab.fleets import HOST, target_name
from tests.parts import need

PRODUCTION = production_database()
COLUMNS = "NAME,KNAME,TYPE,WWN,SERIAL,VENDOR,MODEL,HCTL,TRAN,MAJ:MIN"


@pytest.fixture
def array() -> StorageVirtualize:
    controller = Controller(Identity("0000020420E00011", "LAB-FS5", target_name("east-1"), "8603"))
    controller.units[1] = Unit(1, bytearray(4 << 20), frozenset({HOST}))
    return StorageVirtualize("east-1", "LAB-FS5", controller, 0.05, "8.6.0.3")


@pytest.fixture
def host(array: StorageVirtualize, tmp_path: Path) -> Host:
    made = Host("db-1", tmp_path, scratch="/scratch/rehearsal")
    made.local("/scratch").mkdir()
    volume = Volume(Disk(array, 1, HOST))
    volume.replace({"sidekick.db": PRODUCTION, "logs/first.txt": b"one\n"})
    device = Device("vg0-data", "dm-0", "lvm", "253:0", lun_disk("b", 1, "LAB-FS5"))
    made.attach(device, volume)
    made.mount("/data", device)
    return made


def said(host: Host, line: str, user: str = "monitor") -> str:
    reply = answer(host, user, line)
    assert reply.status == 0, reply.err
    return reply.out.decode()


def refused(host: Host, line: str, user: str = "monitor") -> tuple[int, str]:
    reply = answer(host, user, line)
    assert reply.out == b""
    return reply.status, reply.err.decode()


def test_a_mount_is_traced_over_lvm_to_its_disk(host: Host) -> None:
    mount = json.loads(said(host, "findmnt -J -T /data/sidekick.db -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"))
    assert mount["filesystems"] == [
        {
            "target": "/data",
            "source": "/dev/mapper/vg0-data",
            "fstype": "ext4",
            "maj:min": "253:0",
            "options": "rw,relatime",
        }
    ]
    [top] = json.loads(said(host, f"lsblk -s -J -o {COLUMNS} /dev/mapper/vg0-data"))["blockdevices"]
    assert (top["type"], top["kname"], top["wwn"]) == ("lvm", "dm-0", None)
    [disk] = top["children"]
    assert (disk["name"], disk["type"], disk["tran"], disk["hctl"]) == ("sdb", "disk", "iscsi", "3:0:0:1")
    assert "children" not in disk


def test_a_host_has_a_session_with_each_controller_and_a_disk_for_each_lun(
    host: Host, array: StorageVirtualize
) -> None:
    def states() -> list[str]:
        told = said(host, "iscsiadm -m session -P 1").splitlines()
        return [line.rpartition(": ")[2] for line in told if "iSCSI Session State" in line]

    def disk() -> dict[str, object]:
        *own, row = json.loads(said(host, "lsblk -J -b -d -o NAME,TYPE,SIZE,STATE,REV"))["blockdevices"]
        assert [one["name"] for one in own] == ["nvme0n1", "nvme1n1"]
        return dict(row)

    assert states() == ["LOGGED_IN"] * 2
    assert disk() == {"name": "sdb", "type": "disk", "size": 4 << 20, "state": "running", "rev": "8603"}
    array.set_fault("partner-dead", "")
    assert states() == ["LOGGED_IN", "FAILED"]
    array.clear_fault("partner-dead")
    host.faults["session-lost"] = ""
    assert states() == ["FAILED", "LOGGED_IN"]
    array.serving = False
    assert disk()["state"] == "transport-offline"


def test_what_a_host_tells_of_itself_changes_with_its_faults_alone(host: Host) -> None:
    def states() -> list[list[str]]:
        replies = {
            "raid": said(host, "cat /proc/mdstat"),
            "firmware": said(host, "fwupdmgr get-history --json"),
        }
        found = [READERS[name](reply(text.encode())) for name, text in replies.items()]
        found += [nvme(name, reply(said(host, f"nvme smart-log -o json /dev/{name}").encode())) for name in OWN_DISKS]
        return [[fact.state.value for fact in facts] for facts in found]

    assert states() == [["ok"], ["ok", "ok"], ["ok"], ["ok"]]
    host.faults |= {"mirror-degraded": "", "firmware-waits": "", "disk-warns": ""}
    assert states() == [["bad"], ["bad", "ok"], ["ok"], ["bad"]]
    assert answer(host, "monitor", "nvme smart-log -o json /dev/sdb").status == 1
    assert answer(host, "monitor", "fwupdmgr update").status == 1


def test_json_has_the_shape_of_the_real_tools(host: Host) -> None:
    findmnt = shutil.which("findmnt")
    if findmnt is None:
        pytest.skip("findmnt is not on this machine; the Debian package util-linux brings it")
    words = [findmnt, "-J", "-T", "/", "-o", "TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"]
    real = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    ours = said(host, "findmnt -J -T / -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS")
    assert [line.split(":")[0] for line in ours.splitlines()] == [line.split(":")[0] for line in real.splitlines()]


def test_local_paths_lie_on_the_partition_of_the_virtual_disk(host: Host) -> None:
    mount = json.loads(said(host, "findmnt -J -T /scratch -o TARGET,SOURCE,FSTYPE"))["filesystems"][0]
    assert mount == {"target": "/", "source": "/dev/vda1", "fstype": "ext4"}
    [part] = json.loads(said(host, "lsblk -s -J -o NAME,TYPE /dev/vda1"))["blockdevices"]
    assert (part["type"], part["children"][0]["name"]) == ("part", "vda")
    assert refused(host, "base64 -w0 /sys/block/vda/device/vpd_pg83")[0] == 1


def test_an_unmounted_path_resolves_to_the_root_disk(host: Host) -> None:
    host.unmount("/data")
    assert '"target": "/"' in said(host, "findmnt -J -T /data -o TARGET")
    assert refused(host, "cat /data/sidekick.db") == (1, "cat: /data/sidekick.db: No such file or directory\n")


def test_the_page_a_host_holds_is_the_one_the_target_answers(host: Host, array: StorageVirtualize) -> None:
    page = b64decode(said(host, "base64 -w0 /sys/block/sdb/device/vpd_pg83"))
    assert page == device_identification_page(array.controller.identity, 1)


def test_files_are_found_sized_hashed_and_shown(host: Host) -> None:
    assert said(host, "find /data -mindepth 1 -maxdepth 1").split() == ["/data/logs", "/data/sidekick.db"]
    assert said(host, "find /data -mindepth 2 -maxdepth 2 -name first.txt") == "/data/logs/first.txt\n"
    assert said(host, "stat -c %s /data/sidekick.db") == f"{len(PRODUCTION)}\n"
    assert said(host, "cat /data/logs/first.txt") == "one\n"
    assert said(host, "sha256sum /data/logs/first.txt").endswith("  /data/logs/first.txt\n")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("cat /data/nothing", 1),
        ("stat -c %s /data/nothing", 1),
        ("sha256sum /data", 1),
        ("findmnt -J -T /nowhere -o TARGET", 1),
        ("lsblk -s -J -o NAME /dev/nope", 32),
        ("lsblk -J -b -d -o NAME,COLOUR", 1),
        ("iscsiadm -m node", 21),
        ("find /nowhere -name x", 1),
        ("find /data -delete", 1),
        ("cat relative", 1),
        ("cat /data/x; rm -rf /", 126),
        ("cat $(id)", 126),
        ("python3 -c 1", 127),
        ("cat 'open", 2),
        ("sqlite3 -readonly -list /data/nothing 'SELECT 1'", 1),
    ],
)
def test_what_cannot_be_answered_has_no_output_and_a_status(host: Host, line: str, status: int) -> None:
    assert refused(host, line)[0] == status


def test_only_the_rehearser_writes_and_only_below_its_scratch(host: Host) -> None:
    for line in ("mkdir -p /scratch/rehearsal/a", "cp /data/sidekick.db /scratch/rehearsal/a", "rm -rf /scratch"):
        assert refused(host, line)[0] == 126
    said(host, "mkdir -p /scratch/rehearsal/a", "rehearse")
    said(host, "cp /data/sidekick.db /scratch/rehearsal/a/copy.db", "rehearse")
    count = "sqlite3 -readonly -list /scratch/rehearsal/a/copy.db 'SELECT count(*) FROM contacts'"
    assert said(host, count) == f"{ROWS['contacts']}\n"
    for line in (
        "rm -rf /scratch",
        "rm -rf /scratch/rehearsal/../other",
        "rm -rf /data",
        "mkdir -p /scratch/rehearsals",
        "cp /data/sidekick.db /data/other.db",
        "cp /scratch/rehearsal/a/copy.db /etc/passwd",
    ):
        assert refused(host, line, "rehearse")[0] == 1
    said(host, "rm -rf /scratch/rehearsal/a", "rehearse")
    assert refused(host, "cat /scratch/rehearsal/a/copy.db")[0] == 1


def test_bits_flipped_below_a_file_change_what_the_host_reads(host: Host, array: StorageVirtualize) -> None:
    whole = said(host, "sha256sum /data/sidekick.db")
    unit = array.controller.units[1]
    start = bytes(unit.data).index(PRODUCTION[:4096])
    unit.data[start + 8 * 4096] ^= 1
    assert said(host, "sha256sum /data/sidekick.db") != whole


def test_damage_of_the_directory_is_an_error_and_never_an_empty_one(host: Host, array: StorageVirtualize) -> None:
    unit = array.controller.units[1]
    for place in range(0, len(PRODUCTION), BLOCK):
        if bytes(unit.data[place : place + 11]) == b"sidekick.db":
            unit.data[place] ^= 1
    assert refused(host, "find /data -name manifest.json") == (1, "find: /data: Structure needs cleaning\n")


def test_code_that_flips_bits_does_not_leave_a_database_that_passes(host: Host, array: StorageVirtualize) -> None:
    whole = said(host, "sha256sum /data/sidekick.db")
    array.set_fault("flip-bits", "")
    after = answer(host, "monitor", "sha256sum /data/sidekick.db")
    assert after.status != 0 or after.out.decode() != whole


def test_a_lun_masked_to_another_host_cannot_be_read(array: StorageVirtualize) -> None:
    stranger = Disk(array, 1, "iqn.2026-11.example.sangate:bk-1")
    with pytest.raises(OSError, match="Input/output error"):
        stranger.read(0, 512)


def test_the_data_are_the_same_every_time_and_survive_a_copy() -> None:
    assert production_database() == PRODUCTION
    for table in TABLES:
        query = f"SELECT * FROM {table} ORDER BY id"
        assert run_sql(copied(PRODUCTION), query) == run_sql(PRODUCTION, query)
        assert int(run_sql(PRODUCTION, f"SELECT count(*) FROM {table}")) == ROWS[table]


SQL = (
    "SELECT * FROM scores ORDER BY id LIMIT 50",
    "SELECT id, name, mail FROM contacts WHERE mail IS NULL LIMIT 5; SELECT count(*) FROM notes",
    "SELECT 1.0, 0.1, 1e20, 1e-7, 123456789012345678, -2.5, NULL, 'a|b', x'4142'",
    "SELECT quote(thumbnail) FROM photographs LIMIT 3",
    "PRAGMA integrity_check",
    "SELECT * FROM nothing",
    "SELEC",
    "INSERT INTO tasks VALUES (99999, 'x', 0)",
)


@pytest.mark.parametrize("sql", SQL)
def test_sql_is_answered_as_the_real_shell_answers_it(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(PRODUCTION)
    real = subprocess.run([need("sqlite3"), "-readonly", "-list", str(path), sql], capture_output=True, check=False)
    try:
        out, status, words = run_sql(PRODUCTION, sql), 0, ""
    except SqlFailed as failure:
        out, status, words = b"", failure.status, str(failure)
    assert (out, status) == (real.stdout, real.returncode)
    assert words == real.stderr.decode().split("\n")[0]


@pytest.mark.parametrize("damage", [b"not a database at all" * 400, PRODUCTION[:4096] + b"\xff" * 40_960])
def test_a_damaged_database_fails_as_in_the_real_shell(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(damage)
    sql = "SELECT count(name) FROM contacts"
    real = subprocess.run([need("sqlite3"), "-readonly", "-list", str(path), sql], capture_output=True, check=False)
    with pytest.raises(SqlFailed) as failure:
        run_sql(damage, sql)
    assert failure.value.status == real.returncode
    assert real.returncode != 0


@pytest.mark.parametrize("sql", ["ATTACH '/etc/passwd' AS x", ".shell id", ".read /etc/passwd", "VACUUM INTO '/tmp/x'"])
def test_sql_cannot_leave_its_file(sql: str) -> None:
    with pytest.raises(SqlFailed):
        run_sql(PRODUCTION, sql)


def test_the_database_is_a_sound_one() -> None:
    database = sqlite3.connect(":memory:")
    database.deserialize(PRODUCTION)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
