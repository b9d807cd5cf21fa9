"""What the demo shows of arrays that must not have changed: firmware over SSH, scratch data over iSCSI."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gate.assembly import Installation
from gate.evidence import ReplyState


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
        inventory = installation.settings.config.inventory
        self._names = [array.id for array in inventory.arrays]
        self._dataset = inventory.datasets[0]

    def look(self) -> dict[str, Seen]:
        """Return every array of the inventory."""
        readings = self._gathering.arrays.read(self._names)
        return {
            name: Seen(name, readings[name].version or "unknown", self._gathering.known_answers.read(name, name).digest)
            for name in self._names
        }

    def production(self) -> str:
        """Return the digest of the production database, read on the host that uses it."""
        reply = self._gathering.monitor.ask(self._dataset.host, f"sha256sum {self._dataset.path}")
        return f"sha256:{reply.text().split()[0]}" if reply.state is ReplyState.ANSWERED else "unknown"

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
