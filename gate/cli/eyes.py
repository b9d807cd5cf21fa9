"""What the demo shows of arrays that must not have changed: firmware over SSH, scratch data over iSCSI."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gate.assembly import Installation


@dataclass(frozen=True)
class Seen:
    """One array as it is now: the version it runs, and the digest of every byte of its scratch object."""

    array: str
    firmware: str
    digest: str

    def holding(self, digest: str) -> "Seen":
        """Return the same array with other data, as the gate itself wrote them before it began."""
        return replace(self, digest=digest)

    def equals(self, written: Mapping[str, str]) -> bool:
        """True when it holds what was written to it."""
        return self.digest == written.get(self.array)


class Eyes:
    """Reads over the gate's own read-only login and its own initiator."""

    def __init__(self, installation: Installation) -> None:
        self._gathering = installation.gathering
        self._ledger = installation.ledger
        self._names = [array.id for array in installation.settings.config.inventory.arrays]

    def look(self) -> dict[str, Seen]:
        """Return every array of the inventory."""
        readings = self._gathering.arrays.read(self._names)
        return {
            name: Seen(name, readings[name].version or "unknown", self._gathering.known_answers.read(name, name).digest)
            for name in self._names
        }

    def written(self, change: str) -> dict[str, str]:
        """Return array → digest of the known data that the gate wrote there for this change, from its entries."""
        return {
            str(entry.data["array"]): str(entry.data["digest"])
            for entry in self._ledger.history(change)
            if entry.kind == "known_answer.written"
        }


def alike(one: Seen, other: Seen) -> bool:
    """True when firmware and data are the same."""
    return one == other
