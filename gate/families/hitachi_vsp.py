"""
Hitachi VSP through the Command Control Interface (`raidcom`, `raidqry`) and SNMP on a management host (array-clis 6.4).

The host runs one HORCM instance per array, and `-I` names it; two identities are checked, the host's key and the serial
in the answer. Microcode is loaded by Hitachi. CCI does not tell how processors, cache and drives are: the array's own
SNMP agent does (RAID-MIB of Hitachi; Checkmk and Centreon read it), and is asked by the tool of Net-SNMP under the name
`vsp-` and the instance. Address and credential of that name are in `~/.snmp/hosts/` of the login, so no word of a
command is a secret. That a processor is in service while it is loaded is from memory [M] and never decides alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text
from gate.families.hitachi_vsp_tables import QUESTIONS as OF_LDEVS
from gate.families.hitachi_vsp_tables import read_ldevs, read_model, read_ports, table, volumes_of
from gate.families.reading import Asked

MIB = ".1.3.6.1.4.1.116.5.11.4.1.1"
QUESTIONS: Mapping[str, str] = {
    "instance": "raidqry -l -I{unit}",
    "controllers": f"snmpwalk -On vsp-{{unit}} {MIB}.6.1",
    "drives": f"snmpwalk -On vsp-{{unit}} {MIB}.7.1",
    "paths": "raidcom get path -I{unit}",
    "pools": "raidcom get pool -I{unit}",
    **OF_LDEVS,
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"raidqry -l -I[0-9]{1,4}",
        r"raidcom get (path|pool|port|drive|parity_grp|quorum) -I[0-9]{1,4}",
        r"raidcom get resource -key opt -I[0-9]{1,4}",
        r"raidcom get ldev -ldev_list defined -I[0-9]{1,4}",
        rf"snmpwalk -On vsp-[0-9]{{1,4}} {re.escape(MIB)}\.[67]\.1",
    )
)
MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = (
    (re.compile(r"^(raidcom|raidqry|horc|pair)"), "it changes the array, and Hitachi does that in an attended step"),
    (re.compile(r"^snmp"), "it sets something at the array's agent, or asks what no playbook needs"),
)

MICROCODE = re.compile(r"(\d{2}-\d{2}-\d{2})/(\d{2})", re.ASCII)
SERIAL = re.compile(r"\d{5,7}", re.ASCII)
WALKED = re.compile(
    rf"{re.escape(MIB)}\.([67])\.1\.(\d{{1,3}})((?:\.\d{{1,10}}){{1,40}}) = (STRING|INTEGER): (.{{1,80}})"
)
STATE = re.compile(r"(?:[A-Za-z]{1,20}\()?([0-9])\)?")
STATES = {"1": "well", "2": "acute", "3": "serious", "4": "moderate", "5": "in service"}
CONTROLLERS = ("processor", "internal bus", "cache", "shared memory", "power", "battery", "fan", "environment")
DRIVES = ("drive power", "drive fan", "drive environment", "drive")
"""What the columns after the serial are of, from the second on."""

WELL = "well"


def _instance(reply: Reply) -> Facts:
    """Return serial and microcode, `83-05-40/00` spelled `83-05-40-00`."""
    rows = table(reply, ("Serial#", "Micro_ver"))
    codes = {MICROCODE.fullmatch(row["Micro_ver"]) for row in rows}
    serials = {row["Serial#"] for row in rows}
    told = {f"{code.group(1)}-{code.group(2)}" for code in codes if code}
    if len(serials) != 1 or len(told) != 1 or None in codes or not SERIAL.fullmatch(min(serials)):
        raise Unreadable("it does not tell one serial and one microcode")
    return {"serial": serials.pop(), "version": told.pop()}


def _hardware(reply: Reply, parts: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return serial and the state of each part; Unreadable unless the agent tells all of one array and no other."""
    text = whole_text(reply)
    found: dict[int, str] = {}
    rows: set[str] = set()
    for line in text.splitlines():
        match = WALKED.fullmatch(line.strip())
        if match is None or int(match.group(2)) in found:
            raise Unreadable(f'"{line[:60]}" is no object of the list, or one that was told before')
        found[int(match.group(2))] = match.group(5).strip().strip('"')
        rows.add(match.group(3))
    if not text.endswith("\n") or len(rows) != 1 or not set(range(1, len(parts) + 2)) <= found.keys():
        raise Unreadable("the agent does not tell the state of every part of one array")
    if not SERIAL.fullmatch(found[1]):
        raise Unreadable("the agent does not tell of which array it speaks")
    codes = {part: STATE.fullmatch(found[number]) for number, part in enumerate(parts, start=2)}
    return found[1], {part: STATES.get(code.group(1), "unknown") if code else "unknown" for part, code in codes.items()}


def _controllers(reply: Reply) -> Facts:
    serial, states = _hardware(reply, CONTROLLERS)
    ill = [f"{part} {state}" for part, state in states.items() if state != WELL]
    told = {"serial": serial, "processor": states["processor"], "ill": ", ".join(ill)}
    return told | {"normal": "no" if ill else "yes"}


def _paths(reply: Reply) -> Facts:
    rows = table(reply, ("PHG", "Port", "PHS"), empty_means_none=True)
    bad = [row for row in rows if row["PHS"] != "NML"]
    return {"count": str(len(rows)), "normal": "no" if bad else "yes"}


READERS: Mapping[str, Reader] = {
    "instance": Reader(("serial", "version"), _instance),
    "controllers": Reader(("serial", "normal", "processor", "ill"), _controllers),
    "paths": Reader(("count", "normal"), _paths),
}


def _ill(parts: tuple[str, ...], serial: str | None) -> Callable[[Reply], list[str]]:
    def look(reply: Reply) -> list[str]:
        told, states = _hardware(reply, parts)
        if told != serial:
            raise Unreadable(f"the agent speaks of the array {told}")
        return [f"{part} is {state}" for part, state in states.items() if state != WELL]

    return look


def _bad_paths(reply: Reply) -> list[str]:
    rows = table(reply, ("PHG", "Port", "PHS"), empty_means_none=True)
    return [f"path group {row['PHG']} at {row['Port']} is {row['PHS']}" for row in rows if row["PHS"] != "NML"]


def _bad_pools(reply: Reply) -> list[str]:
    rows = table(reply, ("PID", "POLS"))
    return [f"pool {row['PID']} is {row['POLS']}" for row in rows if row["POLS"] != "POLN"]


def _bad_ldevs(reply: Reply) -> list[str]:
    return [f"LDEV {one.number} is {one.status or 'of no state'}" for one in read_ldevs(reply) if one.status != "NML"]


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    No path is that of an array without others behind it; whether LDEVs lie on those is told by the list of them. Idle
    is said only while the processors are well: one that is loaded restarts.
    """
    asked = Asked(replies)
    told = asked.read("instance", _instance) or {}
    serial = told.get("serial")
    model = asked.read("resources", lambda reply: read_model(reply, told.get("version", "")))
    processor = (asked.read("controllers", _controllers) or {}).get("processor")
    volumes, own = volumes_of(asked, serial, model)
    health = {"controllers": _ill(CONTROLLERS, serial), "drives": _ill(DRIVES, serial)}
    return asked.reading(
        array,
        now,
        told | ({"model": model} if model else {}),
        ports=tuple(f"naa.{port}" for port in asked.read("ports", read_ports) or ()),
        update_state="idle" if processor == WELL else processor and f"processor {processor}",
        problems=asked.problems(health | {"paths": _bad_paths, "pools": _bad_pools, "ldevs": _bad_ldevs}),
        volumes=volumes,
        backends=() if own else None,
    )


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
