import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import signing as independent_keys
from tlog_scales import tlog as independent

from gate.ledger import checkpoint, cosignature, note
from gate.ledger.cosignature import Cosigned
from gate.ledger.note import COSIGNATURE, Signature, VerifierKey
from tests.ledger.test_note import HEAD, ORIGIN, SeedKey

EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501
"""The example of C2SP tlog-cosignature."""


class WitnessSeed(SeedKey):
    """A witness's key from a fixed seed."""

    def __init__(self, name: str, seed: bytes = b"\x05" * 32) -> None:
        super().__init__(name, seed)
        self.vkey = VerifierKey(name, self.vkey.public, COSIGNATURE)


WITNESS = WitnessSeed("witness.example.com/w1")


def cosigned_note(at: int = 1_795_000_000) -> str:
    signed = checkpoint.sign(HEAD, SeedKey(ORIGIN))
    return signed + f"{cosignature.sign(HEAD.text, WITNESS, at)}\n"


def test_the_example_of_the_specification_is_read_with_its_time() -> None:
    found = note.read(EXAMPLE)
    assert [line.name for line in found.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(found.signatures[1].payload[:8], "big") == 1679315147
    assert len(found.signatures[1].payload) == cosignature.PAYLOAD
    assert str(found) == EXAMPLE


@given(st.integers(1, 2**63 - 1))
def test_an_independent_program_verifies_our_cosignature_and_reads_its_time(at: int) -> None:
    theirs = independent.Checkpoint.from_text(cosigned_note(at))
    key = independent_keys.Vkey.from_string(str(WITNESS.vkey))
    theirs.verify(key)
    theirs.verify(independent_keys.Vkey.from_string(str(SeedKey(ORIGIN).vkey)))
    assert independent_keys.Ed25519CosignatureVerifier.get_timestamp(theirs.signatures[1].payload) == at


def test_a_cosigned_checkpoint_verifies_with_the_logs_key_and_says_who_cosigned_when() -> None:
    signed = cosigned_note(1_795_000_000)
    assert checkpoint.verify(signed, SeedKey(ORIGIN).vkey) == HEAD
    assert cosignature.cosigned(note.read(signed), [WITNESS.vkey]) == (Cosigned(WITNESS.vkey, 1_795_000_000),)
    assert cosignature.cosigned(note.read(signed), [WitnessSeed("other").vkey]) == ()


@given(st.data())
def test_no_changed_byte_of_a_cosignature_verifies(data: st.DataObject) -> None:
    line = cosignature.sign(HEAD.text, WITNESS, 1_795_000_000)
    place = data.draw(st.integers(0, len(line.payload) - 1))
    changed = bytearray(line.payload)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError):
        cosignature.check(HEAD.text, Signature(line.name, line.hash, bytes(changed)), WITNESS.vkey)


def test_a_cosignature_of_another_text_or_key_or_kind_does_not_count() -> None:
    line = cosignature.sign(HEAD.text, WITNESS, 7)
    plain = VerifierKey(WITNESS.vkey.name, WITNESS.vkey.public)
    with pytest.raises(ValueError, match="is wrong"):
        cosignature.check(HEAD.text.replace("1234", "1235"), line, WITNESS.vkey)
    with pytest.raises(ValueError, match="no cosignature"):
        cosignature.check(HEAD.text, line, plain)
    with pytest.raises(ValueError, match="no cosignature"):
        cosignature.check(HEAD.text, Signature(line.name, line.hash, line.payload[8:]), WITNESS.vkey)


def test_the_plain_signature_of_a_witness_key_is_no_cosignature() -> None:
    signature = WITNESS.sign(HEAD.text.encode())
    line = Signature(WITNESS.vkey.name, WITNESS.vkey.hash, bytes(8) + signature)
    with pytest.raises(ValueError, match="is wrong"):
        cosignature.check(HEAD.text, line, WITNESS.vkey)


@pytest.mark.parametrize("at", [0, -1, 1 << 63])
def test_a_cosignature_without_a_time_is_not_made(at: int) -> None:
    with pytest.raises(ValueError, match="needs a time"):
        cosignature.sign(HEAD.text, WITNESS, at)


def test_a_logs_key_makes_no_cosignature() -> None:
    with pytest.raises(ValueError, match="needs a time and the key of a witness"):
        cosignature.sign(HEAD.text, SeedKey(ORIGIN), 1)


def test_two_keys_of_a_rotation_sign_one_checkpoint_and_either_verifies_it() -> None:
    old, new = SeedKey(ORIGIN), SeedKey(ORIGIN, b"\x0b" * 32)
    signed = checkpoint.sign(HEAD, old, new)
    assert checkpoint.verify(signed, old.vkey) == checkpoint.verify(signed, new.vkey) == HEAD
    assert note.verify_any(signed, (new.vkey, old.vkey))[1] == (old.vkey, new.vkey)
    independent.Checkpoint.from_text(signed).verify(independent_keys.Vkey.from_string(str(new.vkey)))


def test_one_wrong_line_of_a_known_key_spoils_the_note_whoever_else_signed() -> None:
    old, new = SeedKey(ORIGIN), SeedKey(ORIGIN, b"\x0b" * 32)
    signed = note.read(checkpoint.sign(HEAD, old, new))
    lines = (signed.signatures[0], Signature(new.vkey.name, new.vkey.hash, bytes(64)))
    with pytest.raises(ValueError, match="is wrong"):
        note.verify_any(str(note.Note(signed.text, lines)), (old.vkey, new.vkey))
    assert note.verify(str(note.Note(signed.text, lines)), old.vkey) == HEAD.text, "unknown keys are skipped"


def test_a_note_has_an_end_to_its_signatures() -> None:
    line = base64.b64encode(b"\x01\x02\x03\x04x").decode()
    with pytest.raises(ValueError, match="more than 64"):
        note.read("text\n\n" + f"\u2014 a {line}\n" * 65)
    assert len(note.read("text\n\n" + f"\u2014 a {line}\n" * 64).signatures) == 64


def test_a_vkey_of_the_other_kind_is_refused() -> None:
    assert note.read_vkey(str(WITNESS.vkey), COSIGNATURE) == WITNESS.vkey
    with pytest.raises(ValueError, match="verifier key of a log"):
        note.read_vkey(str(WITNESS.vkey))
    with pytest.raises(ValueError, match="verifier key of a witness"):
        note.read_vkey(str(SeedKey(ORIGIN).vkey), COSIGNATURE)


def test_extension_lines_are_cosigned_and_not_understood() -> None:
    text = HEAD.text + "an extension\n"
    assert checkpoint.read(text) == HEAD
    line = cosignature.sign(text, WITNESS, 7)
    assert cosignature.check(text, line, WITNESS.vkey).at == 7
    with pytest.raises(ValueError):
        cosignature.check(HEAD.text, line, WITNESS.vkey)
