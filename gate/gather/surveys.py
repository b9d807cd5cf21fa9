"""The newest evidence on record, whichever change or survey it was gathered for."""

import threading
from dataclasses import dataclass
from datetime import datetime

from gate.errors import CannotTell
from gate.evidence import Evidence
from gate.gather.records import from_json
from gate.ledger.entry import Entry
from gate.store import Ledger

KIND = "evidence.gathered"


@dataclass(frozen=True)
class Survey:
    """Evidence as it was gathered, and the entry that says so."""

    evidence: Evidence
    entered_at: datetime
    index: int
    change: str | None
    digest: str


class Surveys:
    """Reads each entry of one ledger once; safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._read_to = 0
        self._newest: Entry | None = None

    def newest(self) -> Survey | None:
        """Return it; None before the first, CannotTell when its bytes are gone or are not what was entered."""
        with self._lock:
            for entry in self._ledger.entries(self._read_to):
                self._read_to = entry.index + 1
                if entry.kind == KIND:
                    self._newest = entry
            entry_now = self._newest
        if entry_now is None:
            return None
        digest = str(entry_now.data["digest"])
        stored = self._ledger.get_blob(digest)
        if stored is None:
            raise CannotTell(f"the evidence of entry {entry_now.index} is missing from the store")
        return Survey(from_json(stored), entry_now.time, entry_now.index, entry_now.change, digest)
