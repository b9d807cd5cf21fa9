"""
The entries that one export takes, with the signed head that says how many there are, and its two statements.

What is read and written here is laid down in docs/ledger-format.md, Mapped formats.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

from gate.canonical import Json
from gate.errors import CannotTell, GateError, LedgerUnavailable
from gate.export.selection import Selection
from gate.ledger import checkpoint
from gate.ledger.policy import read
from gate.store import Ledger

CHUNK = 500
"""Entries that are held at once."""

EVERYTHING = Selection()
FIELDS = itemgetter("v", "data", "blobs", "id", "time", "kind", "change", "seq", "actor")

READ: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""What `json.loads` does, without looking for an encoding and for space: an entry has neither."""


class Item(NamedTuple):
    """One entry on its way out."""

    at: int
    """Its index: the place in the log, from 0."""

    body: bytes
    said: dict[str, Any]
    """The bytes read as JSON, to be shown and never to be written again as an entry."""

    sha256: str
    """Of the bytes, in hexadecimal."""


@dataclass(frozen=True)
class Population:
    """A range of the log under one head, and which of it is taken."""

    origin: str
    end: int
    """Number of entries under the head; the range begins at 0."""

    head: str
    """The signed checkpoint of that size."""

    made: str
    taken: Selection

    def opening(self, name: str) -> dict[str, Json]:
        """Return the opening statement of a file of format `name`."""
        return {
            "what": "sangate-export/1",
            "format": name,
            "origin": self.origin,
            "start": 0,
            "end": self.end,
            "filter": self.taken.json(),
            "checkpoint": self.head,
            "made": self.made,
        }


@dataclass(frozen=True)
class Count:
    """What an export held."""

    count: int = 0
    first: int | None = None
    last: int | None = None


def signed_head(ledger: Ledger) -> tuple[str | None, bool]:
    """Return a checkpoint and whether it covers all there is; the newest kept one where nothing more may be signed."""
    try:
        return (ledger.kept_checkpoint(), False) if ledger.missing else (ledger.checkpoint(keep=True), True)
    except LedgerUnavailable:
        return ledger.kept_checkpoint(), False


def begin(ledger: Ledger, made: str, taken: Selection = EVERYTHING) -> Population:
    """
    Fix the range: everything up to the head as it is now, or up to the newest kept head of a ledger that is stopped.

    CannotTell when no head was ever kept of that.
    """
    signed, _ = signed_head(ledger)
    if signed is None:
        raise CannotTell(
            "no signed head is left that covers this ledger",
            hint="sangate ledger export --local writes the exact bytes all the same",
        )
    head = checkpoint.verify(signed, *read(ledger.policy).keys)
    return Population(ledger.origin, head.size, signed, made, taken)


def items(ledger: Ledger, population: Population) -> Iterator[list[Item]]:
    """Yield what is taken, by index, at most 500 at once; CannotTell when an entry cannot be read."""
    taken, everything = population.taken, population.taken.everything
    for found in _read(ledger, population):
        chosen = found if everything else [item for item in found if taken.takes(item.said)]
        yield chosen


def _read(ledger: Ledger, population: Population) -> Iterator[list[Item]]:
    if population.taken.change:
        history = [one for one in ledger.history(population.taken.change) if one.index < population.end]
        for start in range(0, len(history), CHUNK):
            yield [read_item(one.index, one.body) for one in history[start : start + CHUNK]]
        return
    first = 0
    for piece in ledger.pieces(0, population.end):
        yield [read_item(index, body) for index, body in enumerate(piece, first)]
        first += len(piece)


def read_item(index: int, body: bytes) -> Item:
    """Return one entry read; CannotTell when it is none."""
    said: Any = None
    try:
        text = body.decode()
        said, end = READ(text, 0)
        version, data, blobs, *_ = FIELDS(said)
        whole = end == len(text) and version == 1 and type(data) is dict and type(blobs) is list
    except (StopIteration, ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise CannotTell(
            f"entry {index} is not an entry: its bytes were changed outside the gate",
            hint="only the format jsonl hands out bytes without reading them",
        )
    return Item(index, body, said, sha256(body).hexdigest())


def counted(before: Count, chunk: list[Item]) -> Count:
    """Return the count with these more."""
    if not chunk:
        return before
    first = chunk[0].at if before.first is None else before.first
    return Count(before.count + len(chunk), first, chunk[-1].at)


def closing(ledger: Ledger, name: str, total: Count, digest: bytes) -> dict[str, Json]:
    """Return the closing statement over `digest`, signed by the ledger's key where it can sign."""
    text = f"{ledger.origin}#export\n{name}\n{total.count}\n{b64encode(digest).decode()}\n"
    try:
        signed: str | None = ledger.sign_note(text)
    except GateError:
        signed = None
    return {
        "what": "sangate-export-end/1",
        "count": total.count,
        "first": total.first,
        "last": total.last,
        "sha256": digest.hex(),
        "note": signed,
    }
