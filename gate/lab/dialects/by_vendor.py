"""
Arrays and switches whose code a person loads beside the gate: the vendor's people, or the performer at a console.

A fault of the lab is that hand, `vendor-loads` or `performer-loads`: its value is the version, one of the lab's images
or the one to go back to. No word of the command line that the lab speaks can begin it, pause it or end it.
"""

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from gate.lab.array import Array
from gate.lab.images import Behaviour, LabImage
from gate.lab.scsi import Controller

PARTNER_S = 0.6
FIRST_S = 0.9
SETTLE_S = 0.2
BY_VENDOR: Mapping[str, str] = {
    "vendor-loads": "somebody of the vendor loads that version",
    "hosts-stay-away": "hosts do not come back while it is loaded, so it goes back by itself",
}


class ByVendor(Array, ABC):
    """Runs one version per controller while it is loaded; what it says of that is the dialect's."""

    own_faults: ClassVar[Mapping[str, str]] = BY_VENDOR
    hand: ClassVar[str] = "vendor-loads"
    """The fault that is somebody's hand."""

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.partner_code = ""
        """What the second controller runs while that is not what the first one does."""

        self.word = "idle"

    @property
    def update_word(self) -> str:
        """`idle`, `loading`, `stalled` or `reverted`."""
        return self.word

    def receive(self, directory: str, name: str, data: bytes, *, admin: bool) -> str:
        """Take no file from anybody: the vendor brings it."""
        return f"{directory}/{name}: {len(data)} bytes refused to {'admin' if admin else 'monitor'}: Permission denied"

    def set_fault(self, name: str, value: str) -> None:
        """Switch a fault on; the hand begins at once and leaves nothing switched on."""
        if name == self.hand:
            self.load(value)
        else:
            super().set_fault(name, value)

    def load(self, version: str) -> None:
        """Load a version, controller after controller; ValueError for one that there is not, or twice at once."""
        back = version == self.committed
        image = next((one for one in self.images if one.version == version), None)
        if image is None and not back:
            raise ValueError(f"no image brings {version[:40]!r}")
        with self.lock:
            if self.word == "loading":
                raise ValueError("it is being loaded already")
            self.word = "loading"
            self.accepted["load"] += 1
        chosen = LabImage("", version, Behaviour.GOOD, version) if image is None or back else image
        self.job(lambda: self.run(self.will(chosen), back=back))

    def run(self, image: LabImage, *, back: bool) -> None:
        """Load it, the second controller first; `back`: what it came from, whose code is known to be good."""
        if not self.restart_partner(PARTNER_S):
            return
        self.partner_code = image.runs
        if "hosts-stay-away" in self.faults:
            if self.restart_partner(PARTNER_S):
                self.partner_code, self.word = "", "reverted"
            return
        if image.behaviour is Behaviour.STALLS or not self.pause(SETTLE_S):
            self.word = "stalled"
        elif self.restart_first(FIRST_S, image.runs, None if back else image.behaviour):
            self.partner_code, self.word = "", "idle"

    def code_of(self, name: str) -> str:
        """Return what one controller tells of its code."""
        return self.partner_code or self.told_version if name == self.names[1] else self.told_version
