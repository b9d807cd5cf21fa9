"""One `add-checkpoint` request (C2SP tlog-witness), read strictly, and the answers that there are."""

from dataclasses import dataclass

from gate.ledger import checkpoint, note
from gate.ledger.checkpoint import Checkpoint

LARGEST = 64 * 1024
"""Bytes: 63 proof lines are 3 KiB, and a checkpoint with its signatures is rarely more than 1 KiB."""

MOST_HASHES = 63


class Answer(Exception):
    """Anything but a cosignature: the HTTP status of the specification, and a text for people or programs."""

    def __init__(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.kind = kind


@dataclass(frozen=True)
class Request:
    """What was asked for; no signature and no proof is verified yet."""

    old: int
    proof: tuple[bytes, ...]
    signed: str
    """The checkpoint with its signatures."""

    head: Checkpoint


def read(body: bytes) -> Request:
    """Read a request; Answer 400 when it is none."""
    try:
        text = body.decode("utf-8")
        asked, gap, signed = text.partition("\n\n")
        first, *lines = asked.split("\n")
        if not gap or not first.startswith("old "):
            raise ValueError("it begins with an old size and has an empty line before the checkpoint")
        if len(lines) > MOST_HASHES:
            raise ValueError(f"a consistency proof has at most {MOST_HASHES} lines")
        proof = tuple(note.unbase64(line) for line in lines)
        if any(len(step) != 32 for step in proof):
            raise ValueError("a line of the proof has 32 bytes")
        head = checkpoint.read(note.read(signed).text)
        old = checkpoint.number(first.removeprefix("old "))
    except ValueError as problem:
        said = "not UTF-8" if isinstance(problem, UnicodeDecodeError) else str(problem)
        raise Answer(400, f"not an add-checkpoint request: {said}\n") from None
    return Request(old, proof, signed, head)
