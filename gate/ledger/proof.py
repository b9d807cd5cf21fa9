"""Proof files (C2SP tlog-proof): that one entry is in the log under a checkpoint, and who has seen that checkpoint."""

import base64
from dataclasses import dataclass

from gate.ledger import checkpoint, cosignature, merkle, note
from gate.ledger.cosignature import Cosigned
from gate.ledger.policy import Policy

FIRST = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63


@dataclass(frozen=True)
class Proof:
    """What the file holds; nothing is verified yet."""

    index: int
    hashes: tuple[bytes, ...]
    signed: str
    """The checkpoint, verbatim, with all its signatures."""

    extra: bytes | None = None
    """Not authenticated by anything."""


def write(proof: Proof) -> str:
    """Spell a proof file."""
    lines = [FIRST]
    lines += [] if proof.extra is None else ["extra " + base64.b64encode(proof.extra).decode()]
    lines += [f"index {proof.index}", *(base64.b64encode(step).decode() for step in proof.hashes)]
    return "\n".join(lines) + f"\n\n{proof.signed}"


def read(text: str) -> Proof:
    """Read a proof file; ValueError when it is none."""
    head, gap, signed = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != FIRST or not lines:
        raise ValueError("not a proof")
    extra = note.unbase64(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index ") or len(lines) > 1 + MOST_HASHES:
        raise ValueError("not a proof")
    hashes = tuple(note.unbase64(line) for line in lines[1:])
    if any(len(step) != 32 for step in hashes):
        raise ValueError("a proof is made of hashes of 32 bytes")
    return Proof(checkpoint.number(lines[0].removeprefix("index ")), hashes, signed, extra)


def verify(proof: Proof, body: bytes, policy: Policy) -> tuple[Cosigned, ...]:
    """
    Return who has cosigned, when `body` is the entry that the proof is about; ValueError otherwise.

    The checkpoint must be signed by a log of the policy and cosigned by its quorum.
    """
    head = checkpoint.verify(proof.signed, *policy.keys)
    seen = cosignature.cosigned(note.read(proof.signed), [witness.key for witness in policy.witnesses])
    if not policy.met([one.key for one in seen]):
        raise ValueError(f"not witnessed by {policy.wanted}")
    if not merkle.included(merkle.leaf_hash(body), proof.index, head.size, proof.hashes, head.root):
        raise ValueError("the entry is not in the log there")
    return seen
