"""
Which units a Hitachi AMS or HUS has, which of them are copies of others, and under what names hosts see them.

The lists of ports, units and local pairs have the layout of the maker's own public driver and its tests (cinder,
hbsd_snm2). How an array without pairs answers is from memory, a title without rows; so is the title of remote pairs
[M]: anything else refuses, and so does one remote pair, since what its row says of the other end is not public.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gate.evidence import Reply, Volume
from gate.families.family import Unreadable, whole_text
from gate.families.hitachi_names import of_ams
from gate.families.reading import Asked

QUESTIONS: Mapping[str, str] = {
    "ports": "aufibre1 -unit {unit} -refer",
    "units": "auluref -unit {unit}",
    "pairs": "aureplicationlocal -unit {unit} -refer",
    "remote": "aureplicationremote -unit {unit} -refer",
}

REFUSAL = re.compile(r"DM[A-Z]{2}\d|error|usage", re.IGNORECASE)
PORT = re.compile(r"[01] +[0-9A-H] +[0-9A-F]{16} +([0-9A-F]{16})( .{0,60})?")
UNIT = re.compile(r"(\d{1,4}) +(\d{1,15}) (?:blocks|blks) .{0,300} \d{1,5} +(\S{1,20})")
PAIR = re.compile(
    r"(?:.{0,60}? +)?(\d{1,4}) +(\d{1,4}) +[A-Z][A-Za-z ]{2,30}\( {0,2}\d{1,3}%\) +(?:ShadowImage|SnapShot)( .{0,160})?"
)
BLOCK = 512
WAITS = "N/A(V-VOL)"
"""State of a unit that is made for a snapshot; it lies in a pool and has none of its own."""


@dataclass(frozen=True)
class AmsUnit:
    """One logical unit; `size` in bytes."""

    number: int
    size: int
    status: str


def refused(reply: Reply) -> str:
    """Return the line with which the tool refuses; empty when there is none."""
    lines = (line.strip() for line in whole_text(reply).splitlines())
    return next((line[:120] for line in lines if REFUSAL.match(line)), "")


def lines_of(reply: Reply) -> list[str]:
    """Return the lines that say something; Unreadable for a refusal, nothing, or half a line."""
    if refusal := refused(reply):
        raise Unreadable(f"the tool answered {refusal}")
    text = whole_text(reply)
    lines = [line.strip() for line in text.splitlines() if line.strip() not in ("", "%")]
    if not lines or not text.endswith("\n"):
        raise Unreadable("the reply is empty or stops in the middle of a line")
    return lines


def _after(lines: list[str], *words: str) -> list[str]:
    """Return what stands below the first line that has all the words of the title."""
    for number, line in enumerate(lines):
        if all(word in line for word in words):
            return lines[number + 1 :]
    raise Unreadable(f'there is no title with "{words[0]}"')


def read_ports(reply: Reply) -> tuple[str, ...]:
    """Return the WWNs of its Fibre Channel ports in lower case."""
    found = []
    for line in _after(lines_of(reply), "Port Name", "Node Name", "CTL"):
        if line.startswith(("Transfer", "Link")):
            break
        match = PORT.fullmatch(line)
        if match is None:
            raise Unreadable(f'"{line[:60]}" is not a port')
        found.append(match.group(1).lower())
    if not found or len(set(found)) != len(found):
        raise Unreadable("it does not tell the names of its ports")
    return tuple(found)


def read_units(reply: Reply) -> list[AmsUnit]:
    """Return every unit; Unreadable for a row that is not understood, or one number twice."""
    found = []
    for line in _after(lines_of(reply), "LU", "Capacity", "Status"):
        match = UNIT.fullmatch(line)
        if match is None:
            raise Unreadable(f'"{line[:60]}" is not a unit')
        found.append(AmsUnit(int(match.group(1)), int(match.group(2)) * BLOCK, match.group(3)))
    if not found or len({unit.number for unit in found}) != len(found):
        raise Unreadable("it lists no unit, or one twice")
    return found


def read_pairs(reply: Reply) -> list[tuple[int, int]]:
    """Return origin and copy of every pair within the array."""
    found = []
    for line in _after(lines_of(reply), "Pair Name", "Pair LUN", "Copy Type"):
        match = PAIR.fullmatch(line)
        if match is None:
            raise Unreadable(f'"{line[:60]}" is not a pair')
        found.append((int(match.group(1)), int(match.group(2))))
    return found


def read_remote(reply: Reply) -> bool:
    """Return False, since it has no pair with another array; Unreadable when it has one."""
    if rows := _after(lines_of(reply), "Pair Name", "Status"):
        raise Unreadable(f"it has {len(rows)} pairs with other arrays, and of which volumes is not told")
    return False


def volumes_of(asked: Asked, ports: tuple[str, ...] | None, serial: str | None) -> tuple[Volume, ...] | None:
    """Return every volume with what it is a copy of; None unless ports, units and both lists of pairs were read."""
    units, pairs = asked.read("units", read_units), asked.read("pairs", read_pairs)
    remote = asked.read("remote", read_remote)
    if ports is None or units is None or pairs is None or remote is None or serial is None:
        return None
    try:
        return _volumes(ports, serial, units, pairs)
    except Unreadable as error:
        asked.unknown.append(f"volumes: {error}")
        return None


def _volumes(
    ports: tuple[str, ...], serial: str, units: list[AmsUnit], pairs: list[tuple[int, int]]
) -> tuple[Volume, ...]:
    names = {unit.number: of_ams(ports, serial, unit.number) for unit in units}
    of: dict[int, list[str]] = {}
    for origin, copy in pairs:
        if origin not in names or copy not in names or origin == copy:
            raise Unreadable(f"a pair names units {origin} and {copy}, and they are not both listed")
        of.setdefault(copy, []).append(names[origin])
    if loose := [unit.number for unit in units if unit.status == WAITS and unit.number not in of]:
        raise Unreadable(f"unit {loose[0]} is made for a snapshot, and no pair tells of what")
    return tuple(
        Volume(str(one.number), f"LU {one.number}", names[one.number], one.size, tuple(of.get(one.number, ())))
        for one in units
    )
