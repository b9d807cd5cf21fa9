"""
What `SMcli` says of a lab array of the Sun StorageTek 2500/6000 kind: scripts in a frame of fixed lines.

Firmware is downloaded to both controllers first and lies pending until it is activated (array-clis, 6.1). The keys of
the profile that public scripts do not read, the titles of volumes as Sun has them and the words of failures are assumed
[M]; newer code tells of data assurance for each volume.
"""

from collections.abc import Callable

from gate.lab.dialects.behind_host import BehindHost
from gate.lab.dialects.by_vendor import SETTLE_S
from gate.lab.images import Behaviour, LabImage, lab_image
from gate.lab.said import Said
from gate.lab.scsi import Controller

FRAME = (
    "Performing syntax check...\n\nSyntax check complete.\n\nExecuting script...\n",
    "\nScript execution complete.\n\nSMcli completed successfully.\n",
)
NEWER = "07.7"
MANAGED = ["sscs", "list", "storage-system"]


class SunStoragetek(BehindHost):
    """Two controllers, A and B; somebody of the vendor downloads and activates."""

    first_version = "07.35.44.10"
    images = (
        lab_image("07.60.28.10", Behaviour.GOOD, end="dlp"),
        lab_image("07.77.20.10", Behaviour.GOOD, end="dlp"),
        lab_image("07.77.20.11", Behaviour.LOST_WRITES, end="dlp"),
        lab_image("07.77.20.12", Behaviour.FLIPS_BITS, end="dlp"),
    )
    names = ("A", "B")
    company = "600a0b80"
    target_name = "iqn.1986-03.com.sun:2510.{id}"

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.pending = ""

    def run(self, image: LabImage, *, back: bool) -> None:
        """Download to both controllers, then activate one after the other."""
        self.pending = image.version
        if self.pause(SETTLE_S):
            super().run(image, back=back)
        if self.word == "idle":
            self.pending = ""

    def named(self, words: list[str]) -> str:
        """`SMcli UNIT -c SCRIPT`; Sun's Common Array Manager knows them all, and the first of them answers for it."""
        if words == MANAGED:
            return self.unit
        return words[1] if words[0] == "SMcli" and len(words) == 4 else ""

    def missing(self, words: list[str]) -> Said:
        """The tool did not reach it, or there is no such program."""
        if words[0] != "SMcli":
            return Said(err=f"bash: {words[0][:40]}: command not found\n".encode(), status=127)
        return Said(b"A connection to the specified storage array could not be opened.\n\nSMcli failed.\n", status=2)

    def tell(self, words: list[str]) -> Said:
        """Run one script, or list what the manager manages: this one, since a lab's manager has no list of them [M]."""
        if words == MANAGED:
            return Said(f"Array: {self.unit}\n".encode())
        scripts: dict[str, Callable[[SunStoragetek], list[str]]] = {
            "show storageArray healthStatus;": _health,
            "show storageArray profile;": _profile,
            "show allVolumes;": _volumes,
        }
        if words[2] != "-c" or words[3] not in scripts:
            return Said(b"Performing syntax check...\n\nError - syntax error at line 1.\n\nSMcli failed.\n", status=1)
        body = "".join(f"{line}\n" for line in scripts[words[3]](self))
        return Said(f"{FRAME[0]}\n{body}{FRAME[1]}".encode())


def _health(array: SunStoragetek) -> list[str]:
    found = {
        "rebuild": "Degraded Volume - Volumes: 1",
        "drive-failed": "Failed Drive - Tray 85, Slot 4",
        "refuses-precheck": "Volume Not On Preferred Path",
    }
    said = [words for fault, words in found.items() if fault in array.faults]
    said += [f"Offline Controller - Slot {name}" for name, state in array.controllers.items() if state != "online"]
    return ["The following failures have been found:", *said] if said else ["Storage array health status = optimal."]


def _profile(array: SunStoragetek) -> list[str]:
    lines = [f"PROFILE FOR STORAGE ARRAY: {array.unit} (11/22/26 10:00:00 PM UTC)", "", "SUMMARY" + "-" * 30, ""]
    lines += ["   Number of controllers: 2", f"   Storage array world-wide identifier (ID): {array.serial.upper()}"]
    lines += ["   Chassis Serial Number: LAB0742001", "", "CONTROLLERS" + "-" * 30, "", "   Number of controllers: 2"]
    for name, state in array.controllers.items():
        running, pending = array.code_of(name), array.pending or "None"
        lines += ["", f"   Controller in Enclosure 85, Slot {name}", ""]
        lines += [f"      Status: {'Online' if state == 'online' else 'Offline'}", "", "      Current configuration"]
        lines += [f"         Firmware version: {running}", f"            Appware version: {running}"]
        lines += ["         NVSRAM version: N399X-735843-004", "", "      Pending configuration"]
        lines += [f"         Firmware version: {pending}", f"            Appware version: {pending}"]
        lines += ["         NVSRAM version: None", "", f"      Product ID: {array.model}", "      Vendor: SUN"]
        lines += ["      Host interface: Ethernet", f"         iSCSI target name: {array.controller.identity.target}"]
    return [*lines, "", "DRIVES" + "-" * 30, "", "   SUMMARY", "      Number of drives: 16", "         Status: Optimal"]


def _volumes(array: SunStoragetek) -> list[str]:
    units = sorted(array.controller.units.items())
    lines = [
        "STANDARD VOLUMES" + "-" * 30,
        "",
        "SUMMARY",
        f"   Number of standard volumes: {len(units)}",
        "",
        "DETAILS",
    ]
    for number, unit in units:
        uid = array.controller.identity.naa(number).hex()
        lines += ["", f"   Volume name: vol{number}", "", "      Volume status: Optimal", ""]
        lines += [f"      Capacity: {len(unit.data) / (1 << 20):,.3f} MB"]
        lines.append("      Volume world-wide identifier: " + ":".join(uid[at : at + 2] for at in range(0, 32, 2)))
        lines += [f"      Subsystem ID (SSID): {number}", "      Associated volume group: 1", "      RAID level: 5"]
        lines += ["      Data Assurance (DA) enabled: No"] if array.version >= NEWER else []
    return lines
