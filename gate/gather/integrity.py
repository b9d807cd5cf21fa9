"""Whether the record that evidence is taken from is whole: its entries hash to its signed head (EV-02)."""

import threading
from collections.abc import Callable
from datetime import datetime

from gate.errors import GateError
from gate.evidence import RecordState
from gate.ledger import checkpoint, note
from gate.ledger.merkle import Frontier, extend, leaf_hash, root
from gate.store import Ledger


class Integrity:
    """Hashes each entry's bytes once and compares with the signed head at every call; safe from many threads."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._size = 0
        self._frontier: Frontier = ()

    def state(self, left_out: tuple[str, ...]) -> RecordState:
        """Return what was found; `left_out` are the records that could not be read back."""
        at = self._clock()
        try:
            with self._lock:
                head = checkpoint.verify(self._ledger.checkpoint(), note.read_vkey(self._ledger.vkey))
                for body in self._ledger.bodies(self._size, head.size):
                    self._frontier, _ = extend(self._size, self._frontier, leaf_hash(body))
                    self._size += 1
                whole = self._size == head.size and root(self._frontier) == head.root
        except GateError as error:
            return RecordState(at, self._size, f"the signed head cannot be checked: {error.message}", left_out)
        problem = "" if whole else "the entries of the ledger do not hash to its signed head"
        return RecordState(at, head.size, problem, left_out)
