"""
Following a ledger: every entry is read, so nothing can be left out, and the tree that they make must be the signed one.

The tree is grown from the last head that was accepted. A shorter ledger, another history and a missing entry all end
in another root or another size, and no proof has to be believed for that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.keyring import REVOKED
from gate.ledger import checkpoint, entry, merkle
from gate.ledger.entry import Entry
from gate.ledger.note import VerifierKey

HASH = 32


@dataclass(frozen=True)
class Head:
    """How far a ledger was followed."""

    size: int = 0
    frontier: merkle.Frontier = ()

    @property
    def packed(self) -> bytes:
        """The frontier's hashes in a row."""
        return b"".join(self.frontier)


def unpacked(size: int, packed: bytes) -> Head:
    """Return a head that was kept; ValueError when size and hashes do not fit."""
    if len(packed) != HASH * size.bit_count():
        raise ValueError("the kept head is not whole")
    return Head(size, tuple(packed[start : start + HASH] for start in range(0, len(packed), HASH)))


def follow(head: Head, bodies: Iterable[bytes]) -> tuple[Head, tuple[Entry, ...]]:
    """
    Return the head after these entries, and those that decide something here; CannotTell for what is no entry.

    That is each that belongs to a change, and each that takes a key away.
    """
    size, frontier, found = head.size, head.frontier, list[Entry]()
    for body in bodies:
        read = entry.read(body, size)
        if read.change is not None or read.kind == REVOKED:
            found.append(read)
        frontier, _ = merkle.extend(size, frontier, merkle.leaf_hash(body))
        size += 1
    return Head(size, frontier), tuple(found)


def why_not(head: Head, known: Head, signed: str, keys: Sequence[VerifierKey]) -> str:
    """Say why a signed checkpoint is not that of the head, which grew from what was known; empty when it is."""
    try:
        said = checkpoint.verify(signed, *keys)
    except ValueError as problem:
        return f"its checkpoint does not count: {problem}"
    if said.size < known.size:
        return f"the ledger has {said.size} entries, and {known.size} were followed: it is shorter than it was"
    if said.size != head.size:
        return f"the checkpoint is of {said.size} entries, and {head.size} were followed"
    if said.root != merkle.root(head.frontier):
        return f"the {head.size} entries are not the ones of the checkpoint: this is another history"
    return ""
