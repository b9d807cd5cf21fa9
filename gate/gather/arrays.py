"""Who the arrays are, what they run and whether they are well: every question of the family, every raw reply kept."""

from collections.abc import Callable, Iterable
from datetime import datetime

from gate.evidence import ArrayReading, PartsReading
from gate.families import FAMILIES
from gate.families.family import Unreadable, stumbled
from gate.gather.interview import keep, side_by_side
from gate.gather.lines import Lines
from gate.inventory import Array, Inventory
from gate.ssh.wire import utc_now
from gate.store import Ledger

Progress = Callable[[str], None]
MOST_ASKED = 200
"""Questions about the parts of one array (our choice)."""


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
        try:
            return family.read(array.id, replies, began)
        except Exception as error:  # noqa: BLE001  whatever one array says, the others are still asked
            why = f"{array.family}: {stumbled(error)}"
            return ArrayReading(array.id, began, unknown=(why,), raw=tuple(one.digest for one in replies.values()))

    def parts(self, name: str) -> PartsReading:
        """
        Return every replaceable part of one array; what cannot be read is a problem, never an exception.

        KeyError for a name outside the inventory; LedgerUnavailable when a reply cannot be kept.
        """
        array = self._inventory.array(name)
        family, began, raw = FAMILIES[array.family], self._clock(), list[str]()
        if family.parts is None:
            why = f"no question is known that makes arrays of the family {array.family} tell their parts"
            return PartsReading(name, began, problem=why)
        asking, reply = family.parts(), None
        while len(raw) <= MOST_ASKED:
            try:
                command = asking.send(reply) if reply is not None else next(asking)
            except StopIteration as ended:
                return PartsReading(name, began, ended.value, raw=tuple(raw))
            except Unreadable as error:
                return PartsReading(name, began, problem=str(error), raw=tuple(raw))
            except Exception as error:  # noqa: BLE001  whatever one array says, the others are still asked
                return PartsReading(name, began, problem=f"{array.family}: {stumbled(error)}", raw=tuple(raw))
            if not family.may_ask(command) or len(raw) == MOST_ASKED:
                break
            reply = self._lines.ask(array.id, command)
            keep(self._ledger, reply)
            raw.append(reply.digest)
        return PartsReading(
            name, began, problem="its list of parts leads to questions that are not asked", raw=tuple(raw)
        )
