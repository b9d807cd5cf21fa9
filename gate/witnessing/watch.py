"""
The background work: whenever the ledger has grown, its checkpoint goes to every witness, and what they cosign is kept.

One thread signs (a round has one checkpoint, so that their lines fit under it), one thread for each witness asks, so
that a witness that hangs holds up nobody else.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from gate.errors import CannotTell, GateError, LedgerUnavailable
from gate.ledger import checkpoint, note
from gate.ledger.note import Note, Signature, VerifierKey
from gate.ledger.policy import Policy, Witness
from gate.store import Ledger
from gate.trust import WitnessDemand, Witnesses
from gate.witnessing import state
from gate.witnessing.client import Ahead, OtherHistory, Unproven, cosign
from gate.witnessing.state import COSIGNED, State

REST = 0.5
"""Seconds between two rounds while entries keep coming, unless somebody waits for one."""

SETTLING = 3.0
"""Seconds that an export waits for its head to be cosigned; a witness that answers takes less than one."""

ANSWERS = 12.0
"""Seconds that a start waits for the witnesses' first answers: a little more than one request may take."""

FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds until a witness that did not cosign is asked again; doubled each time."""

_log = logging.getLogger("gate.witnessing")


class Round:
    """One checkpoint on its way to the witnesses."""

    def __init__(self, size: int, signed: str) -> None:
        self.size = size
        self.signed = signed
        self.lines: dict[VerifierKey, Signature] = {}
        self.tried: set[str] = set()
        """Names of the witnesses that have answered, one way or the other."""

    @property
    def note(self) -> str:
        """The checkpoint with every line so far."""
        bare = note.read(self.signed)
        known = {(line.name, line.hash) for line in bare.signatures}
        added = (line for line in self.lines.values() if (line.name, line.hash) not in known)
        return str(Note(bare.text, (*bare.signatures, *added)))


class Witnessing:
    """Made with the ledger; `start` begins the threads, `covers` is what an effect waits for."""

    def __init__(self, ledger: Ledger, policy: Policy, settings: Witnesses, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._policy = policy
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        """Guards everything below; notified when a round, an answer or the end has come."""

        self._round: Round | None = None
        self._size = state.newest(ledger, policy)[0]
        self._known: dict[str, int] = {}
        self._problems: dict[str, str] = {}
        self._claims: dict[str, str] = {}
        """What witnesses say that they know and cannot prove; nothing stops for it, and it is told at once."""

        self._complaints: dict[str, str] = {}
        self._waited_for = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []

    @property
    def demand(self) -> WitnessDemand:
        """What the configuration asks for."""
        return self._settings.witness

    def start(self) -> None:
        """
        Ask every witness once, then begin.

        One that shows more entries of this ledger than there are, or another history, stops all appending.
        """
        if not self._policy.witnesses or self.demand is WitnessDemand.NONE:
            return
        self.ask()
        self._threads = [threading.Thread(target=self._rounds, name="witnessing", daemon=True)]
        self._threads += [
            threading.Thread(target=partial(self._work, one), name=f"witness {one.name}", daemon=True)
            for one in self._policy.witnesses
        ]
        for thread in self._threads:
            thread.start()

    def ask(self) -> None:
        """Ask every witness once; for a process that appends without serving, as a command on the data directory."""
        if self.demand is WitnessDemand.NONE or not self._policy.witnesses or not self._sign():
            return
        asking = [threading.Thread(target=self._ask, args=(one,), daemon=True) for one in self._policy.witnesses]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(timeout=ANSWERS)

    def close(self) -> None:
        """End the threads; a request under way is given its time."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=15)

    def covers(self, size: int, seconds: float) -> bool:
        """Return True as soon as a quorum has cosigned a checkpoint of at least `size`, False after `seconds`."""
        until = time.monotonic() + seconds
        with self._changed:
            self._waited_for = max(self._waited_for, size)
            self._changed.notify_all()
            while self._size < size and not self._stopping:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return self._size >= size

    def settle(self) -> None:
        """Give the witnesses a moment to cosign what is there, before it is handed out."""
        if self._threads:
            self.covers(self._ledger.size(), SETTLING)

    def state(self) -> State:
        """Return how far the ledger is witnessed now."""
        with self._changed:
            problems, claims = dict(self._problems), "; ".join(self._claims.values())
        demand, patience = self._settings.witness, self._settings.witness_alarm
        return state.read(self._ledger, self._policy, demand, patience, self._clock(), problems, claims)

    def _rounds(self) -> None:
        while not self._stopping:
            with self._changed:
                size = self._round.size if self._round is not None else 0
            grown = self._grown(size)
            with self._changed:
                if not self._finished():
                    self._changed.wait(REST)
                    continue
            hurry = grown and self._sign()
            with self._changed:
                self._changed.wait_for(partial(self._may_go_on, hurry), REST)

    def _may_go_on(self, signed: bool) -> bool:
        """Whether somebody waits for entries that came after the round that was just begun."""
        current = self._round.size if self._round is not None else 0
        return self._stopping or (signed and self._waited_for > max(self._size, current))

    def _grown(self, size: int) -> bool:
        try:
            return self._ledger.wait(size, REST)
        except GateError as error:
            self._complain("ledger", str(error))
            return False

    def _complain(self, name: str, problem: str) -> None:
        """Log a problem once, until it is another one."""
        if problem and problem != self._complaints.get(name):
            _log.warning("%s", problem)
        self._complaints[name] = problem

    def _finished(self) -> bool:
        """Whether the round has its quorum or every answer that will come."""
        one = self._round
        return one is None or self._size >= one.size or len(one.tried) == len(self._policy.witnesses)

    def _sign(self) -> bool:
        """Begin a round with the tree as it is."""
        try:
            signed = self._ledger.checkpoint()
            size = checkpoint.verify(signed, *self._policy.keys).size
        except (LedgerUnavailable, CannotTell, ValueError) as error:
            self._complain("ledger", f"no checkpoint for the witnesses: {error}")
            return False
        self._complain("ledger", "")
        with self._changed:
            if self._round is None or self._round.size < size:
                self._round = Round(size, signed)
                self._changed.notify_all()
        return True

    def _work(self, witness: Witness) -> None:
        rest = FIRST_RETRY
        while True:
            with self._changed:
                while not self._stopping and not self._to_do(witness):
                    self._changed.wait()
                if self._stopping:
                    return
            if self._ask(witness):
                rest = FIRST_RETRY
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, rest)
            rest = min(2 * rest, LAST_RETRY)

    def _to_do(self, witness: Witness) -> bool:
        return self._round is not None and witness.key not in self._round.lines

    def _ask(self, witness: Witness) -> bool:
        with self._changed:
            current = self._round
        if current is None:
            return False
        problem, line, claim = "", None, ""
        try:
            known = self._known.get(witness.name, 0)
            came = cosign(witness, current.signed, self._policy.keys, known, self._ledger.consistency)
            self._known[witness.name], line = current.size, came.line
        except Ahead as error:
            problem = str(error)
            self._ledger.stop_appending(problem, error.known - current.size)
        except OtherHistory as error:
            problem = str(error)
            self._ledger.stop_appending(problem)
        except Unproven as error:
            problem = claim = str(error)
        except (GateError, ValueError) as error:
            problem = str(error)
        with self._changed:
            self._claims.pop(witness.name, None)
            if claim:
                self._claims[witness.name] = claim
        self._complain(witness.name, problem)
        self._take(witness, current, line, problem)
        return line is not None

    def _take(self, witness: Witness, current: Round, line: Signature | None, problem: str) -> None:
        """Note an answer; when the quorum is there, or has grown, keep the checkpoint."""
        with self._changed:
            current.tried.add(witness.name)
            self._problems[witness.name] = problem
            if line is not None:
                current.lines[witness.key] = line
            met = line is not None and self._policy.met(list(current.lines))
            signed = current.note
        if met:
            try:
                self._ledger.keep_anchor(COSIGNED, current.size, signed.encode())
            except LedgerUnavailable as error:
                self._complain("ledger", str(error))
                met = False
        with self._changed:
            if met:
                self._size = max(self._size, current.size)
            self._changed.notify_all()
