"""
One storage-virtualize array: two nodes, running code, uploads, and the update state machine.

Durations are seconds at pace 1 and are multiplied by `pace`. Status words are those of `lsupdate`
(product documentation of Storage Virtualize 8.x). A job that was accepted goes on whether or not anybody is connected.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gate.lab.identity import revision_of
from gate.lab.images import Behaviour, LabImage, recognise
from gate.lab.scsi import Controller, Faults

PREPARE_S = 0.3
INITIALIZE_S = 0.2
NODE_S = 0.6
CONFIG_NODE_S = 0.9
COMPLETE_S = 0.3
SLOW_S = 0.08  # what slow code adds to every read and write
DATA_FAULTS = ("flip-bits", "lost-writes", "eio", "slow-io", "luns-offline", "read-only")
STALLED = ("system_stalled", "system_stalled_non_redundant")


class Door(Protocol):
    """A listener of the array that goes away while its controller restarts."""

    def open(self) -> None:
        """Listen."""

    def suspend(self) -> None:
        """End what is connected and refuse what comes."""


class Declined(Exception):
    """The array refuses a command, in its own words: `CMMVC....E text`."""


@dataclass
class Update:
    """What `lsupdate` tells."""

    status: str = "success"
    progress: str = ""
    new_level: str = ""
    file: str = ""
    next_node: str = ""


class Array:
    """State of one array; commands come from many threads."""

    def __init__(self, name: str, model: str, version: str, controller: Controller, pace: float) -> None:
        self.name = name
        self.model = model
        self.version = version
        self.committed = version
        self.controller = controller
        self.pace = pace
        self.uploads: dict[str, bytes] = {}
        self.update = Update()
        self.nodes = {"node1": "online", "node2": "online"}
        self.doors: list[Door] = []
        self.serving = True
        """False while the config node restarts: neither command line nor LUNs answer."""

        self.faults: dict[str, str] = {}
        self.accepted: Counter[str] = Counter()
        """How many times each mutating command was accepted."""

        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._good = controller.faults
        self._old_revision = controller.identity.revision

    @property
    def serial(self) -> str:
        """System id."""
        return self.controller.identity.serial

    # Commands that change something. Each returns at once; what follows is a job of its own.

    def receive(self, name: str, data: bytes) -> None:
        """Keep an uploaded file."""
        with self._lock:
            self.uploads[name] = data
            self.accepted["upload"] += 1

    def prepare(self, file: str) -> None:
        """`applysoftware -prepare`."""
        with self._lock:
            image = self._image(file)
            self._expect("success")
            self.accepted["prepare"] += 1
            self._begin(image, "system_preparing")
            self._job(self._run_prepare)

    def apply(self, file: str) -> None:
        """`applysoftware -file`: from prepared, or from idle, where it prepares by itself."""
        with self._lock:
            image = self._image(file)
            self._expect("success", "system_prepared")
            if self.update.status == "system_prepared" and self.update.file != file:
                raise Declined("CMMVC6055E The action failed as another package is prepared.")  # wording assumed
            self.accepted["apply"] += 1
            self._begin(image, "system_initializing")
            self._job(lambda: self._run_apply(image))

    def complete(self) -> None:
        """`applysoftware -complete`: commit; there is no way back afterwards."""
        with self._lock:
            self._expect("system_completion_required")
            self.accepted["complete"] += 1
            self.update.status = "system_completing"
            self._job(self._run_complete)

    def abort(self) -> None:
        """
        `applysoftware -abort`: back to the old code.

        That it is accepted in system_completion_required is an assumption of the lab [M]; the product's
        documentation names prepared and stalled.
        """
        with self._lock:
            self._expect("system_prepared", "system_completion_required", *STALLED)
            self.accepted["abort"] += 1
            running, self.update.status = self.update.status != "system_prepared", "system_restoring"
            self._job(lambda: self._run_abort(running))

    def _expect(self, *states: str) -> None:
        if self.update.status not in states:
            raise Declined(f"CMMVC5963E The task has failed as the update is {self.update.status}.")  # wording assumed

    def _image(self, file: str) -> LabImage:
        if file not in self.uploads:
            raise Declined("CMMVC5994E Error in verifying the signature of the update package.")
        try:
            image = recognise(file, self.uploads[file])
        except ValueError:
            raise Declined("CMMVC5994E Error in verifying the signature of the update package.") from None
        if _parts(image.version) < _parts(self.version):
            raise Declined(f"CMMVC6070E The upgrade path from {self.version} to {image.version} is unsupported.")
        return image

    def _begin(self, image: LabImage, status: str) -> None:
        self.update = Update(status, "0", level(image.version), image.file)

    # Jobs.

    def _run_prepare(self) -> None:
        if self._pause(PREPARE_S):
            self.update.status = "system_prepared"
            self.update.progress = ""

    def _run_apply(self, image: LabImage) -> None:
        if not self._pause(INITIALIZE_S):
            return
        self.update.status, self.update.progress, self.update.next_node = "system_updating", "10", "node2"
        if not self._restart_partner():
            return
        self.update.progress, self.update.next_node = "50", "node1"
        if image.behaviour is Behaviour.STALLS:
            self.update.status = "system_stalled"
            return
        if self._restart_config_node(image.runs, image.behaviour):
            self.update = Update("system_completion_required", "100", level(image.version), image.file)

    def _run_complete(self) -> None:
        if self._pause(COMPLETE_S):
            self.committed = self.version
            self._good = self.controller.faults
            self._old_revision = self.controller.identity.revision
            self.update = Update()

    def _run_abort(self, running: bool) -> None:
        if running:
            stalled_early = self.version == self.committed
            if not self._restart_partner():
                return
            if not stalled_early and not self._restart_config_node(self.committed, None):
                return
        elif not self._pause(INITIALIZE_S):
            return
        self.update = Update()

    def _restart_partner(self) -> bool:
        self.nodes["node2"] = "offline"
        awake = self._pause(NODE_S)
        self.nodes["node2"] = "offline" if "node-offline" in self.faults else "online"
        return awake

    def _restart_config_node(self, version: str, behaviour: Behaviour | None) -> bool:
        """Drop every connection, change the code, come back; False when it does not come back."""
        self.serving = False
        self.nodes["node1"] = "offline"
        for door in self.doors:
            door.suspend()
        if not self._pause(CONFIG_NODE_S) or behaviour is Behaviour.NEVER_RETURNS:
            return False
        self._run_code(version, behaviour)
        self.revive()
        return True

    def _run_code(self, version: str, behaviour: Behaviour | None) -> None:
        self.version = version
        if behaviour is None:
            self.controller.revise(self._old_revision)
            self.controller.faults = self._good
            return
        self.controller.revise(revision_of(version))
        self.controller.faults = Faults(
            flips_bits=behaviour is Behaviour.FLIPS_BITS,
            loses_writes=behaviour is Behaviour.LOST_WRITES,
            eio=behaviour is Behaviour.EIO,
            slow_s=SLOW_S if behaviour is Behaviour.SLOW else 0.0,
        )
        if behaviour is Behaviour.FLIPS_BITS:
            self.controller.damage()

    def revive(self) -> None:
        """Both nodes are up again and listen, unless the array is held offline from outside."""
        self.nodes["node1"] = "online"
        self.serving = "offline" not in self.faults
        if self.serving:
            for door in self.doors:
                door.open()

    def _job(self, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=f"{self.name} update", daemon=True).start()

    def _pause(self, seconds: float) -> bool:
        """Wait; False when the lab is stopping."""
        return not self._stop.wait(seconds * self.pace)

    def stop(self) -> None:
        """End running jobs."""
        self._stop.set()

    # Faults switched on from outside.

    def set_fault(self, name: str, value: str) -> None:
        """Switch a fault on; data faults change what the running code does."""
        self.faults[name] = value
        self._apply_faults(name)

    def clear_fault(self, name: str) -> None:
        """Switch a fault off; damage done stays done."""
        if self.faults.pop(name, None) is not None or name == "offline":
            self._apply_faults(name)

    def _apply_faults(self, name: str) -> None:
        faults, on = self.controller.faults, name in self.faults
        if name == "offline" and on:
            self.serving = False
            for door in self.doors:
                door.suspend()
        elif name == "offline":
            self.revive()
        elif name == "node-offline":
            self.nodes["node2"] = "offline" if on else "online"
        elif name == "flip-bits":
            faults.flips_bits = on
            if on:
                self.controller.damage()
        elif name == "lost-writes":
            faults.loses_writes = on
        elif name == "eio":
            faults.eio = on
        elif name == "slow-io":
            faults.slow_s = float(self.faults[name] or SLOW_S) if on else 0.0
        elif name == "luns-offline":
            faults.offline = on
        elif name == "read-only":
            faults.read_only = on


def level(version: str) -> str:
    """Code level as the command line spells it."""
    build = "169.4.2306270000" if _parts(version) < (8, 7) else "170.9.2501010000"
    return f"{version} (build {build})"


def newer_speech(version: str) -> bool:
    """Whether the code is one whose tables have grown a column and whose lines end CRLF."""
    return _parts(version) >= (8, 7)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
