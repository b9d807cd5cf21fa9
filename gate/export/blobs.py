"""Every blob that belongs to the log: what entries name, and the raw replies that gathered evidence names in turn."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from gate.errors import Outside
from gate.store import Ledger
from gate.store.kept import Kept

EVIDENCE, REPLY, PRUNED = "evidence", "reply", "pruned"
"""Under which name an entry names gathered evidence, what a device answered, and the list of replies removed."""

NONE = b',"blobs":[]'
"""Keys are sorted and quotes inside texts are escaped, so only an entry's own list can be spelled like this."""

DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


class Named(NamedTuple):
    """A blob as one entry names it."""

    time: str
    name: str
    digest: str
    direct: bool = True
    """Whether the entry itself names it, not only its evidence."""


def digests_in(stored: bytes) -> list[str]:
    """Return every digest that a blob names, such as the raw replies behind gathered evidence, each once."""
    return sorted({found.decode() for found in DIGEST.findall(stored)})


def named(ledger: Ledger, size: int) -> Iterator[Named]:
    """
    Yield every blob that one of the first `size` entries names; right behind evidence what that names, as replies.

    Evidence names other digests too, of which there never was a blob.
    """
    for body in ledger.bodies(0, size):
        if NONE in body:
            continue
        said = json.loads(body)
        for blob in said["blobs"]:
            yield Named(said["time"], blob["name"], blob["sha256"])
            evidence = ledger.get_blob(blob["sha256"]) if blob["name"] == EVIDENCE else None
            for behind in digests_in(evidence or b""):
                yield Named(said["time"], REPLY, behind, direct=False)


def gone(ledger: Ledger) -> list[str]:
    """Say what entries name and is gone, unless an entry says that it was removed; CannotTell for what is damaged."""
    absent: dict[str, str] = {}
    removed: set[str] = set()
    for one in named(ledger, ledger.size()):
        content = ledger.get_blob(one.digest) if one.direct else b""
        if content is None:
            absent[one.digest] = one.name if absent.get(one.digest, REPLY) == REPLY else absent[one.digest]
        elif one.name == PRUNED:
            removed |= set(json.loads(content))
    kept = [digest for digest, name in absent.items() if name != REPLY or digest not in removed]
    return [f"the {absent[digest]} that an entry names is not there: {digest}" for digest in kept]


def unnamed(ledger: Ledger, before: datetime) -> list[Kept]:
    """
    Return the blobs written before then to which nothing in the log leads; CannotTell for what is damaged.

    No entry holds their digest, nor any blob that an entry leads to, whatever it is called there. A blob is durable
    before the entry that names it, so a gate that is killed between the two leaves one.
    """
    files = list(ledger.blobs())  # before the log is read: what is named meanwhile counts as named
    there, led = {one.digest for one in files}, set[str]()
    due = {digest for body in ledger.bodies() for digest in digests_in(body)} & there
    while due:
        digest = due.pop()
        led.add(digest)
        due |= (set(digests_in(ledger.get_blob(digest) or b"")) & there) - led
    return [one for one in files if one.digest not in led and one.written < before]


def write_blobs(ledger: Ledger, size: int, folder: Path) -> int:
    """Write them as files, laid out as in the data directory; return how many there are."""
    written = 0
    try:
        for digest in sorted({one.digest for one in named(ledger, size)}):
            content = ledger.get_blob(digest)
            if content is None:
                continue
            place = folder / digest[7:9] / digest[9:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            written += 1
    except OSError as problem:
        raise Outside(f"cannot write the blobs {folder}: {problem.strerror}") from None
    return written
