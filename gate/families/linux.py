"""
Linux hosts: where a path really lies, from the mount point down to the LUN and its target ports.

The way is findmnt → lsblk -s → VPD page 0x83 of every disk below. Each question follows from the answer before it, so
`trace` is a generator that yields commands and takes replies. Whatever is not understood ends the trace with a
problem: an unmounted repository silently resolves to the root disk, and lsblk's own WWN and SERIAL columns come from
udev and may be short or empty, so neither is trusted.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gate.evidence import Hop, Reply, Trace
from gate.families.family import Unreadable, whole_text
from gate.families.vpd import decode_device_identification

Tracing = Generator[str, Reply, Trace]

CLOCK = "date -u +%s"
FINDMNT = "findmnt -J -T {path} -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"
LSBLK = "lsblk -s -J -o NAME,KNAME,TYPE,WWN,SERIAL,VENDOR,MODEL,HCTL,TRAN,MAJ:MIN {device}"
VPD = "base64 -w0 /sys/block/{disk}/device/vpd_pg83"

ON_BLOCK = ("ext4", "xfs")
"""File systems that lie on exactly the block device that findmnt names; btrfs may lie on several."""

PASSED_THROUGH = ("lvm", "mpath", "part", "crypt")
"""Layers whose data lie on the device below them. Not `loop`: lsblk -s ends there though a file lies below."""

PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")
DEVICE = re.compile(r"(/dev(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)+)(\[/[^\]]*\])?")
KERNEL_NAME = re.compile(r"[a-z][a-z0-9]{0,31}")
DEEPEST = 10
DISKS_MAX = 64


@dataclass
class _Way:
    """What has been found so far."""

    hops: list[Hop] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    luns: dict[str, list[str]] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)


def trace(host: str, path: str, mount: str, now: datetime) -> Tracing:
    """
    Yield one command after the other, take each reply, return the trace.

    `mount` is the mount point under which the path must lie. The trace has no problem only if every disk below was
    identified by its own VPD page and all of them are one LUN.
    """
    way = _Way([Hop("host", host)])
    problem = ""
    try:
        yield from _follow(way, path, mount)
    except Unreadable as error:
        problem = str(error)
    return Trace(
        host=host,
        path=path,
        at=now,
        hops=tuple(way.hops),
        lun=next(iter(way.luns)) if len(way.luns) == 1 and not problem else None,
        target_ports=() if problem else tuple(dict.fromkeys(way.ports)),
        problem=problem,
        raw=tuple(way.raw),
    )


def follow(tracing: Tracing, ask: Callable[[str], Reply]) -> Trace:
    """Drive a trace: put each of its questions with `ask` and return what it found."""
    try:
        command = next(tracing)
        while True:
            command = tracing.send(ask(command))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a Tracing returns is a Trace


def clock(reply: Reply) -> int | None:
    """Return the host's clock minus ours in whole seconds, against the middle of the asking; None when not told."""
    try:
        text = whole_text(reply).strip()
    except Unreadable:
        return None
    if reply.exit_status != 0 or not re.fullmatch(r"\d{9,11}", text, re.ASCII):
        return None
    middle = (reply.started_at.timestamp() + reply.finished_at.timestamp()) / 2
    return round(int(text) + 0.5 - middle)  # the host cuts its own second short by half of one on average


def _follow(way: _Way, path: str, mount: str) -> Generator[str, Reply, None]:
    if not PATH.fullmatch(path) or not PATH.fullmatch(mount):
        raise Unreadable("the path or its mount point holds characters that are not allowed")
    if path != mount and not path.startswith(mount + "/"):
        raise Unreadable(f"{path} does not lie under {mount}")
    reply = yield FINDMNT.format(path=path)
    device, number = _mounted(way, reply, path, mount)
    reply = yield LSBLK.format(device=device)
    way.raw.append(reply.digest)
    top = _only(_json(reply, "lsblk"), "blockdevices", "lsblk")
    if number and top.get("maj:min") != number:
        raise Unreadable(f"lsblk speaks of another device than findmnt ({device} is {number})")
    for disk in _disks(way, top, 0):
        if not KERNEL_NAME.fullmatch(disk):
            raise Unreadable("a disk has no usable kernel name")
        reply = yield VPD.format(disk=disk)
        _identify(way, reply, disk)
    if len(way.luns) != 1:
        pairs = ", ".join(f"{'+'.join(disks)}: {lun}" for lun, disks in way.luns.items())
        raise Unreadable(f"{path} lies on more than one LUN ({pairs})")


