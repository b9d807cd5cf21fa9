"""
One storage-virtualize array: two nodes, uploads, and the update state machine.

Status words are those of `lsupdate` (product documentation of Storage Virtualize 8.x).
"""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gate.lab.images import IMAGES, Behaviour, LabImage, recognise
from gate.lab.said import Declined
from gate.lab.scsi import Controller
from gate.lab.shelf import Shelved

PREPARE_S = 0.3
INITIALIZE_S = 0.2
NODE_S = 0.6
CONFIG_NODE_S = 0.9
COMPLETE_S = 0.3
UNAUTHORISED = "CMMVC7016E The task has failed because the user's role is not authorized to run it."
STALLED = ("system_stalled", "system_stalled_non_redundant")


@dataclass
class Update:
    """What `lsupdate` tells."""

    status: str = "success"
    progress: str = ""
    new_level: str = ""
    file: str = ""
    next_node: str = ""


class Nodes(Shelved, ABC):
    """What a pair of nodes does; what it says is in storage_virtualize.py."""

    first_version = "8.6.0.3"
    images = IMAGES
    own_faults: ClassVar[Mapping[str, str]] = {
        "host-degraded": "hosts have lost paths",
        "warns-precheck": "its own look before an update warns of that text",
        "alert": "an unfixed alert about the second node, with that text",
        "alert-elsewhere": "an unfixed alert about a drive, with that text",
        "dependent-vdisks": "volumes depend on one node",
        "flash-copy": "one volume is a FlashCopy of another, such as 2,1",
        "virtualises": "keeps its volumes on another storage system of that name",
        **Shelved.own_faults,
    }
    part_number = "01LB207"
    module_part = "01LB310"
    module_firmware = "6.13_1.2"
    names = ("node1", "node2")
    company = "60050768"
    target_name = "iqn.1986-03.com.ibm:2145.{id}.node1"

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.uploads: dict[str, bytes] = {}
        self.update = Update()

    def label(self, controller: str) -> str:
        """Part number and serial in one, as the maker labels its parts."""
        return f"11S{self.part_number}YHU{self.serial[-8:]}{controller[-1]}"

    def target_of(self, controller: str) -> str:
        """Each node has a name of its own."""
        return f"{self.controller.identity.target.removesuffix('.node1')}.{controller}"

    @property
    def update_word(self) -> str:
        """The status of `lsupdate`."""
        return self.update.status

    # Commands that change something. Each returns at once; what follows is a job of its own.

    def receive(self, directory: str, name: str, data: bytes, *, admin: bool) -> str:
        """Keep an uploaded file."""
        if not admin:
            return UNAUTHORISED
        if directory.rstrip("/") != "/upgrade":
            return f"{directory}: Permission denied"
        with self.lock:
            self.uploads[name] = data
            self.accepted["upload"] += 1
            self.keep()
        return ""

    def prepare(self, file: str) -> None:
        """`applysoftware -prepare`."""
        with self.lock:
            image = self._image(file)
            self._expect("success")
            self.accepted["prepare"] += 1
            self._begin(image, "system_preparing")
            self.keep()
            self.job(self._run_prepare)

    def apply(self, file: str) -> None:
        """`applysoftware -file`: from prepared, or from idle, where it prepares by itself."""
        with self.lock:
            image = self._image(file)
            self._expect("success", "system_prepared")
            if self.update.status == "system_prepared" and self.update.file != file:
                raise Declined("CMMVC6055E The action failed as another package is prepared.")  # wording assumed
            self.accepted["apply"] += 1
            self._begin(image, "system_initializing")
            self.keep()
            self.job(lambda: self._run_apply(self.will(image)))

    def complete(self) -> None:
        """`applysoftware -complete`: commit; there is no way back afterwards."""
        with self.lock:
            self._expect("system_completion_required")
            self.accepted["complete"] += 1
            self.update.status = "system_completing"
            self.keep()
            self.job(self._run_complete)

    def abort(self) -> None:
        """
        `applysoftware -abort`: back to the old code.

        That it is accepted in system_completion_required is an assumption of the lab [M]; the product's
        documentation names prepared and stalled.
        """
        with self.lock:
            self._expect("system_prepared", "system_completion_required", *STALLED)
            self.accepted["abort"] += 1
            running, self.update.status = self.update.status != "system_prepared", "system_restoring"
            self.keep()
            self.job(lambda: self._run_abort(running))

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
        if parts(image.version) < parts(self.version):
            raise Declined(f"CMMVC6070E The upgrade path from {self.version} to {image.version} is unsupported.")
        return image

    def _begin(self, image: LabImage, status: str) -> None:
        self.update = Update(status, "0", level(image.version), image.file)

    def go_on(self) -> None:
        """Take up what was under way when its process was killed, from its beginning."""
        update = self.update
        match update.status:
            case "system_preparing":
                self.job(self._run_prepare)
            case "system_initializing" | "system_updating":
                image = recognise(update.file, self.uploads[update.file])
                self.job(lambda: self._run_apply(self.will(image)))
            case "system_completing":
                self.job(self._run_complete)
            case "system_restoring":
                self.job(lambda: self._run_abort(running=True))

    # Jobs.

    def _run_prepare(self) -> None:
        if self.pause(PREPARE_S):
            self.update.status = "system_prepared"
            self.update.progress = ""
            self.keep()

    def _run_apply(self, image: LabImage) -> None:
        if not self.pause(INITIALIZE_S):
            return
        self.update.status, self.update.progress, self.update.next_node = "system_updating", "10", "node2"
        if not self.restart_partner(NODE_S):
            return
        self.update.progress, self.update.next_node = "50", "node1"
        if image.behaviour is Behaviour.STALLS:
            self.update.status = "system_stalled"
            self.keep()
            return
        if self.restart_first(CONFIG_NODE_S, image.runs, image.behaviour):
            self.update = Update("system_completion_required", "100", level(image.version), image.file)
            self.keep()

    def _run_complete(self) -> None:
        if self.pause(COMPLETE_S):
            self.commit()
            self.update = Update()
            self.keep()

    def _run_abort(self, running: bool) -> None:
        if running:
            stalled_early = self.version == self.committed
            if not self.restart_partner(NODE_S):
                return
            if not stalled_early and not self.restart_first(CONFIG_NODE_S, self.committed, None):
                return
        elif not self.pause(INITIALIZE_S):
            return
        self.update = Update()
        self.keep()


def level(version: str) -> str:
    """Code level as the command line spells it."""
    build = "169.4.2306270000" if parts(version) < (8, 7) else "170.9.2501010000"
    return f"{version} (build {build})"


def newer_speech(version: str) -> bool:
    """Whether the code is one whose tables have grown a column and whose lines end CRLF."""
    return parts(version) >= (8, 7)


def parts(version: str) -> tuple[int, ...]:
    """Numbers of a version, to compare by."""
    return tuple(int(part) for part in version.split("."))
