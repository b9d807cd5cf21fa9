"""Who the arrays are, what they run and whether they are well: every question of the family, every raw reply kept."""

from collections.abc import Callable, Iterable
from datetime import datetime

from gate.evidence import ArrayReading
from gate.families import FAMILIES
from gate.gather.interview import keep, side_by_side
from gate.gather.lines import Lines
from gate.inventory import Array, Inventory
from gate.ssh.wire import utc_now
from gate.store import Ledger

Progress = Callable[[str], None]


class Arrays:
    """Asks arrays under the read-only credential; safe to use from many threads."""

    def __init__(
        self,
        inventory: Inventory,
        lines: Lines,
        ledger: Ledger,
        *,
        parallel: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._inventory = inventory
        self._lines = lines
        self._ledger = ledger
        self._parallel = parallel
        self._clock = clock

    def read(self, names: Iterable[str], progress: Progress = lambda _: None) -> dict[str, ArrayReading]:
        """
        Return a reading for each of the arrays, dated by the beginning of the asking.

        What an array did not answer is `unknown` in its reading. KeyError for a name outside the inventory;
        LedgerUnavailable when a reply cannot be kept.
        """
        arrays = [self._inventory.array(name) for name in dict.fromkeys(names)]
        found = side_by_side(self._read, arrays, self._parallel, lambda array, _: progress(f"asked {array.id}"))
        return {reading.array: reading for reading in found}

    def _read(self, array: Array) -> ArrayReading:
        family = FAMILIES[array.family]
        began = self._clock()
        replies = {}
        for name, command in family.commands(array.unit).items():
            replies[name] = self._lines.ask(array.id, command)
            keep(self._ledger, replies[name])
        return family.read(array.id, replies, began)
