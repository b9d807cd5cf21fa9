"""
One array of the Seagate/DotHill family: two controllers, the bundle that runs, the one on offer, and its activation.

Partner firmware update is on: the controller that is talked to takes the new bundle first and gives it to the other.
Which order real arrays keep, and that the replaced bundle stays on offer, is assumed [M].
"""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gate.lab.images import Behaviour, LabImage, lab_image, recognise
from gate.lab.parts import BY_HAND, Replaceable
from gate.lab.said import Declined
from gate.lab.scsi import Controller

LOAD_S = 0.3
BEGIN_S = 0.2
FIRST_S = 0.9
PARTNER_S = 0.6
END = "sfw"

IMAGES = (
    lab_image("GT280R008-04", Behaviour.GOOD, end=END),
    lab_image("GT280R010-03", Behaviour.FLIPS_BITS, end=END),
    lab_image("GT280R010-05", Behaviour.LOST_WRITES, end=END),
    lab_image("GT280R010-08", Behaviour.NEVER_RETURNS, end=END),
    lab_image("GT280R010-09", Behaviour.STALLS, end=END),
    lab_image("GT280R011-01", Behaviour.WRONG_VERSION, runs="GT280R010-02", end=END),
    lab_image("GT280R010-04", Behaviour.GOOD, end=END),
)


@dataclass(frozen=True)
class Update:
    """What `show firmware-update-status` tells of the last activation."""

    status: str = ""
    """Empty: there was none."""

    bundle: str = ""
    step: str = ""


class Pair(Replaceable, ABC):
    """What a pair of controllers does; what it says is in dothill.py."""

    first_version = "GT280R008-04"
    images = IMAGES
    own_faults: ClassVar[Mapping[str, str]] = {
        "unwritable-cache": "one controller holds that many percent of cache that cannot be written (3)",
        "older-bundle": "an upload fails, and the bundle on offer is an older one of that version",
        "no-partner-update": "partner firmware update is switched off",
        **BY_HAND,
    }
    part_number = "LB81-00000101"
    names = ("A", "B")
    takes_sftp = True
    company = "600c0ff0"
    target_name = "iqn.1988-11.com.dell:01.array.{id}.a0"

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.behind = ""
        """What controller B still runs while A runs something newer."""

        self.offered: LabImage | None = None
        self.loading = False
        self.update = Update()

    def label(self, controller: str) -> str:
        """What stands on the label of a controller."""
        return f"{self.serial[-8:]}{controller}"

    def target_of(self, controller: str) -> str:
        """Each port has a name of its own; a controller has one."""
        return f"{self.controller.identity.target.removesuffix('a0')}{controller.lower()}0"

    @property
    def update_word(self) -> str:
        """The completion status of the last activation."""
        return self.update.status or "none"

    def receive(self, directory: str, name: str, data: bytes, *, admin: bool) -> str:
        """Take a bundle that was put to `flash`; it is unpacked after the transfer."""
        if not admin:
            return "Permission denied"
        if directory != "flash":
            return "No such file"
        try:
            image = recognise(name, data)
        except ValueError:
            return "Failure"  # what a real one answers to a damaged bundle is assumed
        with self.lock:
            if self.loading or self.update.status == "In Progress":
                return "Failure"
            self.accepted["upload"] += 1
            self.offered, self.loading = None, True
            self.job(lambda: self._run_load(image))
        return ""

    def activate(self) -> None:
        """`activate firmware bundle available`."""
        with self.lock:
            if self.offered is None or self.loading:
                raise Declined("There is no available firmware bundle.")
            if self.update.status == "In Progress":
                raise Declined("A firmware update is in progress.")
            self.accepted["activate"] += 1
            image = self.offered
            self.update = Update("In Progress", image.version, "Bundle validation")
            self.job(lambda: self._run_activation(self.will(image)))

    def _run_load(self, image: LabImage) -> None:
        if self.pause(LOAD_S):
            if "older-bundle" in self.faults:
                older = self.faults["older-bundle"] or "GT280R007-01"
                image = lab_image(older, Behaviour.GOOD, end=END)
            self.offered, self.loading = image, False

    def _run_activation(self, image: LabImage) -> None:
        before, self.behind = lab_image(self.version, Behaviour.GOOD, end=END), self.version
        if not self.pause(BEGIN_S):
            return
        self.update = Update("In Progress", image.version, "Controller A")
        back = image.version == self.committed
        if not self.restart_first(FIRST_S, image.runs, None if back else image.behaviour):
            return
        self.update = Update("In Progress", image.version, "Controller B")
        if image.behaviour is Behaviour.STALLS or not self.restart_partner(PARTNER_S):
            return
        self.behind, self.offered = "", before
        self.update = Update("Success", image.version, "Done")

    def told_bundles(self) -> dict[str, str]:
        """Return what each controller claims to run."""
        lies = "lies-version" in self.faults
        partner = self.sitting["B"].firmware or self.behind or self.version
        return {"A": self.told_version, "B": self.told_version if lies else partner}
