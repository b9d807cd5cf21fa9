"""
Tables and lists of CCI: ports, resource groups and LDEVs, and under what names hosts see these.

Columns and keys as in the maker's own public driver with its tests (cinder, vsp_horcm) and its Python wrapper of CCI
(hiraid). The list of LDEVs says that one is of a pair and not of which, so a pair leaves the volumes unknown; so does a
virtual storage machine, whose LDEVs hosts see under another array's name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gate.evidence import Reply, Volume
from gate.families.family import Unreadable, whole_text
from gate.families.hitachi_names import of_vsp
from gate.families.reading import Asked

QUESTIONS: Mapping[str, str] = {
    "resources": "raidcom get resource -key opt -I{unit}",
    "ports": "raidcom get port -I{unit}",
    "ldevs": "raidcom get ldev -ldev_list defined -I{unit}",
}

NUMBER = re.compile(r"\d{1,5}")
BLOCKS = re.compile(r"\d{1,15}")
WORD = re.compile(r"[A-Z][A-Z0-9]{1,7}")
SINGLE = frozenset({"CVS", "HDP", "HDT", "POOL", "CMD"})
"""Attributes of an LDEV that is of no pair and on the array's own drives; ELUN is one on another array."""

OLD_CODE = {"70": "R7", "73": "M7"}
"""Models that tell no V_ID, by the first number of their microcode (hiraid)."""

NONE = "-"
BLOCK = 512


@dataclass(frozen=True)
class Ldev:
    """One LDEV; `size` in bytes."""

    number: int
    size: int
    attributes: frozenset[str]
    status: str


def table(
    reply: Reply, needed: tuple[str, ...], *, spaced: bool = False, empty_means_none: bool = False
) -> list[dict[str, str]]:
    """
    Return rows of a table with blanks between its values; Unreadable where a row has not as many as there are.

    `spaced`: values of the first column may have blanks in them. `empty_means_none`: a header alone is a table too.
    """
    text = whole_text(reply)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not text.endswith("\n") or len(lines) < (1 if empty_means_none else 2):
        raise Unreadable("the table is empty or stops in the middle of a line")
    head = lines[0].split()
    missing = [name for name in needed if head.count(name) != 1]
    if missing or len(set(head)) != len(head):
        raise Unreadable(f"the table has not one column {', '.join(missing) or 'of each name'}")
    rows = [line.rsplit(maxsplit=len(head) - 1) if spaced else line.split() for line in lines[1:]]
    if any(len(row) != len(head) for row in rows):
        raise Unreadable("a row has not as many values as the header has columns")
    return [dict(zip(head, row, strict=True)) for row in rows]


def read_ports(reply: Reply) -> tuple[str, ...]:
    """Return the WWNs of its Fibre Channel ports in lower case."""
    rows = table(reply, ("PORT", "TYPE", "WWN"))
    found = tuple(row["WWN"].lower() for row in rows if row["TYPE"] == "FIBRE")
    if not found or any(not re.fullmatch("[0-9a-f]{16}", name) for name in found):
        raise Unreadable("it does not tell the names of its Fibre Channel ports")
    return tuple(dict.fromkeys(found))


def read_model(reply: Reply, version: str) -> str:
    """Return the word by which CCI names the model: the V_ID of the first group, or told by an old microcode."""
    rows = table(reply, ("RGID", "V_ID"), spaced=True)
    first = [row["V_ID"] for row in rows if row["RGID"] == "0"]
    told = first[0] if len(first) == 1 else ""
    told = OLD_CODE.get(version.partition("-")[0], "") if told == NONE else told
    if not WORD.fullmatch(told):
        raise Unreadable("it does not tell its model")
    return told


def read_ldevs(reply: Reply) -> list[Ldev]:
    """Return every LDEV that is defined; Unreadable for a block that is not understood, or one number twice."""
    text = whole_text(reply)
    if not text.endswith("\n"):
        raise Unreadable("the list stops in the middle of a line")
    blocks = [block for block in re.split(r"\n[ \t]*\n", text.strip()) if block.strip()]
    found = [_ldev(block) for block in blocks]
    if not found or len({one.number for one in found}) != len(found):
        raise Unreadable("it lists no LDEV, or one twice")
    return found


def _ldev(block: str) -> Ldev:
    told: dict[str, str] = {}
    for line in block.splitlines():
        key, colon, value = line.partition(":")
        key = " ".join(key.split())
        if not colon or key in told:
            raise Unreadable(f'"{line[:60]}" is no key of an LDEV, or one that it told before')
        told[key] = value.strip()
    number, size = told.get("LDEV", ""), told.get("VOL_Capacity(BLK)", "")
    if not NUMBER.fullmatch(number) or not BLOCKS.fullmatch(size) or not {"VOL_ATTR", "STS"} <= told.keys():
        raise Unreadable(f'LDEV "{number[:40]}" does not tell number, size, attributes and state, or is a virtual one')
    return Ldev(int(number), int(size) * BLOCK, frozenset(told["VOL_ATTR"].split(" : ")), told["STS"][:20])


def volumes_of(asked: Asked, serial: str | None, model: str | None) -> tuple[tuple[Volume, ...] | None, bool]:
    """Return every volume, None unless each is of no pair; and whether all of them are on the array's own drives."""
    ports, ldevs = asked.read("ports", read_ports), asked.read("ldevs", read_ldevs)
    groups = asked.read("resources", lambda reply: table(reply, ("RGID", "V_Serial#"), spaced=True))
    if ports is None or ldevs is None or groups is None or serial is None or model is None:
        return None, False
    try:
        if strange := [row["RGID"] for row in groups if row["V_Serial#"] not in (serial, NONE)]:
            raise Unreadable(f"resource group {strange[0]} is a virtual array, and its LDEVs have that one's names")
        own = all(one.attributes <= SINGLE for one in ldevs)
        if other := sorted(word for one in ldevs for word in one.attributes - SINGLE):
            raise Unreadable(f"an LDEV is {other[0][:20]}, and of what it is a copy is not told")
        named = [(one, of_vsp(ports, serial, model, one.number)) for one in ldevs]
    except Unreadable as error:
        asked.unknown.append(f"volumes: {error}")
        return None, False
    return tuple(Volume(str(one.number), f"LDEV {one.number}", uid, one.size) for one, uid in named), own
