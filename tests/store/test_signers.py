"""Keys that the gate cannot read: in a real ssh-agent, and behind a program."""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import BadInput, LedgerUnavailable
from gate.ledger import checkpoint
from gate.ledger.entry import GATE, Draft
from gate.ledger.note import VerifierKey
from gate.store.signers import AgentKey, CommandKey
from gate.store.sqlite import open_ledger
from tests.parts import need
from tests.store.conftest import ORIGIN

SEED = bytes(range(32))
VKEY = VerifierKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw())
PROGRAM = """
import sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
signature = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).sign(sys.stdin.buffer.read())
"""


def program(tmp_path: Path, end: str) -> list[str]:
    (tmp_path / "sign.py").write_text(PROGRAM + end)
    return [sys.executable, str(tmp_path / "sign.py")]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real ssh-agent with an Ed25519 and an RSA key in it; the fingerprint of the first."""
    need("ssh-keygen")
    socket = tmp_path / "agent"
    running = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert running.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        for kind in ("rsa", "ed25519"):
            key = tmp_path / kind
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True, stderr=subprocess.DEVNULL)
        yield fingerprint(tmp_path / "ed25519")
    finally:
        running.terminate()
        running.wait()


def fingerprint(key: Path) -> str:
    return subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout.split()[1]


def test_a_key_in_an_ssh_agent_signs_the_ledger(agent: str, tmp_path: Path) -> None:
    signer = AgentKey(ORIGIN, agent)
    with closing(open_ledger(tmp_path / "ledger.db", signer=signer)) as ledger:
        ledger.append(Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"}))
        assert checkpoint.verify(ledger.checkpoint(keep=True), signer.vkey).size == 2
    wire = base64.b64decode((tmp_path / "ed25519.pub").read_text().split()[1])
    assert signer.vkey.public == wire[-32:]
    assert not list(tmp_path.glob("*.key"))


def test_an_agent_that_lost_its_key_or_is_gone_stops_the_signing(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = AgentKey(ORIGIN, agent)
    subprocess.run(["ssh-add", "-q", "-d", tmp_path / "ed25519"], check=True, stderr=subprocess.DEVNULL)
    with pytest.raises(LedgerUnavailable, match=re.escape(f"no ssh-agent holds the ledger key {agent[:10]}")):
        signer.sign(b"text")
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(LedgerUnavailable, match="ssh-agent") as refused:
        AgentKey(ORIGIN, agent)
    assert "ssh-add -l" in refused.value.hint


def test_a_key_of_another_kind_is_refused(agent: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="is not an Ed25519 key"):
        AgentKey(ORIGIN, fingerprint(tmp_path / "rsa"))


@pytest.mark.parametrize(
    "end",
    [
        "sys.stdout.buffer.write(signature)",
        "import base64; print(base64.b64encode(signature).decode())",
    ],
)
def test_a_program_signs_the_ledger(tmp_path: Path, end: str) -> None:
    signer = CommandKey(ORIGIN, program(tmp_path, end), str(VKEY))
    with closing(open_ledger(tmp_path / "ledger.db", signer=signer)) as ledger:
        assert checkpoint.verify(ledger.checkpoint(), VKEY).size == 1


@pytest.mark.parametrize(
    ("end", "within", "sentence"),
    [
        ("", 60, "no signature of the ledger's key"),
        ("sys.stdout.buffer.write(b'x' * 64)", 60, "no signature of the ledger's key"),
        ("sys.stdout.buffer.write(signature + b'!')", 60, "no signature of the ledger's key"),
        ("print('\\u20ac' * 9)", 60, "no signature of the ledger's key"),
        ("sys.stdout.buffer.write(signature); sys.exit(3)", 60, "ended with 3"),
        ("import time; time.sleep(60)", 1, "took longer than 1 s"),
    ],
)
def test_a_program_that_does_not_sign_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, end: str, within: float, sentence: str
) -> None:
    signer = CommandKey(ORIGIN, program(tmp_path, end), str(VKEY), within=within)
    with closing(open_ledger(tmp_path / "ledger.db", signer=signer)) as ledger:
        with pytest.raises(LedgerUnavailable, match=sentence):
            ledger.checkpoint(keep=True)
        assert ledger.kept_checkpoint() is None
        ledger.append(Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"}))


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="/nowhere/sign cannot be run: No such file"):
        CommandKey(ORIGIN, ["/nowhere/sign"], str(VKEY)).sign(b"text")


@pytest.mark.parametrize("vkey", ["", "rubbish", str(VerifierKey("another", VKEY.public))])
def test_a_public_key_that_does_not_fit_is_refused(vkey: str) -> None:
    with pytest.raises(BadInput, match="the ledger's vkey"):
        CommandKey(ORIGIN, ["/bin/true"], vkey)
