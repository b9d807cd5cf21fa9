"""
Hitachi VSP through the Command Control Interface (`raidcom`, `raidqry`) on a management host (array-clis, 6.4).

The host runs one HORCM instance per array, and `-I` names it; two identities are checked, the host's key and the serial
in the answer. Microcode is loaded by Hitachi. CCI does not tell the model, so a reading is never whole: such an array
can be looked at, and no change can be opened for it yet. What was not seen in public scripts (`raidqry`) is [M] and
never decides alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text
from gate.families.reading import Asked

QUESTIONS: Mapping[str, str] = {
    "instance": "raidqry -l -I{unit}",
    "paths": "raidcom get path -I{unit}",
    "pools": "raidcom get pool -I{unit}",
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (r"raidqry -l -I[0-9]{1,4}", r"raidcom get (path|pool|port|drive|parity_grp|quorum) -I[0-9]{1,4}")
)
MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = ((re.compile(r"^(raidcom|horc|pair)"), "it changes the array, and Hitachi does that in an attended step"),)

MICROCODE = re.compile(r"(\d{2}-\d{2}-\d{2})/(\d{2})", re.ASCII)
SERIAL = re.compile(r"\d{5,7}", re.ASCII)


def _table(reply: Reply, needed: tuple[str, ...]) -> list[dict[str, str]]:
    """Return rows of a table with blanks between its values; Unreadable where a row has not as many as there are."""
    text = whole_text(reply)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not text.endswith("\n") or len(lines) < 2:
        raise Unreadable("the table is empty or stops in the middle of a line")
    head, *rows = lines
    missing = [name for name in needed if head.count(name) != 1]
    if missing or len(set(head)) != len(head):
        raise Unreadable(f"the table has not one column {', '.join(missing) or 'of each name'}")
    if any(len(row) != len(head) for row in rows):
        raise Unreadable("a row has not as many values as the header has columns")
    return [dict(zip(head, row, strict=True)) for row in rows]


def _instance(reply: Reply) -> Facts:
    """Return serial and microcode, `83-05-40/00` spelled `83-05-40-00`."""
    rows = _table(reply, ("Serial#", "Micro_ver"))
    codes = {MICROCODE.fullmatch(row["Micro_ver"]) for row in rows}
    serials = {row["Serial#"] for row in rows}
    told = {f"{code.group(1)}-{code.group(2)}" for code in codes if code}
    if len(serials) != 1 or len(told) != 1 or None in codes or not SERIAL.fullmatch(min(serials)):
        raise Unreadable("it does not tell one serial and one microcode")
    return {"serial": serials.pop(), "version": told.pop()}


def _paths(reply: Reply) -> Facts:
    rows = _table(reply, ("PHG", "Port", "PHS"))
    bad = [row for row in rows if row["PHS"] != "NML"]
    return {"count": str(len(rows)), "normal": "no" if bad else "yes"}


READERS: Mapping[str, Reader] = {
    "instance": Reader(("serial", "version"), _instance),
    "paths": Reader(("count", "normal"), _paths),
}


def _bad_paths(reply: Reply) -> list[str]:
    rows = _table(reply, ("PHG", "Port", "PHS"))
    return [f"path group {row['PHG']} at {row['Port']} is {row['PHS']}" for row in rows if row["PHS"] != "NML"]


def _bad_pools(reply: Reply) -> list[str]:
    rows = _table(reply, ("PID", "POLS"))
    return [f"pool {row['PID']} is {row['POLS']}" for row in rows if row["POLS"] != "POLN"]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {"paths": _bad_paths, "pools": _bad_pools}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """Return what CCI tells of the array: never its model, and never whether an update goes on."""
    asked = Asked(replies)
    told = asked.read("instance", _instance) or {}
    asked.unknown.append("update: CCI does not tell whether microcode is being loaded")
    return asked.reading(
        array, now, told, ports=(), update_state=None, problems=asked.problems(HEALTH), volumes=None, backends=None
    )


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
