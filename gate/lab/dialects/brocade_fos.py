"""
What a lab switch with Fabric OS says: two partitions, one of which runs, and a table of ports.

Somebody at its console loads one partition alone and restarts from it (`performer-loads`; array-clis 7.1: -s -n -b);
`firmwarecommit` copies that one over the other, `firmwarerestore` goes back to it. What `mapsdb` sums up in and what a
switch says that knows of no download are assumed [M]. Newer code counts two kinds of errors more.
"""

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from gate.lab.dialects.by_vendor import FIRST_S, SETTLE_S, ByVendor
from gate.lab.images import Behaviour, LabImage, lab_image
from gate.lab.said import Said
from gate.lab.scsi import Controller

COMMIT_S = 0.4
NEWER = "v9.2"
PORTS = 8
TITLES = (
    "          frames      enc    crc    crc    too    too    bad    enc   disc   link   loss   loss   frjt   fbsy",
    "       tx     rx      in    err    g_eof  shrt   long   eof     out   c3    fail    sync   sig",
)
DONE = (
    "Firmwaredownload command has completed successfully. Use firmwareshow to verify the firmware versions.",
    "Firmware is being downloaded to the switch. This step may take up to 30 minutes.",
)


class BrocadeFos(ByVendor):
    """One switch with two processors; the first is the one that answers."""

    first_version = "v9.1.1c"
    images = (
        lab_image("v9.1.1d", Behaviour.GOOD),
        lab_image("v9.2.0a", Behaviour.GOOD),
        lab_image("v9.2.0b", Behaviour.FLIPS_BITS),
        lab_image("v9.2.0c", Behaviour.SLOW),
    )
    names = ("CP0", "CP1")
    company = "10000027"
    target_name = "iqn.1995-08.com.brocade:{id}"
    usual_model = "109.1"
    without = frozenset({"rebuild", "drive-failed"})
    hand = "performer-loads"
    own_faults: ClassVar[Mapping[str, str]] = {
        "performer-loads": "somebody at its console loads that version into one partition and restarts from it",
        "port-faulty": "the laser of a port has failed",
        "rounded-errors": "a port counts its errors in thousands",
    }

    def __init__(self, name: str, model: str, controller: Controller, pace: float, version: str = "") -> None:
        super().__init__(name, model, controller, pace, version)
        self.other = ""
        """What lies in the partition that does not run; empty: the same as in the one that does."""

        self.loads = 0

    def run(self, image: LabImage, *, back: bool) -> None:
        """Fill the partition that does not run, and restart from it; the old one stays where it is."""
        self.loads += 1
        old, self.other = self.version, image.runs
        if image.behaviour is Behaviour.STALLS or not self.pause(SETTLE_S):
            self.word = "stalled"
            return
        if self.restart_first(FIRST_S, image.runs, None if back else image.behaviour):
            self.other, self.word = old, "idle"

    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line."""
        words = line.split()
        if admin and words in (["firmwarecommit"], ["firmwarerestore"]):
            return self._keep() if words == ["firmwarecommit"] else self._restore()
        tables: dict[tuple[str, ...], Callable[[BrocadeFos], list[str]]] = {
            ("version",): _version,
            ("firmwareshow",): _partitions,
            ("switchshow",): _switch,
            ("mapsdb", "--show"): _dashboard,
            ("firmwaredownloadstatus",): _download,
            ("porterrshow",): _errors,
            ("hashow",): _processors,
        }
        if not words:
            return Said()
        if tuple(words) not in tables:
            return Said(f"rbash: {words[0][:40]}: command not found\n".encode(), status=127)
        return Said("".join(f"{one}\n" for one in tables[tuple(words)](self)).encode())

    def _keep(self) -> Said:
        """Copy what runs over the other partition."""
        with self.lock:
            if self.word != "idle":
                return Said(b"Error: another firmware operation is going on.\n", status=1)
            self.word = "committing"
            self.accepted["commit"] += 1
        self.job(self._copy)
        return Said(b"Doing firmwarecommit now.\nReplicating kernel image.\n", mutates=True)

    def _copy(self) -> None:
        if self.pause(COMMIT_S):
            self.other, self.word = "", "idle"
            self.commit()

    def _restore(self) -> Said:
        """Restart from the other partition, and copy it over this one."""
        with self.lock:
            if self.word == "committing" or not self.other:
                return Said(b"Error: there is nothing to go back to.\n", status=1)
            self.word = "restoring"
            self.accepted["restore"] += 1
        self.job(self._go_back)
        return Said(b"Restore old image to be active ...\n", mutates=True)

    def _go_back(self) -> None:
        if self.pause(SETTLE_S) and self.restart_first(FIRST_S, self.committed, None):
            self.other, self.word = "", "idle"


def _version(switch: BrocadeFos) -> list[str]:
    return [
        "Kernel:     4.1.35rt41",
        f"Fabric OS:  {switch.told_version}",
        "Made on:    Tue Mar 14 08:12:12 2023",
        "Flash:      Mon Nov 16 10:01:02 2026",
        "BootProm:   4.2.28",
    ]


def _partitions(switch: BrocadeFos) -> list[str]:
    head = ["Appl     Primary/Secondary Versions", "-" * 42]
    return [*head, f"FOS      {switch.told_version}", f"         {switch.other or switch.told_version}"]


def _switch(switch: BrocadeFos) -> list[str]:
    wwn = ":".join(re.findall("..", switch.serial.lower()))
    said = [f"switchName: {switch.name}", f"switchType: {switch.model}", "switchState: Online", "switchMode: Native"]
    said += ["switchRole: Principal", "switchDomain: 1", "switchId: fffc01", f"switchWwn: {wwn}", "zoning: ON (lab)"]
    said += ["switchBeacon: OFF", "", "Index Port Address  Media Speed   State       Proto", "=" * 50]
    for port in range(PORTS):
        state = "Online      FC  F-Port  52:4a:93:70:00:00:42:0" + str(port) if port < 2 else "No_Light    FC"
        if port == 3 and "port-faulty" in switch.faults:
            state = "Laser_Flt   FC"
        said.append(f"{port:>4}{port:>4}   01{port:02x}00   id    N16     {state}")
    return said


def _dashboard(switch: BrocadeFos) -> list[str]:
    ill = "offline" in switch.controllers.values() or "refuses-precheck" in switch.faults
    said = ["1 Dashboard Information:", "=" * 23, "", "DB start time:                  Mon Nov 16 10:05:00 2026"]
    said += ["Active policy:                  dflt_moderate_policy", "", "2 Switch Health Report:", "=" * 23, ""]
    said.append(f"Current Switch Policy Status: {'MARGINAL' if ill else 'HEALTHY'}")
    return said + (["Contributing Factors:", "* BAD_PWR (MARGINAL)."] if ill else [])


def _download(switch: BrocadeFos) -> list[str]:
    if not switch.loads:
        return ["No firmwaredownload session is running."]
    done, begun = DONE
    said = ["[1]: Mon Nov 16 09:40:02 2026", f"Slot 0 ({switch.names[0]}, active): {begun}"]
    if switch.word in ("loading", "stalled"):
        return said
    return [*said, "", "[2]: Mon Nov 16 09:55:12 2026", f"Slot 0 ({switch.names[0]}, active): {done}"]


def _errors(switch: BrocadeFos) -> list[str]:
    newer = switch.version >= NEWER
    upper, lower = TITLES
    lines = [upper + "  c3timeout    pcs", lower + "                  tx    rx     err"] if newer else [upper, lower]
    for port in range(PORTS):
        crc = "500.1k" if port == 1 and "rounded-errors" in switch.faults else "0"
        counts = ["1.2g", "3.4g", "0", crc, *["0"] * 11, *(["0"] * 3 if newer else [])]
        lines.append(f"{port:>3}:  " + " ".join(f"{count:>6}" for count in counts))
    return lines


def _processors(switch: BrocadeFos) -> list[str]:
    dead = switch.controllers[switch.names[1]] != "online"
    state = (
        "HA Disabled, Heartbeat Down, HA State not in sync"
        if dead
        else "HA enabled, Heartbeat Up, HA State synchronized"
    )
    return ["Local CP (Slot 1, CP0): Active", "Remote CP (Slot 2, CP1): Standby", state]
