"""The lines of known_hosts that pin a key, and those that are refused."""

import base64
import hmac
import subprocess
from pathlib import Path

import pytest

from gate.errors import BadInput
from gate.hostkeys import HostKey, HostKeys, parse
from tests.parts import need

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ3gRr1Yf8TqY6Yv0wV8mT1mJx0z0Q3v1V4c0s1aF2k"


def test_a_key_is_pinned_for_its_host_and_port_only() -> None:
    keys = parse(f"# fleet\n\n[10.0.0.1]:2222,east-1 {KEY} console 2026\n", "known_hosts")
    assert [key.type for key in keys.pinned("10.0.0.1", 2222)] == ["ssh-ed25519"]
    assert keys.pinned("EAST-1", 22)
    assert keys.pinned("10.0.0.1", 22) == ()
    assert keys.pinned("east-1", 2222) == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"@cert-authority * {KEY}", "@cert-authority"),
        (f"@revoked east-1 {KEY}", "@revoked"),
        (f"*.example {KEY}", "more than one host"),
        (f"east-1,!east-2 {KEY}", "more than one host"),
        ("east-1 ssh-ed25519", "a type and a key"),
        ("east-1 ssh-ed25519 !!!", "not base64"),
        (f"east-1 ssh-rsa {KEY.split()[1]}", "does not say"),
    ],
)
def test_a_line_that_pins_no_plain_key_is_refused_with_its_number(line: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        parse(f"# first\n{line}\n", "known_hosts")
    assert refused.value.place == "known_hosts:2"


def test_hashed_names_and_fingerprints_agree_with_ssh_keygen(tmp_path: Path) -> None:
    keygen = need("ssh-keygen")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    public = (tmp_path / "key.pub").read_text()
    shown = subprocess.run(
        [keygen, "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True
    ).stdout
    known = tmp_path / "known_hosts"
    known.write_text(f"[10.0.0.1]:2222 {public}")
    subprocess.run([keygen, "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "10.0.0.1" not in known.read_text()
    (key,) = parse(known.read_text(), "known_hosts").pinned("10.0.0.1", 2222)
    assert key.fingerprint in shown
    assert parse(known.read_text(), "known_hosts").pinned("10.0.0.2", 2222) == ()


def test_plain_and_hashed_lines_of_one_endpoint_are_found_in_the_order_of_the_file() -> None:
    one, two, three = (HostKey("ssh-ed25519", bytes([number])) for number in range(3))
    salt, name = b"salt", "[east-1]:2222"
    hashed = hmac.new(salt, name.encode(), "sha1").digest()
    spelled = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, hashed))
    keys = HostKeys(((name, one), ("[east-2]:2222", three), (spelled, two), (name, three)))
    assert keys.pinned("East-1", 2222) == (one, two, three)
    assert keys.pinned("east-2", 2222) == (three,)
    assert keys.pinned("east-1", 22) == ()
