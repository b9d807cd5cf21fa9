"""
Since when a thing is as it is now: the firmware of an array, the place of a repository, the version of backup software.

The first sighting of something else is an entry, `storage.seen`; so what was read before it says nothing of what is
there now (backup-evidence, BK-12), and firmware that moved without a change stands in the record.
"""

import threading
from datetime import datetime

from gate.evidence import ArrayReading, BackupReading, Trace, software_of
from gate.ledger.entry import GATE, Draft
from gate.store import Ledger

KIND = "storage.seen"
LONGEST = 500
"""Characters of an identity that are kept and compared: a mirror over many LUNs has a long one."""


class Sightings:
    """Reads each entry of one ledger once; safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._read_to = 0
        self._seen: dict[str, tuple[str, datetime]] = {}

    def settled(
        self,
        arrays: dict[str, ArrayReading],
        repositories: dict[str, Trace],
        backups: dict[str, BackupReading] | None = None,
    ) -> dict[str, datetime]:
        """Enter what is new, and return name → since when it is as it was seen now; what was not seen has no row."""
        now = {name: f"{one.serial} {one.version}" for name, one in arrays.items() if one.serial and one.version}
        now |= {name: trace.place for name, trace in repositories.items() if trace.place is not None}
        now |= {software_of(name): one.tool_version for name, one in (backups or {}).items() if one.tool_version}
        now = {name: words[:LONGEST] for name, words in now.items()}
        with self._lock:
            self._catch_up()
            new = [(name, words) for name, words in now.items() if self._seen.get(name, ("",))[0] != words]
            if new:
                drafts = [Draft(KIND, GATE, None, {"name": name, "identity": words}) for name, words in new]
                self._ledger.append_all(drafts)
                self._catch_up()
            return {name: self._seen[name][1] for name, words in now.items() if self._seen[name][0] == words}

    def _catch_up(self) -> None:
        for entry in self._ledger.entries(self._read_to):
            self._read_to = entry.index + 1
            if entry.kind == KIND:
                self._seen[str(entry.data["name"])] = (str(entry.data["identity"]), entry.time)
