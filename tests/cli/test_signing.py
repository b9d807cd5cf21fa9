import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import NAMESPACE, Statement
from gate.cli import sshkey
from gate.cli.change import _is_what_was_asked
from gate.cli.signing import sign
from gate.errors import BadInput, Moved, Outside
from gate.keys import own, public_line
from gate.sshsig import verify
from tests.parts import need

STATEMENT = '{"change":"chg-0001"}'


def test_ssh_keygen_signs_what_the_gate_verifies(tmp_path: Path) -> None:
    need("ssh-keygen")
    key = own(tmp_path / "id")
    assert public_line(key, "").startswith(verify(STATEMENT.encode(), sign(STATEMENT, tmp_path / "id"), NAMESPACE))


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_another_kind_of_key_is_refused_before_it_signs(tmp_path: Path, kind: str) -> None:
    command = [need("ssh-keygen"), "-q", "-t", kind, "-N", "", "-f", str(tmp_path / "id")]
    subprocess.run(command, check=True)
    with pytest.raises(BadInput, match="do not sign here"):
        sign(STATEMENT, tmp_path / "id")


def test_a_fido_key_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("a handle")
    (tmp_path / "id.pub").write_text("sk-ssh-ed25519@openssh.com AAAA me\n")
    with pytest.raises(BadInput, match="FIDO"):
        sign(STATEMENT, tmp_path / "id")


def test_a_key_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    need("ssh-keygen")
    with pytest.raises(BadInput, match="no such key"):
        sign(STATEMENT, tmp_path / "none")
    (tmp_path / "id").write_text("not a key")
    (tmp_path / "id").chmod(0o600)
    with pytest.raises(Outside, match="ssh-keygen did not sign"):
        sign(STATEMENT, tmp_path / "id")


def test_our_own_signature_is_what_openssh_makes(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    armour = sshkey.sign(STATEMENT, key)
    assert public_line(key, "").startswith(verify(STATEMENT.encode(), armour, NAMESPACE))
    (tmp_path / "sig").write_text(armour)
    command = [need("ssh-keygen"), "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(tmp_path / "sig")]
    assert subprocess.run(command, input=STATEMENT.encode(), check=False, capture_output=True).returncode == 0


ASKED = Statement("o", "chg-0001", "canary", "sha256:p", "sha256:v", "approve", "storage", "lead", "e", "n")
SHOWN = {"plan": {"digest": "sha256:p"}, "verdict": {"digest": "sha256:v"}}


def test_a_statement_about_what_was_shown_is_put_to_the_person() -> None:
    _is_what_was_asked(ASKED.text(), SHOWN, "chg-0001", "storage", "approve")


@pytest.mark.parametrize("name", ["change", "plan_digest", "verdict_digest", "decision", "seat"])
def test_a_statement_about_anything_else_is_never_signed(name: str) -> None:
    changed: dict[str, Any] = {name: "another"}
    other = replace(ASKED, **changed)
    with pytest.raises(Moved):
        _is_what_was_asked(other.text(), SHOWN, "chg-0001", "storage", "approve")


def test_a_text_that_is_no_statement_is_never_signed() -> None:
    with pytest.raises(Moved):
        _is_what_was_asked("I owe you everything", SHOWN, "chg-0001", "storage", "approve")
