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


def sign(checkpoint: Checkpoint, signer: note.Signer) -> str:
    """Return the checkpoint as a signed note; the key must bear the log's name."""
    if signer.vkey.name != checkpoint.origin:
        raise ValueError(f"the key is {signer.vkey.name}'s, the log is {checkpoint.origin}")
    return note.sign(checkpoint.text, signer)


def read(text: str) -> Checkpoint:
    """Read the text of a checkpoint (not its signatures); ValueError when it is none."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0]:
        raise ValueError("not a checkpoint")
    origin, size, encoded = lines[:3]
    if not (size.isascii() and size.isdigit()) or str(int(size[:20])) != size:
        raise ValueError("the size of a checkpoint is a plain number")
    root = note.unbase64(encoded)
    if len(root) != 32:
        raise ValueError("the root of a checkpoint has 32 bytes")
    return Checkpoint(origin, int(size), root)


def verify(signed: str, key: note.VerifierKey) -> Checkpoint:
    """Return the checkpoint when `key` has signed it and it is the key's own log; ValueError otherwise."""
    checkpoint = read(note.verify(signed, key))
    if checkpoint.origin != key.name:
        raise ValueError(f"a checkpoint of {checkpoint.origin}, not of {key.name}")
    return checkpoint
