import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import backend, reader, writer
from tlog_scales import signing as independent_keys
from tlog_scales import tlog as independent

from gate.ledger import checkpoint, cosignature, merkle, policy, proof
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.policy import Witness
from gate.ledger.proof import Proof
from tests.ledger.test_cosignature import WITNESS
from tests.ledger.test_note import ORIGIN, SeedKey

BODIES = [f"entry {number}".encode() for number in range(11)]
LEAVES = [merkle.leaf_hash(body) for body in BODIES]
TRUST = policy.of(SeedKey(ORIGIN).vkey, [Witness("w1", WITNESS.vkey)])


def subtree(start: int, end: int) -> bytes:
    return merkle.root_of(LEAVES[start:end])


def made(index: int, *, cosigned: bool = True) -> Proof:
    head = Checkpoint(ORIGIN, len(BODIES), subtree(0, len(BODIES)))
    line = f"{cosignature.sign(head.text, WITNESS, 1_795_000_000)}\n" if cosigned else ""
    return Proof(index, merkle.inclusion(index, len(BODIES), subtree), checkpoint.sign(head, SeedKey(ORIGIN)) + line)


@pytest.mark.parametrize("index", range(len(BODIES)))
def test_every_entry_has_a_proof_that_reads_back_and_verifies(index: int) -> None:
    one = made(index)
    assert proof.read(proof.write(one)) == one
    assert [seen.key for seen in proof.verify(one, BODIES[index], TRUST)] == [WITNESS.vkey]


@pytest.mark.parametrize("index", range(len(BODIES)))
def test_an_independent_log_makes_the_same_proof_and_accepts_ours(tmp_path: Path, index: int) -> None:
    theirs = writer.TilesWriter.create(tmp_path / "log", ORIGIN)
    for body in BODIES:
        theirs.add_leaf(body)
    theirs.commit([independent_keys.PlainEd25519Signer(ORIGIN, bytes(range(32)))])
    read = reader.TilesReader(backend.LocalBackend(tmp_path / "log"))
    head = read.get_checkpoint()
    one = made(index)
    assert checkpoint.verify(head.serialize(), SeedKey(ORIGIN).vkey).root == head.root_hash
    assert tuple(read.get_inclusion_proof(index, head.size).node_hashes) == one.hashes
    independent.InclusionProof(index, head.size, list(one.hashes)).check(LEAVES[index], head.root_hash)
    for old in range(1, len(BODIES)):
        steps = merkle.consistency(old, len(BODIES), subtree)
        independent.ConsistencyProof(old, len(BODIES), list(steps)).check(subtree(0, old), head.root_hash)
        assert tuple(read.get_consistency_proof(old, head.size).node_hashes) == steps


def test_a_proof_without_the_quorum_is_refused() -> None:
    with pytest.raises(ValueError, match="not witnessed by 1 of w1"):
        proof.verify(made(3, cosigned=False), BODIES[3], TRUST)
    assert proof.verify(made(3, cosigned=False), BODIES[3], policy.of(SeedKey(ORIGIN).vkey)) == ()


def test_a_proof_of_another_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the log there"):
        proof.verify(made(3), BODIES[4], TRUST)
    with pytest.raises(ValueError, match="not in the log there"):
        proof.verify(replace(made(3), index=4), BODIES[3], TRUST)


def test_extra_data_is_carried_and_believed_by_nobody() -> None:
    one = replace(made(2), extra=b"\x00anything")
    assert proof.read(proof.write(one)) == one
    assert proof.write(one).split("\n")[1] == "extra " + base64.b64encode(b"\x00anything").decode()


@given(st.data())
def test_a_changed_character_is_refused_or_changes_nothing_that_counts(data: st.DataObject) -> None:
    text = proof.write(made(5))
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda char: char != text[place]))
    with pytest.raises(ValueError):
        proof.verify(proof.read(text[:place] + letter + text[place + 1 :]), BODIES[5], TRUST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx",
        "c2sp.org/tlog-proof@v1\nextra A\nindex 1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + ("A" * 43 + "=\n") * 64 + "\nx",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        proof.read(text)
