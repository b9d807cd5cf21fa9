"""CHAP against Debian's tgtd, with libiscsi and QEMU as judges of what it demands."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.chap import Account, Chap
from gate.iscsi import LoginRefused, Lun
from tests.parts import need
from tests.places import network
from tests.real import tgt

PORTAL, BESIDE = f"{network(30)}.1", f"{network(30)}.2"
TARGET = "iqn.2026-11.example.sangate:chap"
GATE = "iqn.2026-11.example.sangate:gate"
SECRET, OTHER = "the gate's own one".replace(" ", "-"), "what-the-target-knows"
US, THEM = Account("gate", SECRET), Account("array", OTHER)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tgt.Tgtd]:
    home = tmp_path_factory.mktemp("tgt")
    accounts = ((US.name, US.secret, False), (THEM.name, THEM.secret, True))
    lun = tgt.Lun(1, tgt.blank(home / "lun", 8))
    made = tgt.Tgtd(home, (f"{PORTAL}:3260",), TARGET, 41, (lun,), accounts=accounts)
    made.start()
    yield made
    made.stop()


def scratch(chap: Chap | None) -> Lun:
    return Lun(PORTAL, 3260, TARGET, 1, initiator=GATE, chap=chap, timeout_s=5, within_s=20)


@pytest.mark.parametrize("chap", [Chap(US), Chap(US, THEM)], ids=["one-way", "mutual"])
def test_with_the_right_secret_data_are_written_and_read(target: tgt.Tgtd, chap: Chap) -> None:
    with scratch(chap) as lun:
        assert lun.inquiry().product == "FULL-LAB"
        lun.write(8, b"\xa5" * 4096)
        lun.flush()
        assert lun.read(8, 8) == b"\xa5" * 4096


@pytest.mark.parametrize(
    "chap",
    [
        None,
        Chap(Account("gate", "another-secret-of-ours")),
        Chap(Account("somebody", SECRET)),
        Chap(Account("gate", OTHER)),
    ],
    ids=["no CHAP", "wrong secret", "wrong name", "the target's secret"],
)
def test_without_the_right_name_and_secret_nobody_is_let_in(target: tgt.Tgtd, chap: Chap | None) -> None:
    with pytest.raises(LoginRefused) as refused:
        scratch(chap)
    assert refused.value.status == 0x0201
    for secret in (SECRET, OTHER, "another-secret-of-ours"):
        assert secret not in str(refused.value)


def test_a_target_that_does_not_know_its_own_secret_is_refused_by_us(target: tgt.Tgtd) -> None:
    with pytest.raises(LoginRefused, match="does not prove"):
        scratch(Chap(US, Account("array", "not-what-the-target-knows")))
    with pytest.raises(LoginRefused, match="does not prove"):
        scratch(Chap(US, Account("another-array", OTHER)))


def test_a_target_that_asks_for_no_proof_is_not_the_one_that_was_declared(tmp_path: Path) -> None:
    lun = tgt.Lun(1, tgt.blank(tmp_path / "lun", 8))
    open_to_all = tgt.Tgtd(tmp_path, (f"{BESIDE}:3260",), TARGET, 42, (lun,))
    open_to_all.start()
    try:
        with pytest.raises(LoginRefused):
            Lun(BESIDE, 3260, TARGET, 1, initiator=GATE, chap=Chap(US), timeout_s=5)
    finally:
        open_to_all.stop()


def test_libiscsi_and_qemu_are_let_in_and_refused_likewise(target: tgt.Tgtd) -> None:
    def url(secret: str) -> str:
        return f"iscsi://gate%{secret}@{PORTAL}:3260/{TARGET}/1"

    assert "FULL-LAB" in tgt.inquired(url(SECRET)).stdout
    assert tgt.inquired(url("another-secret-of-ours")).returncode != 0
    assert tgt.inquired(f"iscsi://{PORTAL}:3260/{TARGET}/1").returncode != 0
    with scratch(Chap(US)) as lun:
        lun.write(0, b"\x5a" * 65_536)
        lun.flush()
    need("qemu-iscsi")
    driver = {"driver": "iscsi", "transport": "tcp", "portal": f"{PORTAL}:3260", "target": TARGET, "lun": 1}
    secret = ["--object", f"secret,id=chap,data={SECRET}"]
    options = {"driver": "raw", "file": {**driver, "timeout": 5, "user": "gate", "password-secret": "chap"}}
    command = [need("qemu-io"), *secret, "-r", "-f", "raw", "-c", "read -P 0x5a 0 64k", "json:" + json.dumps(options)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr
    assert "Pattern verification failed" not in said.stdout
