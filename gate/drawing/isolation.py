"""
The isolation picture: where the data lies, where its backup lies, and what stands between them.

Geometry only; templates/parts/isolation.html draws it. Two arrays are two boxes with a wall between; one shared array
is one box under both, so that a shared fate is seen before it is read. The portrait layout is for phones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gate.drawing.fitting import fitted

TONES = {"different": "good", "same": "bad", "unknown": "warn"}
SAID = {
    "different": "Apart",
    "same": "Shared fate",
    "unknown": "Not known",
}


@dataclass(frozen=True)
class Box:
    """One thing on the way: a host, a mounted path, an array."""

    x: int
    y: int
    w: int
    h: int
    icon: str
    title: str
    note: str
    lines: tuple[str, ...] = ()
    tone: str = "plain"


@dataclass(frozen=True)
class Line:
    """One link; a dashed one was not measured to its end."""

    x1: int
    y1: int
    x2: int
    y2: int
    tone: str = "plain"


@dataclass(frozen=True)
class Badge:
    """What the measurement says, in the middle."""

    x: int
    y: int
    tone: str
    word: str
    icon: str


@dataclass(frozen=True)
class Picture:
    """A drawing of one dataset and its backup."""

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    badge: Badge
    wall: Line | None
    heads: tuple[tuple[int, int, str], ...] = ()


def title(isolation: Mapping[str, Any]) -> str:
    """Name the picture for those who hear it."""
    backup = isolation["protection"] or "no backup"
    return f"{isolation['dataset']} and {backup}: {SAID[isolation['relation']].lower()}"


def told(isolation: Mapping[str, Any]) -> str:
    """Tell the whole picture in sentences, for those who hear it."""
    sentences = []
    for what, side in (("The data", isolation["source"]), ("The backup", isolation["backup"])):
        known = f"array {side['array']}, serial {side['serial']}" if side["array"] else _elsewhere(side)
        way = f"{side['path']} on host {side['host']}" if side["host"] else "a place nobody could ask about"
        sentences.append(f"{what}: {way}, on {known or 'an array that is not known'}.")
    return " ".join([*sentences, f"{SAID[isolation['relation']]}: {isolation['because']}."])


def landscape(isolation: Mapping[str, Any], number: int) -> Picture:
    """Draw data on the left, backup on the right."""
    tone = TONES[isolation["relation"]]
    boxes: list[Box] = []
    lines: list[Line] = []
    for x, side, who in ((16, isolation["source"], _data(isolation)), (432, isolation["backup"], _backup(isolation))):
        host, path = _host(side, who, x, 34, 312), _path(side, x, 128, 312)
        boxes += [host, path]
        middle = x + 156
        lines += [Line(middle, 90, middle, 128), Line(middle, 184, middle, 226, tone if tone != "good" else "plain")]
        if isolation["relation"] != "same":
            boxes.append(_array(side, x, 226, 312, tone))
    wall = None
    if isolation["relation"] == "same":
        boxes.append(_shared(isolation, 16, 226, 728, 44))
    else:
        wall = Line(380, 34, 380, 306, tone)
    badge = Badge(380, 109, tone, SAID[isolation["relation"]], {"good": "yes", "bad": "no", "warn": "ask"}[tone])
    heads = ((16, 20, "Data"), (432, 20, "Backup"))
    return Picture(f"wide-{number}", 760, 322, tuple(boxes), tuple(lines), badge, wall, heads)


def portrait(isolation: Mapping[str, Any], number: int) -> Picture:
    """Draw data above, backup below, its array uppermost: array over array, as they would meet."""
    tone = TONES[isolation["relation"]]
    source, backup, same = isolation["source"], isolation["backup"], isolation["relation"] == "same"
    x, w, m = 8, 324, 170
    link = tone if tone != "good" else "plain"
    boxes = [_host(source, _data(isolation), x, 26, w), _path(source, x, 108, w)]
    lines = [Line(m, 82, m, 108), Line(m, 164, m, 190, link)]
    if same:
        boxes.append(_shared(isolation, x, 190, w, 36))
        lines.append(Line(m, 270, m, 296, link))
        below, badge, wall = 296, Badge(m, 190, tone, SAID["same"], "no"), None
    else:
        boxes += [_array(source, x, 190, w, tone), _array(backup, x, 330, w, tone)]
        wall = Line(x, 300, x + w, 300, tone)
        badge = Badge(m, 300, tone, SAID[isolation["relation"]], "yes" if tone == "good" else "ask")
        lines.append(Line(m, 410, m, 436, link))
        below = 436
    boxes += [_path(backup, x, below, w), _host(backup, _backup(isolation), x, below + 82, w)]
    lines.append(Line(m, below + 56, m, below + 82))
    heads = ((x, 16, "Data"), (x, below + 156, "Backup"))
    return Picture(f"tall-{number}", 340, below + 164, tuple(boxes), tuple(lines), badge, wall, heads)


def _elsewhere(side: Mapping[str, Any]) -> str:
    """Name the appliance, service or tape that the way is known to end at; nothing where that is an array."""
    if side["array"] or not side["known"]:
        return ""
    return " + ".join(f"{one['kind'].replace('-', ' ')} {one['name']}" for one in side["elements"])


def _data(isolation: Mapping[str, Any]) -> str:
    return f"runs {isolation['dataset']}"


def _backup(isolation: Mapping[str, Any]) -> str:
    return f"keeps {isolation['protection']}" if isolation["protection"] else "no protection makes backups of it"


def _host(side: Mapping[str, Any], note: str, x: int, y: int, w: int) -> Box:
    return Box(
        x, y, w, 56, "host", side["host"] or "host not known", fitted(note, (w - 60) // 8), (), _known(side["host"])
    )


def _path(side: Mapping[str, Any], x: int, y: int, w: int) -> Box:
    disks = [hop["name"] for hop in side["hops"] if hop["kind"] in ("mpath", "disk")]
    lun = f"LUN {side['lun']}" if side["lun"] else side["problem"]
    note = f"{', '.join(disks)} · {lun}" if disks and side["lun"] else lun
    note = note or ("no LUN" if _elsewhere(side) else "its LUN is not known")
    return Box(
        x, y, w, 56, "mount", fitted(side["path"] or "path not known", (w - 60) // 9), fitted(note, (w - 60) // 8), ()
    )


def _array(side: Mapping[str, Any], x: int, y: int, w: int, tone: str) -> Box:
    if _elsewhere(side):
        kinds = " + ".join(dict.fromkeys(one["kind"].replace("-", " ") for one in side["elements"]))
        names = fitted(", ".join(one["name"] for one in side["elements"]), (w - 60) // 8)
        return Box(x, y, w, 80, "mount", kinds.capitalize(), names, (), "good" if tone == "good" else "plain")
    if not side["array"]:
        return Box(x, y, w, 80, "array", "Array not known", "no measured identity leads to one", (), "unknown")
    note = f"{side['site']} · serial {side['serial']}"
    ports = tuple(fitted(port, (w - 60) // 8) for port in side["target_ports"][:1])
    return Box(
        x, y, w, 80, "array", side["array"], fitted(note, (w - 60) // 8), ports, "good" if tone == "good" else "plain"
    )


def _shared(isolation: Mapping[str, Any], x: int, y: int, w: int, most: int) -> Box:
    side = isolation["source"] if isolation["source"]["array"] else isolation["backup"]
    ports = [fitted(port, most) for port in isolation["shared_ports"]]
    lines = tuple(ports[:1]) + ((f"and {len(ports) - 1} more shared port",) if len(ports) > 1 else ())
    note = "one array carries data and backup" if not ports else "both use the same target ports"
    return Box(x, y, w, 80, "array", side["array"] or "One and the same array", note, lines[:1], "bad")


def _known(name: str) -> str:
    return "plain" if name else "unknown"
