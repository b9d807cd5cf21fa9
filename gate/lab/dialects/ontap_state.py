"""
One two-node ONTAP cluster: packages, an image per node, and the automated update, one node after the other.

The first node is the one that is talked to: while it is taken over the cluster's management interface moves, and every
session ends (NetApp documentation). The names of phases and their states are the documentation's; times are the lab's.
"""

import urllib.request
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gate.lab.array import Array
from gate.lab.images import Behaviour, LabImage, lab_image, recognise
from gate.lab.said import Declined
from gate.lab.scsi import Controller

CHECKS_S = 0.2
NODE_S = 0.6
FIRST_S = 0.9
FETCH_S = 10.0
LARGEST = 64 << 20
END = "tgz"
PHASES = ("Pre-update checks", "Data ONTAP updates", "Post-update checks")

IMAGES = (
    lab_image("9.13.1P4", Behaviour.GOOD, end=END),
    lab_image("9.14.1P3", Behaviour.FLIPS_BITS, end=END),
    lab_image("9.14.1P5", Behaviour.LOST_WRITES, end=END),
    lab_image("9.14.1P8", Behaviour.NEVER_RETURNS, end=END),
    lab_image("9.14.1P9", Behaviour.STALLS, end=END),
    lab_image("9.15.1", Behaviour.WRONG_VERSION, runs="9.14.1P2", end=END),
    lab_image("9.14.1P4", Behaviour.GOOD, end=END),
)


def download(url: str) -> bytes:
    """Fetch a package as a cluster does, over plain HTTP."""
    with urllib.request.urlopen(url, timeout=FETCH_S) as answer:  # noqa: S310 - the words were checked for http
        content: bytes = answer.read(LARGEST + 1)
    return content


@dataclass
class Progress:
    """What `show-update-progress` tells: a state for each phase; empty when there never was an update."""

    states: dict[str, str] = field(default_factory=dict)

    def at(self, phase: str, state: str) -> None:
        """Enter a state; earlier phases are completed."""
        done = PHASES[: PHASES.index(phase)]
        self.states = {**dict.fromkeys(done, "completed"), phase: state}


class Cluster(Array, ABC):
    """What two nodes do; what they say is in ontap.py."""

    first_version = "9.13.1P4"
    images = IMAGES
    own_faults: ClassVar[Mapping[str, str]] = {
        "alert": "a health alert that matters for an update, with that cause",
        "off-home": "an interface is not on its home port",
        "giveback-vetoed": "a node that was taken over does not get its storage back",
    }
    names = ("01", "02")
    company = "600a0980"
    target_name = "iqn.1992-08.com.netapp:sn.{id}:vs.3"
    connections_per_s = 10

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.packages: dict[str, LabImage] = {}
        self.behind = ""
        """What the first node still runs while the second runs something newer; the second is updated first."""

        self.progress = Progress()
        self.fetch: Callable[[str], bytes] = download

    @property
    def update_word(self) -> str:
        """State of the phase that was reached."""
        return next(reversed(self.progress.states.values()), "none")

    def receive(self, directory: str, name: str, data: bytes, *, admin: bool) -> str:  # noqa: ARG002
        """Take no uploads: a cluster fetches its packages."""
        return "subsystem request failed on channel 0"

    def get_package(self, url: str) -> None:
        """`cluster image package get`: the cluster fetches it by itself."""
        try:
            image = recognise(url.rpartition("/")[2], self.fetch(url))
        except OSError:
            raise Declined("Error: command failed: Failed to download package. Could not connect.") from None
        except ValueError:
            raise Declined("Error: command failed: The package is not valid.") from None
        with self.lock:
            self.packages[image.version] = image
            self.accepted["get"] += 1

    def problems(self) -> list[str]:
        """What validation finds against an update."""
        found = []
        if "refuses-precheck" in self.faults:
            found.append(self.faults["refuses-precheck"] or "Not enough free space.")
        found += ["A disk is being reconstructed."] if "rebuild" in self.faults else []
        found += ["Storage failover is not possible."] if "partner-dead" in self.faults else []
        return found

    def begin(self, version: str) -> None:
        """`cluster image update`, after it was confirmed."""
        with self.lock:
            if self.update_word in ("in-progress", "paused-on-error"):
                raise Declined("Error: command failed: An update is already in progress.")
            self.accepted["update"] += 1
            self.progress.at(PHASES[0], "in-progress")
            image = self.packages[version]
            self.job(lambda: self._run(self.will(image)))

    def cancel(self) -> None:
        """`cluster image cancel-update`."""
        with self.lock:
            if self.update_word != "paused-on-error":
                raise Declined("Error: command failed: There is no update that can be canceled.")
            self.accepted["cancel"] += 1
            self.job(self._run_back)

    def _run(self, image: LabImage) -> None:
        if not self.pause(CHECKS_S):
            return
        self.progress.at(PHASES[1], "in-progress")
        self.behind = self.version
        awake = self.restart_partner(NODE_S)
        if not awake:
            return
        if image.behaviour is Behaviour.STALLS or "giveback-vetoed" in self.faults:
            self.progress.at(PHASES[1], "paused-on-error")
            return
        self.version = image.runs
        if not self.restart_first(FIRST_S, image.runs, image.behaviour):
            return
        self.behind = ""
        self.progress.at(PHASES[2], "in-progress")
        if self.pause(CHECKS_S):
            self.progress.at(PHASES[2], "completed")

    def _run_back(self) -> None:
        if self.restart_partner(NODE_S):
            self.behind = ""
            self.progress.at(PHASES[1], "canceled")

    def told_versions(self) -> dict[str, str]:
        """Return what each node claims to run."""
        second = self.told_version
        return {"01": second if "lies-version" in self.faults else self.behind or second, "02": second}
