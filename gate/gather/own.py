"""
Where the gate's own data directory lies, asked of this very machine in the words that hosts are asked in.

Most machines cannot tell: a virtual machine's disk, a disk of the server's own. Then the inventory may say what the
gate lies on (`gate_on`); that is somebody's word and stays marked as such. What was measured comes before any word: a
directory that lies on an array is never declared off it.
"""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gate.evidence import ArrayReading, Hop, Identity, Provenance, Reply, ReplyState, Trace
from gate.families import linux
from gate.gather.interview import interview
from gate.inventory import Inventory
from gate.landscape import Map
from gate.ssh.wire import utc_now
from gate.store import Ledger

HERE = "the gate's machine"
DEADLINE_S = 20.0
"""Seconds for one question to this machine; a disk that does not answer holds nothing up for longer (our choice)."""

LIMIT = 1024 * 1024
"""Bytes of one answer (our choice)."""

LOST, NO_PROGRAM = 126, 127
FIXED = ":/usr/sbin:/sbin"
"""Where the programs lie that only root has in PATH."""


class OwnRecord:
    """Runs the tracer's few programs here, as whoever the gate runs as; none of them changes anything."""

    def __init__(
        self, data: Path, inventory: Inventory, ledger: Ledger, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._data = data
        self._inventory = inventory
        self._ledger = ledger
        self._clock = clock

    def trace(self, arrays: Mapping[str, ArrayReading]) -> Trace:
        """Return where the data directory lies: measured, else as the inventory says, else with the problem."""
        path = str(self._data.resolve())

        def lost(why: str) -> Trace:
            return Trace(HERE, path, self._clock(), problem=why)

        found = interview(linux.trace(HERE, path, None, self._clock()), self._ask, self._ledger, lost).found
        place = Map(arrays, self._inventory).locate(found)
        appliance = self._inventory.appliance(self._inventory.gate_on or "")
        if place.known or place.arrays or appliance is None:
            return found
        said = Hop(appliance.medium.value, appliance.id, "the inventory says so", Provenance.DECLARED)
        identity = Identity(appliance.medium.value, appliance.id, Provenance.DECLARED)
        return replace(found, hops=(*found.hops, said), leaves=(), shares=(), identities=(identity,), problem="")

    def _ask(self, command: str) -> Reply:
        words, started = shlex.split(command), self._clock()
        surroundings = {"PATH": os.environ.get("PATH", os.defpath) + FIXED, "LC_ALL": "C"}
        try:
            ran = subprocess.run(
                words, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, env=surroundings
            )
        except subprocess.TimeoutExpired:
            return Reply(HERE, command, ReplyState.TIMED_OUT, started, self._clock(), problem=f"{words[0]} hangs")
        except OSError as error:
            status = NO_PROGRAM if isinstance(error, FileNotFoundError) else LOST
            return Reply(HERE, command, ReplyState.ANSWERED, started, self._clock(), status, b"", str(error).encode())
        if len(ran.stdout) > LIMIT:
            return Reply(
                HERE, command, ReplyState.TOO_LONG, started, self._clock(), problem=f"{words[0]} says too much"
            )
        answered = ReplyState.ANSWERED
        return Reply(HERE, command, answered, started, self._clock(), ran.returncode, ran.stdout, ran.stderr[:2000])
