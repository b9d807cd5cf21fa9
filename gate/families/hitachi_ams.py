"""
Hitachi AMS and HUS through Storage Navigator Modular 2 (`auunitinfo` …) on a management host (array-clis, 6.3).

The arrays have no command line of their own: the gate logs in to a host that manages them and names the array as it is
registered there, so two identities are checked, the host's key and the array's own serial in its answer. Hitachi's
people load the firmware. `STONAVM_RSP_PASS=on` in the tool's environment answers its own questions in advance; no
command here has one to answer. What public collectors do not show of a layout is [M] and never decides alone.
Units and pairs are in `hitachi_ams_units`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable
from gate.families.hitachi_ams_units import QUESTIONS as OF_UNITS
from gate.families.hitachi_ams_units import (
    WAITS,
    lines_of,
    read_ports,
    read_units,
    refused,
    volumes_of,
)
from gate.families.reading import Asked

QUESTIONS: Mapping[str, str] = {
    "unit": "auunitinfo -unit {unit}",
    "parts": "auparts -unit {unit}",
    "drives": "audrive -unit {unit} -status",
    "targets": "autargetdef -unit {unit} -refer",
    **OF_UNITS,
}

READ_ONLY = (
    re.compile(r"(auunitinfo|auparts) -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII),
    re.compile(r"(audrive) -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62} -(status|vendor)", re.ASCII),
    re.compile(r"(auluref|aurgref) -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62} -g", re.ASCII),
    re.compile(r"auluref -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII),
    re.compile(r"autargetdef -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62} -refer", re.ASCII),
    re.compile(r"(aufibre1|aureplication(local|remote)) -unit [A-Za-z0-9][A-Za-z0-9._-]{0,62} -refer", re.ASCII),
)
MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = ((re.compile(r"^au"), "it changes the array, and Hitachi's people do that in an attended step"),)

REVISION = re.compile(r"(\d{4})/([A-Z])(?:-([A-Z0-9]{1,3}))?", re.ASCII)
SERIAL = re.compile(r"\d{5,12}", re.ASCII)
TITLE = re.compile(r"[A-Za-z][A-Za-z/#.() -]{0,110}", re.ASCII)
ISCSI_NAME = re.compile(r"iSCSI Name\s*: (iqn\.[A-Za-z0-9.:-]{1,200})")
NORMAL = "Normal"
AT_REST = (NORMAL, "Standby")
"""A drive in use, and a spare that waits [M for the words]."""


def _unit(reply: Reply) -> Facts:
    """Return serial, model and firmware revision, `0893/B-S` spelled `0893-B-S`."""
    told: dict[str, str] = {}
    for line in lines_of(reply):
        key, colon, value = (part.strip() for part in line.partition(" :"))
        if colon:
            key = " ".join(key.split())
            if key in told:
                raise Unreadable(f"it tells its {key[:40]} twice")
            told[key] = value.strip(": ")
    serial, model = told.get("Serial Number", ""), told.get("Array Unit Type", "")
    revision = REVISION.fullmatch(told.get("Firmware Revision", ""))
    if not SERIAL.fullmatch(serial) or not re.fullmatch(r"[A-Za-z0-9]{3,20}", model) or revision is None:
        raise Unreadable("it does not tell serial, type and firmware revision")
    version = "-".join(part for part in revision.groups() if part)
    dual = told.get("Construction", "")
    return {"serial": serial, "model": model, "version": version, "construction": dual[:20]}


def _ill(reply: Reply, good: tuple[str, ...], what: str) -> list[str]:
    """
    Name every numbered row that does not end with a good word.

    A line that is neither a row nor a title spoils the list: it may be a part in a state that nobody knows.
    """
    found, rows = [], 0
    for line in lines_of(reply):
        words = line.split()
        if words[0].isdecimal() and len(words) > 1:
            rows += 1
            if words[-1] not in good:
                found.append(f"{what} {line[:60]}")
        elif not TITLE.fullmatch(line):
            raise Unreadable(f'"{line[:60]}" is neither a title nor a part')
    if rows < 2:
        raise Unreadable(f"it lists {rows} of them, not two or more")
    return found


def _parts(reply: Reply) -> Facts:
    ill = _ill(reply, (NORMAL,), "part")
    return {"normal": "no" if ill else "yes", "ill": "; ".join(ill)[:300]}


def _targets(reply: Reply) -> tuple[str, ...]:
    """Return the iSCSI names of its targets, in the shape of public drivers; none where the tool knows of no iSCSI."""
    if refused(reply):
        return ()
    lines = lines_of(reply)
    targets = [line for line in lines if re.match(r"\d{3}:\S", line)]
    names = [match.group(1) for line in lines if (match := ISCSI_NAME.fullmatch(line))]
    if not targets or len(names) != len(targets):
        raise Unreadable(f"it shows {len(targets)} targets and {len(names)} names of targets")
    return tuple(dict.fromkeys(names))


READERS: Mapping[str, Reader] = {
    "unit": Reader(("serial", "model", "version", "construction"), _unit),
    "parts": Reader(("normal", "ill"), _parts),
}


def _bad_unit(reply: Reply) -> list[str]:
    construction = _unit(reply)["construction"]
    return [] if construction == "Dual" else [f"its construction is {construction or 'not told'}, not Dual"]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "unit": _bad_unit,
    "parts": lambda reply: _ill(reply, (NORMAL,), "part"),
    "drives": lambda reply: _ill(reply, AT_REST, "drive"),
    "units": lambda reply: [
        f"unit {one.number} is {one.status}" for one in read_units(reply) if one.status not in (NORMAL, WAITS)
    ],
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    No question asks for an update itself: idle is said only while every part is normal, since a controller that is
    loaded restarts. An AMS or HUS 100 keeps its units on its own drives; what virtualises is of the VSP's family.
    """
    asked = Asked(replies)
    unit = asked.read("unit", _unit) or {}
    parts = asked.read("parts", _parts)
    ports = asked.read("ports", read_ports)
    state = None if parts is None else "idle" if parts["normal"] == "yes" else "not at rest"
    return asked.reading(
        array,
        now,
        unit,
        ports=(*(asked.read("targets", _targets) or ()), *(f"naa.{port}" for port in ports or ())),
        update_state=state,
        problems=asked.problems(HEALTH),
        volumes=volumes_of(asked, ports, unit.get("serial")),
        backends=(),
    )


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