def _mounted(way: _Way, reply: Reply, path: str, mount: str) -> tuple[str, str]:
    """Return device and its number; the mount point must be the expected one."""
    way.raw.append(reply.digest)
    found = _only(_json(reply, "findmnt"), "filesystems", "findmnt")
    target, source, kind = (_text(found, key) for key in ("target", "source", "fstype"))
    way.hops.append(Hop("mount", target, f"{kind} on {source}"))
    if target != mount:
        raise Unreadable(f"not mounted: {path} resolves to {target} on {source}, not to {mount}")
    if kind not in ON_BLOCK:
        raise Unreadable(f"{mount} is {kind}, which does not tell on which disk its data lie")
    device = DEVICE.fullmatch(source)
    if device is None:
        raise Unreadable(f"{mount} lies on {source}, which is no block device")
    return device.group(1), _text(found, "maj:min")


def _disks(way: _Way, node: dict[str, Any], depth: int) -> list[str]:
    """Return the kernel names of all disks below; each layer becomes a hop."""
    name, kind, below = _text(node, "name"), _text(node, "type"), node.get("children", [])
    if depth > DEEPEST or not isinstance(below, list) or not all(isinstance(child, dict) for child in below):
        raise Unreadable(f"what lies below {name} cannot be read")
    if kind == "disk" and not below:
        return [_text(node, "kname")]
    if kind not in PASSED_THROUGH or not below:
        raise Unreadable(f"the way ends at {name}, a {kind or 'device without a type'}: what lies below is not known")
    way.hops.append(Hop(kind, name))
    disks = [disk for child in below for disk in _disks(way, child, depth + 1)]
    if len(disks) > DISKS_MAX:
        raise Unreadable(f"more than {DISKS_MAX} disks lie below {name}")
    return list(dict.fromkeys(disks))


def _identify(way: _Way, reply: Reply, disk: str) -> None:
    way.raw.append(reply.digest)
    text = whole_text(reply).strip()
    if reply.exit_status != 0 or not text:
        raise Unreadable(f"{disk} tells no identity (no VPD page 0x83)")
    try:
        page = decode_device_identification(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"{disk}: {error}") from None
    if page.naa is None:
        raise Unreadable(f"{disk} names no LUN in its VPD page 0x83")
    # SPC-4 7.8.6.11 with RFC 7143 4.2.7: an iSCSI port name is the node's name, ",t," and the portal group.
    ports = [re.sub(r",t,0x[0-9A-Fa-f]{1,4}$", "", port) for port in page.target_ports]
    way.luns.setdefault(page.naa, []).append(disk)
    way.ports += ports
    way.hops.append(Hop("disk", disk, f"LUN {page.naa} through {', '.join(ports) or 'ports it does not name'}"))


def _json(reply: Reply, tool: str) -> dict[str, Any]:
    text = whole_text(reply)
    if reply.exit_status != 0:
        raise Unreadable(f"{tool} ended with status {reply.exit_status}: the path or device is not there")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"{tool} did not answer with JSON") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{tool} did not answer with a JSON object")
    return found


def _only(found: dict[str, Any], key: str, tool: str) -> dict[str, Any]:
    entries = found.get(key)
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise Unreadable(f"{tool} does not name exactly one device")
    return entries[0]


def _text(node: dict[str, Any], key: str) -> str:
    """Return a text value; "" for what is missing or null. Control characters cannot hide in JSON escapes."""
    value = node.get(key)
    return "".join(char if char.isprintable() else "?" for char in value)[:200] if isinstance(value, str) else ""
