"""Sealed credentials: for one array, one key file, one permit at a time, and nowhere in the clear."""

import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gate.errors import BadInput, CannotTell, Refused
from gate.keyholder.sealing import Credential, open_seal, read_secret
from tests.engine.histories import CANARY
from tests.keyholder.world import World

WORD = "correct horse battery staple"
ARRAYS = [{"id": CANARY, "sealed": True}, {"id": "east-1"}]


def seal(world: World, array: str = CANARY) -> None:
    with world.memory() as memory:
        box = open_seal(world.home / "keyholder" / "seal").close(CANARY, read_secret("fwadmin", WORD + "\n"))
        memory.keep_sealed(array, box, world.now)


def test_a_sealed_password_comes_with_a_permit_and_is_written_nowhere_in_the_clear(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.ready()
    with world.keyholder(arrays=ARRAYS):
        with pytest.raises(Refused, match=f"no credential is sealed for {CANARY}"):
            world.ask()
        seal(world)
        permit = world.ask()
        assert (permit.user, permit.password) == ("fwadmin", WORD)
        assert WORD not in repr(permit)
    assert WORD not in caplog.text
    for path in world.home.rglob("*"):
        if path.is_file():
            assert WORD.encode() not in path.read_bytes(), path


def test_without_signatures_nothing_is_unsealed(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.started()
    with world.keyholder(arrays=ARRAYS):
        seal(world)
        with pytest.raises(Refused, match="approvals are missing"):
            world.ask()


def test_a_box_in_another_arrays_row_does_not_open(world: World) -> None:
    world.ready()
    with world.keyholder(arrays=ARRAYS), world.memory() as memory:
        box = open_seal(world.home / "keyholder" / "seal").close("east-1", Credential("fwadmin", WORD))
        memory.keep_sealed(CANARY, box, world.now)
        with pytest.raises(Refused, match="does not open"):
            world.ask()


def test_another_key_file_or_one_changed_byte_opens_nothing(tmp_path: Path) -> None:
    seal = open_seal(tmp_path / "one")
    box = seal.close("west-2", Credential("fwadmin", WORD))
    assert seal.open("west-2", box) == Credential("fwadmin", WORD)
    assert open_seal(tmp_path / "one").open("west-2", box).password == WORD
    for other, altered in ((open_seal(tmp_path / "two"), box), (seal, box[:-1] + bytes([box[-1] ^ 1])), (seal, b"")):
        with pytest.raises(CannotTell):
            other.open("west-2", altered)


def test_a_seal_that_others_may_read_or_that_is_no_key_is_not_used(tmp_path: Path) -> None:
    open_seal(tmp_path / "seal")
    (tmp_path / "seal").chmod(0o640)
    with pytest.raises(BadInput, match="other users"):
        open_seal(tmp_path / "seal")
    (tmp_path / "seal").write_bytes(b"short")
    (tmp_path / "seal").chmod(0o600)
    with pytest.raises(BadInput, match="32 bytes"):
        open_seal(tmp_path / "seal")


def test_what_can_be_no_credential_is_refused_when_it_is_sealed() -> None:
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"word")
    )
    for text in ("", "\n", "two\nlines", "bell\a", "x" * 300, locked.decode(), "x" * 20_000):
        with pytest.raises(BadInput):
            read_secret("fwadmin", text)
