"""
The tree of RFC 6962 section 2.1: roots, the frontier that an append needs, and both proofs.

A leaf is SHA-256(0x00 ‖ body), a node SHA-256(0x01 ‖ left ‖ right); the two prefixes keep a node
from passing for a leaf.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

EMPTY_ROOT = sha256(b"").digest()

Frontier: TypeAlias = tuple[bytes, ...]
"""Roots of the complete subtrees that make up a tree, largest first: one for each 1 in the binary size."""

Subtree: TypeAlias = Callable[[int, int], bytes]
"""Root over the leaves from `start` to before `end`: (start, end) → 32 bytes."""


def leaf_hash(body: bytes) -> bytes:
    """Hash one entry's bytes."""
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def extend(size: int, frontier: Frontier, leaf: bytes) -> tuple[Frontier, tuple[bytes, ...]]:
    """
    Append one leaf to a tree of `size` leaves.

    Return the new frontier, and the roots of all subtrees that became complete: level 0 (the leaf itself), 1, 2 …
    """
    stack = list(frontier)
    completed = [leaf]
    while size & 1:
        leaf = node_hash(stack.pop(), leaf)
        completed.append(leaf)
        size >>= 1
    return (*stack, leaf), tuple(completed)


def root(frontier: Frontier) -> bytes:
    """Fold a frontier into the root of its tree."""
    if not frontier:
        return EMPTY_ROOT
    folded = frontier[-1]
    for subtree in reversed(frontier[:-1]):
        folded = node_hash(subtree, folded)
    return folded


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes; memory stays at one hash per level."""
    frontier: Frontier = ()
    for size, leaf in enumerate(leaves):
        frontier, _ = extend(size, frontier, leaf)
    return root(frontier)


def split(size: int) -> int:
    """Return the largest power of two below `size` (size ≥ 2): where RFC 6962 divides a tree."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int, subtree: Subtree) -> tuple[bytes, ...]:
    """Make the proof of section 2.1.1 that leaf `index` is in the tree of `size` leaves, sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(old: int, new: int, subtree: Subtree) -> tuple[bytes, ...]:
    """Make the proof of section 2.1.2 that the first `old` leaves of the tree of `new` are the old tree."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} cannot be the beginning of a tree of {new}")
    if old in (0, new):
        return ()
    start, end, whole = 0, new, True
    path: list[bytes] = []
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree(start, end))
    return tuple(reversed(path))


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Check an inclusion proof (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, folded = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            folded = node_hash(step, folded)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            folded = node_hash(folded, step)
        place, last = place >> 1, last >> 1
    return last == 0 and folded == expected


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Check a consistency proof (RFC 9162 section 2.1.4.2)."""
    if old == 0:
        return old_root == EMPTY_ROOT and not proof
    if old == new:
        return old_root == new_root and not proof
    if not 0 < old < new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, step)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
