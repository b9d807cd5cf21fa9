"""The gate's eyes and hands on real sshd and tgtd behind bastions; libiscsi, QEMU and OpenSSH are the judges."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from gate.errors import Outside
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKey
from gate.iscsi import IscsiError, Silent
from gate.iscsi import Lun as Session
from gate.permits.office import Permit
from gate.ssh.client import connect
from gate.store import keys
from gate.store.sqlite import open_ledger
from tests.lab.fleets import GATE
from tests.parts import need
from tests.real import tgt, wires
from tests.real.full_change import carried_out, lines
from tests.real.full_lab import ARRAYS, FullLab, full_lab, namespace, waited
from tests.real.sshd import QUICK, USER, private

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes networks of its own")
CANARY, CONTROL = ARRAYS
ENDED = ("change.closed", "change.halted", "person.asked")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullLab]:
    for part in ("ip", "sshd", "tgtd", "setpriv"):
        need(part)
    with full_lab(tmp_path_factory.mktemp("full")) as made:
        yield made


@pytest.fixture
def known(lab: FullLab) -> KnownAnswers:
    return KnownAnswers(lab.inventory, initiator=GATE, timeout_s=4)


def url(lab: FullLab, name: str, fabric: int = 1) -> str:
    target = lab.machines[name].tgtd.target
    return f"iscsi://10.77.{fabric}.{ARRAYS[name][1]}:3260/{target}/1"


def session(lab: FullLab, name: str, fabric: int) -> Session:
    place = f"10.77.{fabric}.{ARRAYS[name][1]}"
    return Session(place, 3260, lab.machines[name].tgtd.target, 1, initiator=GATE, timeout_s=2, within_s=20)


def test_the_gate_stands_in_a_network_from_which_nothing_else_is_reached(lab: FullLab) -> None:
    told = subprocess.run(["ip", "-j", "route"], capture_output=True, check=True, timeout=20).stdout
    assert {route["dst"] for route in json.loads(told)} == {"10.77.1.0/24", "10.77.2.0/24", "10.77.9.0/24"}
    with pytest.raises(Outside):
        connect(CANARY, lab.inventory.array(CANARY).ssh, user=USER, key=lab.monitor.private, pinned=lab.pinned)


def test_every_array_is_read_over_its_bastion_with_nothing_unknown(lab: FullLab, tmp_path: Path) -> None:
    keys.create(tmp_path / "key", "gate.example/full")
    ledger = open_ledger(
        tmp_path / "ledger.db", signer=keys.load(tmp_path / "key", "gate.example/full"), blobs=tmp_path / "blobs"
    )
    try:
        found = Arrays(lab.inventory, lines(lab), ledger, parallel=2).read(ARRAYS)
    finally:
        ledger.close()
    for name, reading in found.items():
        assert (reading.unknown, reading.problems) == ((), ()), reading
        assert reading.serial == lab.inventory.array(name).serial


def test_openssh_hears_the_same_words_over_the_same_bastion(lab: FullLab, tmp_path: Path) -> None:
    key = private(tmp_path / "key", lab.monitor.private)
    pins = tmp_path / "pins"
    array = lab.inventory.array(CANARY)
    bastion = lab.inventory.bastions[1]
    pins.write_text("".join(f"{name} {_line(key)}\n" for name, key in lab.pinned.entries))
    options = ["-F", "none", "-o", f"UserKnownHostsFile={pins}", "-o", "StrictHostKeyChecking=yes", "-i", str(key)]
    options += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
    jump = " ".join([need("ssh"), *options, "-p", str(bastion.ssh.port), "-W", "[%h]:%p", f"{USER}@{bastion.ssh.host}"])
    words = [need("ssh"), *options, "-o", f"ProxyCommand={jump}", "-p", str(array.ssh.port), f"{USER}@{array.ssh.host}"]
    said = subprocess.run(
        [*words, "lssystem -delim !"], capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    assert said.returncode == 0, said.stderr
    with lines(lab) as mine:
        assert mine.ask(CANARY, "lssystem -delim !").stdout == said.stdout
    assert array.serial.encode() in said.stdout


def _line(key: HostKey) -> str:
    return f"{key.type} {base64.b64encode(key.blob).decode()}"


@pytest.mark.parametrize("name", ARRAYS)
def test_libiscsi_and_qemu_see_what_the_gate_sees(lab: FullLab, known: KnownAnswers, name: str) -> None:
    mine, told = known.identity(name), tgt.inquired(url(lab, name)).stdout
    assert mine.product in told
    assert mine.revision in told
    serial = tgt.inquired(url(lab, name), "-e", "1", "-c", "128").stdout
    assert mine.serial in serial
    written = known.write(name, "the judges' seed")
    need("qemu-iscsi")
    driver = {"driver": "iscsi", "transport": "tcp", "portal": url(lab, name).split("/")[2]}
    driver |= {"target": lab.machines[name].tgtd.target, "initiator-name": GATE}
    options = json.dumps({"driver": "raw", "file": {**driver, "lun": 1, "timeout": 10}})
    out = lab.home / f"{name}.copy"
    count = f"count={written.blocks}"
    words = [need("qemu-img"), "dd", "-f", "raw", "-O", "raw", f"if=json:{options}", f"of={out}", "bs=512", count]
    subprocess.run(words, check=True, capture_output=True, timeout=90)
    assert f"sha256:{hashlib.sha256(out.read_bytes()).hexdigest()}" == written.digest


def test_both_portals_lead_to_one_lun_and_a_pulled_cable_ends_one_way_alone(lab: FullLab) -> None:
    seen = []
    for fabric in (1, 2):
        with session(lab, CANARY, fabric) as lun:
            seen.append((lun.serial(), hashlib.sha256(lun.read(0, 64)).hexdigest()))
    assert seen[0] == seen[1]
    wires.ip("link set fab1 down\n", namespace(CANARY))
    try:
        with pytest.raises(IscsiError):
            session(lab, CANARY, 1)
        with session(lab, CANARY, 2) as lun:
            assert lun.serial() == seen[0][0]
    finally:
        wires.ip("link set fab1 up\n", namespace(CANARY))
    assert waited(lambda: _answers(lab, CANARY, 1))


def test_a_cut_between_the_sites_leaves_the_near_one_and_heals(lab: FullLab, known: KnownAnswers) -> None:
    wires.ip("link set to-fab1 down\nlink set to-out down\n", "sw-east")
    try:
        assert known.identity(CONTROL).serial
        with pytest.raises(IscsiError):
            known.identity(CANARY)
        with lines(lab) as mine:
            assert mine.ask(CONTROL, "lssystem -delim !").exit_status == 0
            assert mine.ask(CANARY, "lssystem -delim !").exit_status is None
    finally:
        wires.ip("link set to-fab1 up\nlink set to-out up\n", "sw-east")
    assert waited(lambda: _answers(lab, CANARY, 1))


def test_a_frozen_controller_is_late_and_nothing_worse(lab: FullLab, known: KnownAnswers) -> None:
    written = known.write(CANARY, "before the frost")
    lab.machines[CANARY].tgtd.freeze()
    try:
        assert known.latencies(CANARY, 5, deadline_s=1).late == 1
        with pytest.raises(Silent):
            known.read(CANARY, "before the frost")
    finally:
        lab.machines[CANARY].tgtd.resume()
    assert known.read(CANARY, "before the frost").digest == written.digest


def test_a_slow_controller_shows_in_the_slowest_reads(lab: FullLab, known: KnownAnswers) -> None:
    tgtd = lab.machines[CANARY].tgtd
    stop = SimpleNamespace(now=False)

    def limp() -> None:
        while not stop.now:
            tgtd.freeze()
            time.sleep(0.1)
            tgtd.resume()
            time.sleep(0.005)

    limping = Thread(target=limp)
    limping.start()
    try:
        timed = known.latencies(CANARY, 300, deadline_s=4)
    finally:
        stop.now = True
        limping.join()
    assert timed.late == 0
    assert max(timed.points) >= 50_000


def test_a_lun_that_is_gone_or_protected_or_of_another_name_is_no_health(lab: FullLab, known: KnownAnswers) -> None:
    tgtd, here = lab.machines[CANARY].tgtd, known.identity(CANARY)
    known.write(CANARY, "a seed")
    tgtd.update(1, "online=0")
    with pytest.raises(IscsiError):
        known.read(CANARY, "a seed")
    tgtd.update(1, "online=1", "readonly=1")
    with pytest.raises(IscsiError):
        known.write_and_read(CANARY, "another seed")
    assert known.read(CANARY, "a seed").matches
    tgtd.update(1, "readonly=0", "scsi_sn=ANOTHER")
    assert known.identity(CANARY).serial != here.serial
    tgtd.update(1, f"scsi_sn={here.serial}")
    assert known.identity(CANARY) == here
    with (lab.home / CANARY / "lun").open("r+b") as file:
        file.seek(4096 * 7)
        file.write(b"\xff" * 3)
    assert known.read(CANARY, "a seed").first_bad_block == 56


def test_a_change_goes_from_staging_to_verified_through_a_bastion_with_the_keyholders_certificates(
    lab: FullLab, tmp_path: Path
) -> None:
    done = carried_out(lab, CANARY, tmp_path)
    done.by_the_keyholder_alone(lab, CANARY)
    assert "8704" in tgt.inquired(url(lab, CANARY)).stdout
    assert "8603" in tgt.inquired(url(lab, CONTROL)).stdout
    assert "Accepted certificate" not in lab.machines[CONTROL].sshd.log.read_text()
    _refused_now(lab, done.permits[-1])


def _refused_now(lab: FullLab, permit: Permit) -> None:
    """A permit that was used opens neither the array nor, for its principal, another one, though it has not ended."""
    for name, why in ((CANARY, "revoked by file"), (CONTROL, "not permitted|authorized principal")):
        endpoint, via = lab.inventory.way(name)
        with pytest.raises(Outside, match=r"refused the login|opens no way"):
            connect(
                name, endpoint, user=USER, key=permit.key, certificate=permit.certificate, pinned=lab.pinned, via=via,
                timeouts=QUICK,
            )  # fmt: skip
        log = lab.machines[name].sshd.log if name == CANARY else lab.bastions[ARRAYS[name][0]].log
        assert re.search(why, log.read_text())


def _answers(lab: FullLab, name: str, fabric: int) -> bool:
    try:
        session(lab, name, fabric).close()
    except IscsiError:
        return False
    return True


def test_a_run_that_is_killed_leaves_networks_that_the_next_one_takes_away(tmp_path: Path) -> None:
    """The child makes a lab and is killed in it; its servers end with it, its namespaces with the next sweep."""
    words = "from pathlib import Path; import os, signal; from tests.real.full_lab import full_lab\n"
    words += f"with full_lab(Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)\n"
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", words], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert child.wait(90) == -9
    left = [name for name in wires.existing() if name.startswith(f"{wires.PREFIX}{child.pid}-")]
    assert left
    wires.sweep()
    assert not set(left) & set(wires.existing())
