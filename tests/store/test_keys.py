from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gate.errors import BadInput, LedgerUnavailable
from gate.store import keys

NAME = "gate.example.com/ledger/1"


def test_a_new_key_is_for_its_owner_only_and_loads_as_the_same(tmp_path: Path) -> None:
    made = keys.create(tmp_path / "key", NAME)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert keys.load(tmp_path / "key", NAME).vkey == made.vkey


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    keys.create(tmp_path / "key", NAME)
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(BadInput, match="never overwritten"):
        keys.create(tmp_path / "key", NAME)
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    keys.create(tmp_path / "key", NAME)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(LedgerUnavailable, match="may be read or written by others") as refused:
        keys.load(tmp_path / "key", NAME)
    assert refused.value.hint == f"chmod 600 {tmp_path / 'key'}"


def test_a_raw_seed_is_a_key_too(tmp_path: Path) -> None:
    (tmp_path / "seed").touch(0o600)
    (tmp_path / "seed").write_bytes(bytes(range(32)))
    public = keys.load(tmp_path / "seed", "n").vkey.public
    assert public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"


def pem_of_another_kind() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("content", [b"", b"\x00" * 31, b"-----BEGIN PRIVATE KEY-----\n", pem_of_another_kind()])
def test_what_is_no_ed25519_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(LedgerUnavailable, match=r"is not an? (private|Ed25519) key"):
        keys.load(tmp_path / "key", NAME)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="No such file"):
        keys.load(tmp_path / "nowhere", NAME)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_that_a_note_cannot_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot name a ledger"):
        keys.create(tmp_path / "key", name)
    assert not (tmp_path / "key").exists()
