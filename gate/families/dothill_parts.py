"""
The controllers of an array of the Seagate/DotHill family: part number, serial and firmware of each.

`show controllers` tells all of it in one object per controller: `part-number`, `serial-number`, `sc-fw`, `status`
(public API models of MSA and ME arrays name these properties). That both controllers sit in enclosure 0 is from
memory [M]; a change that names another enclosure finds no part there.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from gate.evidence import Part, Reply
from gate.families.dothill_answer import objects, word
from gate.families.dothill_health import laid_to
from gate.families.family import Facts, Reader, Unreadable

ENCLOSURE = "0"
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
SIDE = re.compile(r"[AB]")


def _rows(reply: Reply) -> list[dict[str, Any]]:
    rows = objects(reply, "controllers")
    sides = [word(row, "controller-id") for row in rows]
    if any(not SIDE.fullmatch(side) for side in sides) or len(set(sides)) != len(sides):
        raise Unreadable("its controllers are not A and B")
    return rows


def _label(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and LABEL.fullmatch(value) else None


def _controllers(reply: Reply) -> Facts:
    """
    Return each property of all controllers, framed so that `*/B=NAME/*` finds that of controller B as a whole.

    A controller that does not tell one is left out of that frame: nothing matches it then.
    """
    rows = _rows(reply)
    facts = {"count": str(len(rows))}
    for fact, key in (("serials", "serial-number"), ("parts", "part-number"), ("firmware", "sc-fw")):
        told = [f"{word(row, 'controller-id')}={label}" for row in rows if (label := _label(row, key))]
        facts[fact] = f"/{'/'.join(told)}/"
    states = [f"{word(row, 'controller-id')}={word(row, 'status').lower().replace(' ', '-')}" for row in rows]
    return facts | {"states": f"/{'/'.join(states)}/"}


def _cabled(reply: Reply) -> Facts:
    """Name the controllers of which a host port is up, between slashes [M for the property `controller`]."""
    rows = objects(reply, "port", "ports")
    sides = sorted({word(row, "controller") for row in rows if word(row, "status") == "Up"})
    if any(not SIDE.fullmatch(side) for side in sides):
        raise Unreadable("a port is of a controller that is neither A nor B")
    return {"up": f"/{'/'.join(sides)}/"}


READERS: Mapping[str, Reader] = {
    "controllers": Reader(("count", "serials", "parts", "firmware", "states"), _controllers),
    "ports": Reader(("up",), _cabled),
}


def parts(questions: Mapping[str, str]) -> Generator[str, Reply, tuple[Part, ...]]:
    """Ask for both controllers, and for the rest where one does not serve; a question is yielded, its reply sent."""
    rows = _rows((yield questions["controllers"]))
    found = []
    for row in rows:
        part = _part(row)
        if not part.well:
            troubles, ports = yield from laid_to(part.slot, rows, questions)
            part = replace(part, ports=ports, troubles=troubles)
        found.append(part)
    return tuple(found)


def _part(row: dict[str, Any]) -> Part:
    return Part(
        what="controller",
        enclosure=ENCLOSURE,
        slot=word(row, "controller-id"),
        place=word(row, "controller-id"),
        part=_label(row, "part-number"),
        serial=_label(row, "serial-number"),
        firmware=_label(row, "sc-fw"),
        state=word(row, "status").lower(),
        well=word(row, "status") == "Operational" and row.get("health-numeric") == 0,
    )
