"""Whether the record that evidence is taken from is whole: its entries hash to its signed head (EV-02)."""

from collections.abc import Callable
from datetime import datetime

from gate.errors import GateError
from gate.evidence import RecordState
from gate.ledger import checkpoint, note
from gate.store import Ledger


class Integrity:
    """Reads every entry again at every call: what was right an hour ago says nothing about now."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def state(self, left_out: tuple[str, ...]) -> RecordState:
        """Return what was found; `left_out` are the records that could not be read back."""
        at, size = self._clock(), 0
        try:
            head = checkpoint.verify(self._ledger.checkpoint(), note.read_vkey(self._ledger.vkey))
            size = head.size
            whole = self._ledger.read_again(size) == head.root
        except GateError as error:
            return RecordState(
                at, size, f"the ledger cannot be compared with its signed head: {error.message}", left_out
            )
        problem = "" if whole else "the entries of the ledger do not hash to its signed head"
        return RecordState(at, size, problem, left_out)
