"""
What CCI and the SNMP agent say of a lab VSP: tables with blanks between their values, blocks of keys, and objects.

Layouts of `raidqry`, ports, LDEVs and the agent's objects are in public tools and tests (array-clis, 6.4); that a
processor is in service while it is loaded, and the tools' words when an array is away, are assumed [M]. Newer code
tells one key more of each LDEV.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from gate.lab.dialects.behind_host import BehindHost
from gate.lab.dialects.by_vendor import BY_VENDOR
from gate.lab.images import Behaviour, lab_image
from gate.lab.said import Said

NEWER = "83-06"
MIB = ".1.3.6.1.4.1.116.5.11.4.1.1"


class HitachiVsp(BehindHost):
    """Two controllers, 1 and 2; Hitachi's people load the microcode."""

    first_version = "83-05-40-00"
    images = (
        lab_image("83-05-46-00", Behaviour.GOOD, end="bin"),
        lab_image("83-06-18-00", Behaviour.GOOD, end="bin"),
        lab_image("83-06-18-20", Behaviour.LOST_WRITES, end="bin"),
        lab_image("83-06-18-40", Behaviour.FLIPS_BITS, end="bin"),
    )
    names = ("1", "2")
    own_faults: ClassVar[Mapping[str, str]] = {
        **BY_VENDOR,
        "pair": "one LDEV is of a pair: its number and the word, 9=MRCF",
        "virtual": "a group of LDEVs is a virtual array of that serial",
        "other-agent": "the agent that answers is that of another array",
    }
    company = "60060e80"
    target_name = "iqn.1994-04.jp.co.hitachi:rsd.h8m.t.{id}"
    usual_model = "M8M"
    serial_digits = 6

    def named(self, words: list[str]) -> str:
        """`raidcom … -IUNIT`, or `snmpwalk -On vsp-UNIT …`."""
        if words[0] == "snmpwalk":
            return words[2].removeprefix("vsp-") if len(words) == 4 and words[2].startswith("vsp-") else ""
        return words[-1].removeprefix("-I") if words[-1].startswith("-I") else ""

    def missing(self, words: list[str]) -> Said:
        """Neither the instance nor the agent answers, or there is no such program."""
        if words[0] == "snmpwalk":
            return Said(err=f"Timeout: No Response from {words[-1][:40]}\n".encode(), status=1)
        if words[0] not in ("raidcom", "raidqry"):
            return Said(err=f"bash: {words[0][:40]}: command not found\n".encode(), status=127)
        return Said(err=f"{words[0]}: [EX_ATTHOR] Can't be attached to HORC manager\n".encode(), status=251)

    def tell(self, words: list[str]) -> Said:
        """Run one command."""
        commands: dict[tuple[str, ...], Callable[[HitachiVsp], list[str]]] = {
            ("raidqry", "-l"): _instance,
            ("raidcom", "get", "path"): _paths,
            ("raidcom", "get", "pool"): _pools,
            ("raidcom", "get", "port"): _ports,
            ("raidcom", "get", "resource", "-key", "opt"): _resources,
            ("raidcom", "get", "ldev", "-ldev_list", "defined"): _ldevs,
            ("snmpwalk", "-On", f"{MIB}.6.1"): _controllers,
            ("snmpwalk", "-On", f"{MIB}.7.1"): _drives,
        }
        asked = (*words[:2], words[3]) if words[0] == "snmpwalk" else tuple(words[:-1])
        command = commands.get(asked)
        if command is None:
            return Said(err=f"{words[0][:40]}: [EX_INVARG] Invalid argument\n".encode(), status=253)
        return Said("".join(f"{line}\n" for line in command(self)).encode())


def _instance(array: HitachiVsp) -> list[str]:
    code = "/".join(array.told_version.rsplit("-", 1))
    return [
        " No  Group    Hostname     HORCM_ver   Uid   Serial#   Micro_ver     Cache(MB)",
        f"  1    ---    lab-hds-1  01-54-03/00     0  {array.serial:>8}   {code}      131072",
    ]


def _paths(_array: HitachiVsp) -> list[str]:
    return ["PHG Group STS CM IF MP Port WWN PR LUN PHS Serial# Product_ID LB PM DM QD TO PBW"]


def _pools(array: HitachiVsp) -> list[str]:
    count = len(array.controller.units)
    return [
        "PID  POLS  U(%)  AV_CAP(MB)  TP_CAP(MB)  W(%)  H(%)  Num  LDEV#  LCNT  TL_CAP(MB)",
        f"000  POLN    51      204800      409600    70    80    1   1024  {count:>4}      409600",
    ]


def _ports(array: HitachiVsp) -> list[str]:
    lines = ["PORT   TYPE  ATTR   SPD  LPID  FAB  CONN  SSW  SL   Serial#               WWN  PHY_PORT"]
    root = array.controller.identity.port_root
    for number, port in enumerate(("CL1-A", "CL2-A")):
        lines.append(
            f"{port}  FIBRE TAR    AUT    EF  N    FCAL  N    0    {array.serial}  50060e80{root[:-2]}{number}0  -"
        )
    return [*lines, f"CL1-B  ISCSI TAR    10G    00  N    UNKN  N    0    {array.serial}                 -  -"]


def _resources(array: HitachiVsp) -> list[str]:
    lines = ["RS_GROUP                RGID  V_Serial#  V_ID  V_IF  Serial#"]
    lines.append(f"meta_resource              0     {array.serial}  {array.model}   Y     {array.serial}")
    if other := array.faults.get("virtual"):
        lines.append(f"moved from elsewhere       1     {other}  {array.model}   Y     {array.serial}")
    return lines


def _ldevs(array: HitachiVsp) -> list[str]:
    lines: list[str] = []
    paired, _, word = array.faults.get("pair", "").partition("=")
    for number, unit in sorted(array.controller.units.items()):
        lines += [f"Serial#  : {array.serial}", f"LDEV : {number}", "SL : 0", "CL : 0", "VOL_TYPE : OPEN-V-CVS"]
        lines += [f"VOL_Capacity(BLK) : {len(unit.data) // 512}", "NUM_PORT : 1", f"PORTs : CL1-A-1 {number} lab-host"]
        lines += [f"VOL_ATTR : CVS : HDP{f' : {word}' if paired == str(number) else ''}", "B_POOLID : 0"]
        lines += ["LDEV_NAMING : ", "STS : NML", "OPE_TYPE : NONE", "SSID : 0004"]
        lines += ["ALUA : Disable"] if array.version >= NEWER else []
        lines += ["RSGID : 0", ""]
    return lines


def _walked(array: HitachiVsp, kind: int, states: list[int]) -> list[str]:
    serial = f"{int(array.serial) + 1:06}" if "other-agent" in array.faults else array.serial
    row = ".".join(str(part) for part in (len(serial), *serial.encode()))
    lines = [f'{MIB}.{kind}.1.1.{row} = STRING: "{serial}"']
    return [*lines, *(f"{MIB}.{kind}.1.{at}.{row} = INTEGER: {state}" for at, state in enumerate(states, start=2))]


def _controllers(array: HitachiVsp) -> list[str]:
    away = any(state != "online" for state in array.controllers.values())
    processor = 3 if "partner-dead" in array.faults else 5 if away else 1
    return _walked(array, 6, [processor, 1, 1, 1, 1, 4 if "refuses-precheck" in array.faults else 1, 1, 1])


def _drives(array: HitachiVsp) -> list[str]:
    drive = 2 if "drive-failed" in array.faults else 5 if "rebuild" in array.faults else 1
    return _walked(array, 7, [1, 1, 1, drive])
