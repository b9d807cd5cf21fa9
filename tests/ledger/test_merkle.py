import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import tlog as independent

from gate.ledger import merkle

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "ledger" / "rfc6962.json").read_text())
LEAVES = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def subtree_of(hashes: list[bytes]) -> merkle.Subtree:
    def subtree(start: int, end: int) -> bytes:
        """Section 2.1 of RFC 6962, word for word."""
        if end - start == 1:
            return hashes[start]
        size = 1
        while size * 2 < end - start:
            size *= 2
        return hashlib.sha256(b"\x01" + subtree(start, start + size) + subtree(start + size, end)).digest()

    return subtree


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_implementation(size: int) -> None:
    assert merkle.root_of(LEAVES[:size]).hex() == VECTORS["roots"][size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=str)
def test_inclusion_proofs_are_those_of_the_reference_implementation(vector: dict[str, int | list[str]]) -> None:
    index, size, proof = vector["index"], vector["size"], vector["proof"]
    assert isinstance(index, int)
    assert isinstance(size, int)
    assert [step.hex() for step in merkle.inclusion(index, size, subtree_of(LEAVES))] == proof


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=str)
def test_consistency_proofs_are_those_of_the_reference_implementation(vector: dict[str, int | list[str]]) -> None:
    old, new, proof = vector["old"], vector["new"], vector["proof"]
    assert isinstance(old, int)
    assert isinstance(new, int)
    assert [step.hex() for step in merkle.consistency(old, new, subtree_of(LEAVES))] == proof


@given(st.integers(1, 300))
def test_a_tree_grown_leaf_by_leaf_has_the_root_of_the_definition(size: int) -> None:
    hashes = leaves(size)
    assert merkle.root_of(hashes) == subtree_of(hashes)(0, size)


@given(st.integers(1, 200), st.data())
def test_extending_names_every_subtree_that_became_complete(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    frontier: merkle.Frontier = ()
    for number, leaf in enumerate(hashes):
        frontier, completed = merkle.extend(number, frontier, leaf)
        for level, found in enumerate(completed):
            assert found == subtree_of(hashes)(number + 1 - (1 << level), number + 1)
    assert len(frontier) == size.bit_count()


@given(st.integers(1, 130), st.data())
def test_an_inclusion_proof_holds_here_and_by_an_independent_program(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion(index, size, subtree_of(hashes)), merkle.root_of(hashes)
    assert merkle.included(hashes[index], index, size, proof, root)
    independent.InclusionProof(index, size, list(proof)).check(hashes[index], root)


@given(st.integers(2, 130), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion(index, size, subtree_of(hashes)), merkle.root_of(hashes)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
    assert not merkle.included(hashes[other], index, size, proof, root)
    assert not merkle.included(hashes[index], other, size, proof, root)
    assert not merkle.included(hashes[index], index, size, proof[:-1], root)
    assert not merkle.included(hashes[index], index, size, (*proof, root), root)
    assert not merkle.included(hashes[index], size, size, proof, root)


@given(st.integers(1, 130), st.data())
def test_a_consistency_proof_holds_for_its_trees_and_by_an_independent_program(new: int, data: st.DataObject) -> None:
    hashes = leaves(new)
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency(old, new, subtree_of(hashes))
    roots = merkle.root_of(hashes[:old]), merkle.root_of(hashes)
    assert merkle.consistent(old, new, *roots, proof)
    independent.ConsistencyProof(old, new, list(proof)).check(*roots)


@given(st.integers(2, 130), st.data())
def test_a_consistency_proof_does_not_hold_for_a_rewritten_history(new: int, data: st.DataObject) -> None:
    hashes = leaves(new)
    old = data.draw(st.integers(1, new - 1))
    proof = merkle.consistency(old, new, subtree_of(hashes))
    rewritten = [merkle.leaf_hash(b"other"), *hashes[1:]]
    assert not merkle.consistent(old, new, merkle.root_of(rewritten[:old]), merkle.root_of(hashes), proof)
    assert not merkle.consistent(old, new, merkle.root_of(hashes[:old]), merkle.root_of(rewritten), proof)
    assert not merkle.consistent(old, new, merkle.root_of(hashes[:old]), merkle.root_of(hashes), proof[:-1])


def test_everything_begins_with_the_empty_tree() -> None:
    assert merkle.consistency(0, 5, subtree_of(leaves(5))) == ()
    assert merkle.consistent(0, 5, merkle.EMPTY_ROOT, merkle.root_of(leaves(5)), ())
    assert not merkle.consistent(0, 5, merkle.root_of(leaves(1)), merkle.root_of(leaves(5)), ())


def test_a_proof_for_what_is_not_there_is_not_made() -> None:
    with pytest.raises(ValueError, match="no leaf 3 in a tree of 3"):
        merkle.inclusion(3, 3, subtree_of(leaves(3)))
    with pytest.raises(ValueError, match="a tree of 4 cannot be the beginning of a tree of 3"):
        merkle.consistency(4, 3, subtree_of(leaves(3)))
