"""The lab's target judged by libiscsi's tools and by QEMU's iSCSI driver, neither of which we wrote."""

import hashlib
import json
import subprocess
from collections.abc import Iterator

import pytest

from gate.lab.array import Array
from tests.lab.fleets import GATE, lone_array, target_name
from tests.parts import need
from tests.places import network

PORTAL = network(22)
URL = f"iscsi://{PORTAL}:3260/{target_name('west-2')}/9"
SUITES = (
    "SCSI.Inquiry",
    "SCSI.Mandatory",
    "SCSI.Read10",
    "SCSI.Read12",
    "SCSI.Read16",
    "SCSI.ReadCapacity10",
    "SCSI.ReadCapacity16",
    "SCSI.ReadOnly",
    "SCSI.TestUnitReady",
    "SCSI.Write10",
    "SCSI.Write12",
    "SCSI.Write16",
    "iSCSI.iSCSIcmdsn",
)


@pytest.fixture(scope="module")
def array() -> Iterator[Array]:
    # The suites with many commands in flight write over the first 8 MiB.
    with lone_array(PORTAL, scratch_mib=16) as made:
        yield made


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_target_is_found_and_shows_its_lun(array: Array) -> None:
    said = run(need("iscsi-ls"), "-i", GATE, "-s", f"iscsi://{PORTAL}:3260")
    assert f"Target:{target_name('west-2')} Portal:{PORTAL}:3260,1" in said
    assert "Lun:9" in said
    assert "Lun:1 " not in said


def test_the_designators_are_read_as_we_meant_them(array: Array) -> None:
    said = run(need("iscsi-inq"), "-i", GATE, "-e", "1", "-c", "131", URL)
    assert "iqn.1986-03.com.ibm:2145.west-2.node1,t,0x0001" in said


def test_the_revision_follows_the_firmware(array: Array) -> None:
    array.controller.revise("8704")
    assert "8704" in run(need("iscsi-inq"), "-i", GATE, URL)


def test_the_capacity_is_read(array: Array) -> None:
    said = run(need("iscsi-readcapacity16"), "-i", GATE, URL)
    assert "32768" in said or "32767" in said


@pytest.mark.parametrize("suite", SUITES)
def test_a_conformance_suite_passes(array: Array, suite: str) -> None:
    said = run(need("iscsi-test-cu"), "-i", GATE, "-d", "-n", "-f", "-t", suite, URL)
    failed = [line for line in said.splitlines() if "...FAILED" in line or "[FAILED]" in line]
    assert not failed, said
    assert "asserts" in said, said


def test_qemu_reads_what_was_written(array: Array) -> None:
    need("qemu-iscsi")
    array.controller.units[9].data[: 1 << 20] = b"\xa5" * (1 << 20)
    driver = {"driver": "iscsi", "transport": "tcp", "portal": f"{PORTAL}:3260", "target": target_name("west-2")}
    options = {"driver": "raw", "file": {**driver, "lun": 9, "timeout": 5, "initiator-name": GATE}}
    url = "json:" + json.dumps(options)
    said = run(need("qemu-io"), "-f", "raw", "-c", "read -P 0xa5 0 1M", "-c", "write -P 0x5a 512k 512k", url)
    assert "Pattern verification failed" not in said
    expected = hashlib.sha256(b"\xa5" * (512 << 10) + b"\x5a" * (512 << 10)).hexdigest()
    assert hashlib.sha256(array.controller.units[9].data[: 1 << 20]).hexdigest() == expected
