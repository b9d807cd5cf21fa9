"""A log in memory, to be witnessed: honest, or with another history from some place on."""

import base64

from gate.ledger import checkpoint, merkle
from gate.ledger.checkpoint import Checkpoint
from tests.ledger.test_note import SeedKey

ORIGIN = "gate.example.com/ledger/1"
KEY = SeedKey(ORIGIN)


class Log:
    """`size` entries; `forked` of them are as in the honest log."""

    def __init__(self, forked: int | None = None, key: SeedKey = KEY) -> None:
        self.key = key
        self.forked = forked
        self._leaves: list[bytes] = []

    def leaf(self, index: int) -> bytes:
        other = self.forked is not None and index >= self.forked
        return merkle.leaf_hash(f"{'forged' if other else 'entry'} {index}".encode())

    def subtree(self, start: int, end: int) -> bytes:
        while len(self._leaves) < end:
            self._leaves.append(self.leaf(len(self._leaves)))
        return merkle.root_of(self._leaves[start:end])

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(self.key.vkey.name, size, self.subtree(0, size))

    def signed(self, size: int) -> str:
        return checkpoint.sign(self.head(size), self.key)

    def request(self, old: int, size: int) -> bytes:
        proof = merkle.consistency(old, size, self.subtree) if old else ()
        lines = [f"old {old}", *(base64.b64encode(step).decode() for step in proof)]
        return ("\n".join(lines) + "\n\n" + self.signed(size)).encode()
