"""
What every simulated array is, whatever its dialect: running code, controllers, doors, faults, jobs that go on alone.

Durations are seconds at pace 1 and are multiplied by `pace`. A job that was accepted goes on whether or not anybody is
connected. The steps of an update and every word are the dialect's (`gate/lab/dialects/`).
"""

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Protocol

from gate.lab.identity import revision_of
from gate.lab.images import Behaviour, LabImage
from gate.lab.said import Said
from gate.lab.scsi import Controller, Faults

SLOW_S = 0.08  # what slow code adds to every read and write
OVERRULED = {"stalls": Behaviour.STALLS, "never-returns": Behaviour.NEVER_RETURNS}
"""Faults that make any image behave so."""


class Door(Protocol):
    """A listener of the array that goes away while its controller restarts."""

    def open(self) -> None:
        """Listen."""

    def suspend(self) -> None:
        """End what is connected and refuse what comes."""


class Array(ABC):
    """State of one array; commands come from many threads."""

    first_version: ClassVar[str]
    """What its family's arrays run when a lab starts."""

    images: ClassVar[tuple[LabImage, ...]]
    own_faults: ClassVar[Mapping[str, str]] = {}
    """Faults that only this family has, by name."""

    without: ClassVar[frozenset[str]] = frozenset()
    """Faults that this family cannot have, of those that arrays have."""

    usual_model: ClassVar[str] = "LAB-FS5"
    """What one is called in a fleet that nobody has described."""

    serial_digits: ClassVar[int] = 16
    """How long its serial is there."""

    names: ClassVar[tuple[str, str]]
    """Its two controllers; who talks to the array talks to the first."""

    company: ClassVar[str]
    """Eight hexadecimal digits with which the NAA designators of its LUNs begin."""

    target_name: ClassVar[str]
    """iSCSI name of an array whose inventory entry tells none; `{id}` is its id."""

    takes_sftp: ClassVar[bool] = False
    """Whether files are put by SFTP; `receive` then gets the whole path as directory, and no name."""

    connections_per_s: ClassVar[int] = 0
    """More new connections in a second make its command line go away for a minute; 0: it does not count them."""

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        self.name = name
        self.model = model
        self.version = version or self.first_version
        self.committed = self.version
        """What it goes back to."""

        self.controller = controller
        self.pace = pace
        self.controllers = dict.fromkeys(self.names, "online")
        self.doors: list[Door] = []
        self.serving = True
        """False while the first controller restarts: neither command line nor LUNs answer."""

        self.faults: dict[str, str] = {}
        self.accepted: Counter[str] = Counter()
        """How many times each mutating command was accepted."""

        self.heard: Counter[str] = Counter()
        """How many times each line came under the login that may change something, accepted or not."""

        self.keep: Callable[[], None] = lambda: None
        """Writes down what it has taken, before anybody is told; only where it is to outlive its process."""

        self.lock = threading.RLock()
        self._stop = threading.Event()
        self._good = controller.faults
        self._old_revision = controller.identity.revision
        self._born_with = self.version

    @property
    def serial(self) -> str:
        """What the array answers when asked who it is."""
        return self.controller.identity.serial

    def target_of(self, controller: str) -> str:
        """Return the iSCSI name under which hosts reach one controller; one for all, unless the family has more."""
        del controller
        return self.controller.identity.target

    @property
    def told_version(self) -> str:
        """The version it claims to run."""
        return (self.faults["lies-version"] or self._born_with) if "lies-version" in self.faults else self.version

    # What a dialect says and takes.

    @abstractmethod
    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line; `admin` may change something."""

    @abstractmethod
    def receive(self, directory: str, name: str, data: bytes, *, admin: bool) -> str:
        """Take an uploaded file; return why not, in the array's words, or nothing."""

    @property
    @abstractmethod
    def update_word(self) -> str:
        """In its own word what its update is doing."""

    # What an update is made of. Each returns False when the lab is stopping or the array does not come back.

    def will(self, image: LabImage) -> LabImage:
        """Return what an image comes to on this array, with its faults."""
        overruled = next((one for fault, one in OVERRULED.items() if fault in self.faults), image.behaviour)
        return replace(image, behaviour=overruled, runs=self.version if "old-version" in self.faults else image.runs)

    def restart_partner(self, seconds: float) -> bool:
        """Take the second controller down and up again; its partner serves on."""
        self.controllers[self.names[1]] = "offline"
        awake = self.pause(seconds)
        self.controllers[self.names[1]] = "offline" if "partner-dead" in self.faults else "online"
        return awake

    def restart_first(self, seconds: float, version: str, behaviour: Behaviour | None) -> bool:
        """Drop every connection, change the code, come back; `behaviour` None is the code it came from."""
        self.serving = False
        self.controllers[self.names[0]] = "offline"
        for door in self.doors:
            door.suspend()
        if not self.pause(seconds) or behaviour is Behaviour.NEVER_RETURNS:
            return False
        self._run_code(version, behaviour)
        self.revive()
        return True

    def commit(self) -> None:
        """Take what runs now as what it would go back to."""
        self.committed = self.version
        self._good = self.controller.faults
        self._old_revision = self.controller.identity.revision

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
        """It is up again and listens, unless the array is held offline from outside."""
        self.controllers[self.names[0]] = "online"
        self.serving = "offline" not in self.faults
        if self.serving:
            for door in self.doors:
                door.open()

    def job(self, work: Callable[[], None]) -> None:
        """Go on with something that nobody waits for."""
        threading.Thread(target=work, name=f"{self.name} update", daemon=True).start()

    def pause(self, seconds: float) -> bool:
        """Wait; False when the lab is stopping."""
        return not self._stop.wait(seconds * self.pace)

    def stop(self) -> None:
        """End running jobs."""
        self._stop.set()

    # Faults switched on from outside.

    def set_fault(self, name: str, value: str) -> None:
        """Switch a fault on; data faults change what the running code does. ValueError for one that it cannot have."""
        if name in self.without:
            raise ValueError(f"{self.name} cannot have {name}")
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
        elif name == "partner-dead":
            self.controllers[self.names[1]] = "offline" if on else "online"
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
