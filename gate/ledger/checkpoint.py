"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of the tree, as the text of a signed note."""

import base64
from dataclasses import dataclass

from gate.ledger import note


@dataclass(frozen=True)
class Checkpoint:
    """What one signature covers: the whole log up to `size`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines; extension lines are never written."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, *signers: note.Signer) -> str:
    """Return the checkpoint as a signed note; each key (two at a rotation) must bear the log's name."""
    for signer in signers:
        if signer.vkey.name != checkpoint.origin:
            raise ValueError(f"the key is {signer.vkey.name}'s, the log is {checkpoint.origin}")
    return note.sign(checkpoint.text, *signers)


def read(text: str) -> Checkpoint:
    """Read the text of a checkpoint (not its signatures); ValueError when it is none. Extension lines are skipped."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise ValueError("not a checkpoint")
    origin, size, encoded = lines[:3]
    root = note.unbase64(encoded)
    if len(root) != 32:
        raise ValueError("the root of a checkpoint has 32 bytes")
    return Checkpoint(origin, number(size), root)


def number(text: str) -> int:
    """Read a size or an index as C2SP spells it: decimal, no sign, no leading zero, below 2**63."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or str(int(text)) != text or int(text) >> 63:
        raise ValueError("the size of a checkpoint is a plain number")
    return int(text)


def verify(signed: str, *keys: note.VerifierKey) -> Checkpoint:
    """Return the checkpoint when one of the keys has signed it and it is that key's own log; ValueError otherwise."""
    text, signers = note.verify_any(signed, keys)
    checkpoint = read(text)
    foreign = [key.name for key in signers if key.name != checkpoint.origin]
    if foreign:
        raise ValueError(f"a checkpoint of {checkpoint.origin}, not of {foreign[0]}")
    return checkpoint
