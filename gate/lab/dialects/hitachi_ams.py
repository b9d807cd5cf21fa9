"""
What Storage Navigator Modular 2 says of a lab AMS: keys and values, and lists whose rows end with a state.

Layouts of parts, drives and remote pairs are assumed [M]; the others are in public drivers and collectors (array-clis,
6.3). No list tells a logical unit's designator: it is made of a port's name, the serial and the number, as on AMS
arrays that people have looked at. Newer code has a column more in one list.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from gate.lab.dialects.behind_host import BehindHost
from gate.lab.dialects.by_vendor import BY_VENDOR
from gate.lab.images import Behaviour, lab_image
from gate.lab.said import Said

NEWER = "0898"


class HitachiAms(BehindHost):
    """Two controllers, 0 and 1; Hitachi's people load the revision."""

    first_version = "0893-B-S"
    images = (
        lab_image("0897-A-S", Behaviour.GOOD, end="bin"),
        lab_image("0898-A-S", Behaviour.GOOD, end="bin"),
        lab_image("0898-B-S", Behaviour.LOST_WRITES, end="bin"),
        lab_image("0898-C-S", Behaviour.FLIPS_BITS, end="bin"),
    )
    names = ("0", "1")
    own_faults: ClassVar[Mapping[str, str]] = {
        **BY_VENDOR,
        "snapshot": "one unit is a snapshot of another: COPY=ORIGIN, by their numbers",
        "remote-pair": "one unit is half of a pair with another array",
    }
    company = "60060e80"
    target_name = "iqn.1994-04.jp.co.hitachi:rsd.d7a.{id}"
    usual_model = "AMS2300"
    serial_digits = 8

    def named(self, words: list[str]) -> str:
        """`auCOMMAND -unit UNIT …`."""
        return words[2] if len(words) > 2 and words[1] == "-unit" else ""

    def missing(self, words: list[str]) -> Said:
        """It is not registered or does not answer, or there is no such program."""
        if not words[0].startswith("au"):
            return Said(err=f"bash: {words[0][:40]}: command not found\n".encode(), status=127)
        return Said(b"DMED0C0002: The specified unit is not registered, or cannot be reached.\n", status=1)

    def tell(self, words: list[str]) -> Said:
        """Run one command of the tool."""
        commands: dict[tuple[str, ...], Callable[[HitachiAms], list[str]]] = {
            ("auunitinfo",): _unit,
            ("auparts",): _parts,
            ("audrive", "-status"): _drives,
            ("autargetdef", "-refer"): _targets,
            ("auluref",): _units,
            ("aufibre1", "-refer"): _ports,
            ("aureplicationlocal", "-refer"): _pairs,
            ("aureplicationremote", "-refer"): _remote,
        }
        command = commands.get((words[0], *words[3:]))
        if command is None:
            return Said(b"DMEC002015: The command or one of its options is not correct.\n", status=1)
        return Said("".join(f"{line}\n" for line in command(self)).encode())

    def spoken(self) -> str:
        """`0893/B-S` for 0893-B-S."""
        return self.told_version.replace("-", "/", 1)


def _unit(array: HitachiAms) -> list[str]:
    return [
        f"Array Unit Type   : {array.model}",
        "Construction      : Dual",
        f"Serial Number     : {array.serial}",
        f"Firmware Revision : {array.spoken()}",
        "CTL IP Address       Subnet Mask      Default Gateway",
        "  0 192.0.2.51       255.255.255.0    192.0.2.1",
        "  1 192.0.2.52       255.255.255.0    192.0.2.1",
    ]


def _parts(array: HitachiAms) -> list[str]:
    lines = ["Controller", "  CTL  Status"]
    lines += [f"    {name}  {'Normal' if state == 'online' else 'Detach'}" for name, state in array.controllers.items()]
    lines += [
        "Fan",
        "  Unit  Fan  Status",
        "     0    0  Normal",
        "     0    1  Normal",
        "AC PS",
        "  Unit  AC PS  Status",
    ]
    battery = "Warning" if "refuses-precheck" in array.faults else "Normal"
    return [*lines, "     0      0  Normal", "     0      1  Normal", "Battery", "  CTL  Status", f"    0  {battery}"]


def _drives(array: HitachiAms) -> list[str]:
    newer = array.version >= NEWER
    lines = ["Unit  HDU  Type" + "   Encryption" * newer + "  Status"]
    for number in range(8):
        failed = number == 3 and "drive-failed" in array.faults
        copies = number == 5 and "rebuild" in array.faults
        status = "Detach(HF)" if failed else "Reconstruction" if copies else "Standby" if number == 7 else "Normal"
        lines.append(f"   0  {number:>3}  SAS" + "    N/A       " * newer + f"   {status}")
    return lines


def _targets(array: HitachiAms) -> list[str]:
    lines = []
    for port in ("0A", "1A"):
        lines += [f"Port {port}", "                             Authentication                  Mutual"]
        lines.append("  Target                     Method         CHAP Algorithm   Authentication")
        lines.append("  000:T000                   CHAP,None      MD5              Disable")
        lines += ["    User Name  : ---", f"    iSCSI Name : {array.controller.identity.target}"]
    return lines


def _ports(array: HitachiAms) -> list[str]:
    lines = ["Port Information", " " * 52 + "Port Address"]
    lines.append("  CTL  Port   Node Name          Port Name          Setting Current")
    root = array.controller.identity.port_root.upper()
    for controller in (0, 1):
        name = f"50060E80{root[:-1]}{controller * 4:X}"
        lines.append(f"    {controller}     0   {name}   {name}   0000EF  272700")
    return [
        *lines,
        "Transfer Rate",
        "  CTL  Port  Setting Current",
        "    0     0  Auto    8Gbps",
        "    1     0  Auto    8Gbps",
    ]


def _pair_of(array: HitachiAms) -> tuple[int, int] | None:
    copy, _, origin = array.faults.get("snapshot", "").partition("=")
    return (int(copy), int(origin)) if copy.isdecimal() and origin.isdecimal() else None


def _units(array: HitachiAms) -> list[str]:
    pair = _pair_of(array)
    lines = [
        "                            Stripe  RAID     DP    Tier   RAID                           Rotational  Number"
    ]
    lines.append(
        "   LU       Capacity        Size    Group    Pool  Mode     Level        Type       Speed  of Paths  Status"
    )
    for number, unit in sorted(array.controller.units.items()):
        waits = pair is not None and number == pair[0]
        middle = (
            "N/A      N/A   N/A  N/A     N/A          N/A        N/A"
            if waits
            else ("256KB        0     N/A  N/A       5( 4D+1P)  SAS   10000rpm")
        )
        status = "N/A(V-VOL)" if waits else "Normal"
        lines.append(f"{number:>5}  {len(unit.data) // 512:>12} blocks   {middle}  1  {status}")
    return lines


def _pairs(array: HitachiAms) -> list[str]:
    lines = ["Pair Name                          LUN  Pair LUN  Status                 Copy Type    Group"]
    if pair := _pair_of(array):
        copy, origin = pair
        name = f"SS_LU{origin:04}_LU{copy:04}"
        lines.append(f"{name:<32}{origin:>6}{copy:>10}  Split(100%)            SnapShot     ---:Ungrouped")
    return lines


def _remote(array: HitachiAms) -> list[str]:
    lines = ["Pair Name                        Local LUN  Attribute  Remote LUN  Status           Copy Type"]
    if "remote-pair" in array.faults:
        lines.append("TC_LU0001_LU0001                         1  S-VOL               1  Paired(100%)     TrueCopy")
    return lines
