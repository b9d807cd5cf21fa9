"""From a block device down to the disks under it, layer by layer, and to the files behind loop devices."""

import re
from dataclasses import dataclass
from typing import Any

from gate.evidence import Hop
from gate.families.family import Unreadable
from gate.families.linux_disks import identify, multipath
from gate.families.linux_nvme import KERNEL_NAME as NVME
from gate.families.linux_nvme import namespace
from gate.families.linux_way import DISKS_MAX, Asking, Way, only, word

LSBLK = "lsblk -s -J -o NAME,KNAME,TYPE,WWN,SERIAL,VENDOR,MODEL,HCTL,TRAN,MAJ:MIN {device}"
"""Always -J: the table form cuts `STK6780` to `STK67` where there is no terminal."""

LOSETUP = "losetup -J -l -O NAME,BACK-FILE"

PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")
DEVICE = re.compile(r"(/dev(?:/[A-Za-z0-9_][A-Za-z0-9._:+-]*)+)(\[/[^\]]*\])?")
KERNEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
PASSED_THROUGH = re.compile(r"lvm|mpath|part|crypt|raid(0|1|4|5|6|10)|linear|md")
"""Layers whose data lie on the devices below them, all of which lsblk names."""

DEEPEST = 16

NOT_HERE = {
    "rbd": "an image in a Ceph cluster, which nobody asks",
    "nbd": "a network block device, whose server nobody asks",
    "drbd": "a DRBD device, half of which lies on another host",
    "zram": "memory",
    "ram": "memory",
    "bcache": "a cache over a disk",
    "pmem": "memory that persists",
}
"""Begin of a kernel name → what it is; none of them leads to an array."""


@dataclass(frozen=True)
class _Disk:
    """A disk at the end of the tree, with the multipath map over it."""

    node: dict[str, Any]
    map: str


def devices(way: Way, host: str, device: str, number: str) -> Asking[list[str]]:
    """Identify every disk below a device and return the files behind loop devices, which go on elsewhere."""
    reply = yield LSBLK.format(device=device)
    top = only(way.json(reply, "lsblk"), "blockdevices", "lsblk")
    if number and top.get("maj:min") != number:
        raise Unreadable(f"lsblk speaks of another device than findmnt ({device} is {number})")
    disks: list[_Disk] = []
    loops: list[str] = []
    _descend(way, top, "", 0, disks, loops)
    maps: dict[str, list[str]] = {}
    for disk in disks:
        name = word(disk.node, "kname")
        if not KERNEL_NAME.fullmatch(name):
            raise Unreadable("a disk has no usable kernel name")
        if name not in way.lun_of:
            yield from namespace(way, host, name) if NVME.fullmatch(name) else identify(way, host, name, disk.node)
        maps.setdefault(disk.map, []).append(name)
    for map_name, names in maps.items():
        if map_name:
            yield from multipath(way, map_name, names)
    files: list[str] = []
    for loop in dict.fromkeys(loops):
        file = yield from _backing(way, loop)
        files.append(file)
    return files


def _descend(way: Way, node: dict[str, Any], over: str, depth: int, disks: list[_Disk], loops: list[str]) -> None:
    """Collect the ends of the tree; with -s `children` holds what lies below. Each layer becomes a hop."""
    name, kind, children = word(node, "name"), word(node, "type"), node.get("children", [])
    if depth > DEEPEST or not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
        raise Unreadable(f"what lies below {name} cannot be read")
    if kind == "loop" and not children:
        loops.append(name)
        return
    if kind == "disk" and not children:
        kernel_name = word(node, "kname")
        if what := next((NOT_HERE[start] for start in NOT_HERE if kernel_name.startswith(start)), ""):
            raise Unreadable(f"the way ends at {name}, {what}")
        if kernel_name not in (word(one.node, "kname") for one in disks):
            disks.append(_Disk(node, over))
        if len(disks) > DISKS_MAX:
            raise Unreadable(f"more than {DISKS_MAX} disks lie below")
        return
    if not PASSED_THROUGH.fullmatch(kind) or not children:
        raise Unreadable(f"the way ends at {name}, a {kind or 'device without a type'}: what lies below is not known")
    hop = Hop(kind, name)
    if hop not in way.hops:
        way.hops.append(hop)
    for child in children:
        _descend(way, child, name if kind == "mpath" else over, depth + 1, disks, loops)


def _backing(way: Way, loop: str) -> Asking[str]:
    """Return the file behind a loop device, at which lsblk -s ends though data lie below."""
    reply = yield LOSETUP
    found = way.json(reply, "losetup").get("loopdevices")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    files = [word(row, "back-file") for row in rows if word(row, "name") == f"/dev/{loop}"]
    if len(files) != 1 or not PATH.fullmatch(files[0]):
        raise Unreadable(f"the file behind {loop} is not told, or is gone")
    way.hops.append(Hop("loop", loop, files[0]))
    return files[0]
