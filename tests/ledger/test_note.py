from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing as independent_keys
from tlog_scales import tlog as independent

from gate.ledger import checkpoint, note

VECTORS = Path(__file__).parents[1] / "vectors" / "ledger"
NEUMANN = note.read_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
"""Key and note of the documentation of Go's golang.org/x/mod/sumdb/note."""

ORIGIN = "gate.example.com/ledger/1"
SEED = bytes(range(32))


class SeedKey:
    """A signer made from a fixed seed."""

    def __init__(self, name: str, seed: bytes = SEED) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.vkey = note.VerifierKey(name, public)

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


HEAD = checkpoint.Checkpoint(ORIGIN, 1234, bytes(range(100, 132)))


def test_the_note_of_the_reference_implementation_verifies() -> None:
    text = note.verify((VECTORS / "note.txt").read_text(), NEUMANN)
    assert text.startswith("If you think cryptography is the answer")


def test_a_note_with_one_changed_letter_does_not() -> None:
    changed = (VECTORS / "note.txt").read_text().replace("answer", "Answer")
    with pytest.raises(ValueError, match="the signature of PeterNeumann is wrong"):
        note.verify(changed, NEUMANN)


def test_a_checkpoint_signed_with_a_fixed_seed_is_the_one_on_file() -> None:
    signer = SeedKey(ORIGIN)
    assert checkpoint.sign(HEAD, signer) == (VECTORS / "checkpoint.txt").read_text()
    assert str(signer.vkey) == (VECTORS / "checkpoint.vkey").read_text().strip()


def test_an_independent_program_signs_the_same_checkpoint_and_verifies_ours() -> None:
    theirs = independent.Checkpoint.make_signed(
        ORIGIN, HEAD.size, HEAD.root, [independent_keys.PlainEd25519Signer(ORIGIN, SEED)]
    )
    ours = checkpoint.sign(HEAD, SeedKey(ORIGIN))
    assert theirs.serialize() == ours
    independent.Checkpoint.from_text(ours).verify(independent_keys.Vkey.from_string(str(SeedKey(ORIGIN).vkey)))


@given(st.integers(0, 2**60), st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_reads_back(size: int, root: bytes) -> None:
    head = checkpoint.Checkpoint(ORIGIN, size, root)
    signer = SeedKey(ORIGIN)
    assert checkpoint.verify(checkpoint.sign(head, signer), signer.vkey) == head


@given(st.data())
def test_no_single_changed_character_of_a_checkpoint_verifies(data: st.DataObject) -> None:
    signer = SeedKey(ORIGIN)
    signed = checkpoint.sign(HEAD, signer)
    place = data.draw(st.integers(0, len(signed) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda char: char != signed[place]))
    with pytest.raises(ValueError):
        checkpoint.verify(signed[:place] + letter + signed[place + 1 :], signer.vkey)


def test_lines_of_other_keys_are_skipped_and_one_of_ours_is_needed() -> None:
    ours, other = SeedKey(ORIGIN), SeedKey("witness.example.com", b"\x09" * 32)
    text = HEAD.text
    both = note.sign(text, other) + note.sign(text, ours).rpartition("\n\n")[2]
    assert note.verify(both, ours.vkey) == text
    with pytest.raises(ValueError, match=f"no signature of {ORIGIN}"):
        note.verify(note.sign(text, other), ours.vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AAAA",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcAQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_key_that_is_not_whole_is_refused(vkey: str) -> None:
    with pytest.raises(ValueError):
        note.read_vkey(vkey)


@pytest.mark.parametrize(
    "text", ["", "a\n", "a\n1\n", "a\n-1\nAAAA\n", "a\n01\nAAAA\n", "a\n1\nAAAA\n", "a\n１\nAAAA\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        checkpoint.read(text)


def test_a_key_signs_checkpoints_of_its_own_log_only() -> None:
    with pytest.raises(ValueError, match="the key is other's"):
        checkpoint.sign(HEAD, SeedKey("other"))


def test_base64_has_one_spelling() -> None:
    assert note.unbase64("AA==") == b"\x00"
    with pytest.raises(ValueError, match="stray bits"):
        note.unbase64("AB==")
