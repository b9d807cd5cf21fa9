"""The record as such: its entries, its seal, what devices answered."""

from gate.canonical import utc
from gate.control import sealing
from gate.control.desk import Desk
from gate.control.views import View
from gate.errors import GateError, NotThere
from gate.ledger.entry import Entry
from gate.person import Person

MOST_ENTRIES = 1000


class Record:
    """The use cases around reading the ledger."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def entries(self, actor: Person, change: str | None = None, start: int = 0, limit: int = 200) -> list[View]:
        """Return entries by index from `start`, or those of one change; at most 1,000."""
        most = max(1, min(limit, MOST_ENTRIES))
        if change is not None:
            self._desk.standing(change)
            return [_shown(entry) for entry in self._desk.ledger.history(change)[max(0, start) :][:most]]
        return [_shown(entry) for entry in self._desk.ledger.entries(max(0, start), max(0, start) + most)]

    def reply(self, actor: Person, digest: str) -> bytes:
        """Return what a device answered, exactly; NotThere when it is not kept."""
        stored = self._desk.ledger.get_blob(digest) if digest.startswith("sha256:") and len(digest) == 71 else None
        if stored is None:
            raise NotThere("there is nothing kept under that digest")
        return stored

    def seal(self) -> View:
        """Return the signed head of the ledger, and how far it is witnessed."""
        return sealing.seal(self._desk)

    def standstill(self) -> str:
        """Say why nothing is done now, in half a sentence; empty when all goes on, or when nobody can tell."""
        try:
            return sealing.standstill(self._desk)
        except GateError:
            return ""

    def rebuild(self, actor: Person) -> int:
        """Make the list of changes anew from the ledger; return how many there are."""
        return self._desk.lists.rebuild()

    def size(self) -> int:
        """Return the number of entries."""
        return self._desk.ledger.size()

    def wait(self, size: int, timeout: float) -> bool:
        """Wait until the ledger is longer than `size`; the doorbell of the live pages."""
        return self._desk.ledger.wait(size, timeout)


def _shown(entry: Entry) -> View:
    return {
        "index": entry.index,
        "id": entry.id,
        "time": utc(entry.time),
        "kind": entry.kind,
        "change": entry.change,
        "seq": entry.seq,
        "actor": {"type": entry.actor.type, "id": entry.actor.id},
        "data": dict(entry.data),
        "blobs": [vars(blob) for blob in entry.blobs],
    }
