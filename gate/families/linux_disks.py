"""
Which LUN a SCSI disk is, from what the device itself told the kernel: VPD page 0x83 first, then the other sysfs facts.

sysfs is readable for everybody and needs no udev. A disk that a hypervisor made has names of the hypervisor's making,
and is told as such: where its data lie only the hypervisor knows.
"""

import base64
import binascii
import re
from typing import Any

from gate.evidence import Hop, Identity, Reply
from gate.families.family import Unreadable
from gate.families.linux_way import Asking, Seen, Way, word
from gate.families.vpd import DeviceIdentification, decode_device_identification

VPD = "base64 -w0 /sys/block/{disk}/device/vpd_pg83"
FACTS = (
    "grep -s . /sys/block/{disk}/device/wwid /sys/block/{disk}/device/vendor"
    " /sys/block/{disk}/device/model /sys/block/{disk}/device/rev"
)
WHERE = "readlink -f /sys/block/{disk}/device"
SESSION = "cat /sys/class/iscsi_session/{session}/targetname"
REMOTE = "grep -s . /sys/class/fc_transport/{target}/port_name /sys/class/fc_transport/{target}/node_name"
MAP = "multipathd show map {map} json"

VIRTUAL_KERNEL_NAME = re.compile(r"(vd|xvd)[a-z]{1,3}")
VIRTUAL_VENDORS = ("0x1af4", "VMware", "QEMU", "Msft", "VBOX", "XEN", "Google", "Amazon", "Nutanix")
"""Vendors of disks that a hypervisor makes, as INQUIRY or virtio tell them."""

VIRTUAL_COMPANIES = ("000c29", "005056", "002248")
"""IEEE company ids in the NAA 6 names that VMware and Hyper-V make up for virtual disks [M]."""

WWID = re.compile(r"(naa|eui|t10|nvme|uuid)\.[!-~][ -~]{0,250}")
NAA = re.compile(r"naa\.([0-9a-f]{16}|[0-9a-f]{32})")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,222}")
WORLD_WIDE_NAME = re.compile(r"0x([0-9a-f]{16})")
SESSION_DIRECTORY = re.compile(r"/(session\d{1,9})/")
REMOTE_TARGET = re.compile(r"/rport-[0-9:-]{1,40}/(target\d{1,9}:\d{1,9}:\d{1,9})/")
MAP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")


def identify(way: Way, host: str, disk: str, node: dict[str, Any]) -> Asking[None]:
    """Find out which LUN a SCSI disk is and enter it in `way`; Unreadable when nothing can be relied on."""
    if VIRTUAL_KERNEL_NAME.fullmatch(disk) or word(node, "vendor").strip().startswith(VIRTUAL_VENDORS):
        virtual(way, host, disk)
    else:
        yield from _scsi(way, host, disk)


def multipath(way: Way, name: str, disks: list[str]) -> Asking[None]:
    """Hold a multipath map to what it must be: one LUN. What multipathd tells is evidence where it answers."""
    luns = dict.fromkeys(way.lun_of[disk] for disk in disks)
    if len(luns) != 1:
        raise Unreadable(f"{name} joins disks of several LUNs: {', '.join(luns)}")
    lun = next(iter(luns))
    if not MAP_NAME.fullmatch(name) or lun not in way.luns:
        return
    reply = yield MAP.format(map=name)
    try:
        found = way.json(reply, "multipathd").get("map")
    except Unreadable:
        return  # it does not run, or does not answer ordinary users: nothing rests on it
    if not isinstance(found, dict):
        return
    uuid = word(found, "uuid")
    if re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{32}", lun) and uuid.startswith("3") and uuid[1:] != lun:
        raise Unreadable(f"multipathd says that {name} is {uuid}, its disks say {lun}")
    for port in re.findall(r'"target_wwpn"\s*:\s*"(?:0x)?([0-9a-f]{16})"', reply.text()):
        way.luns[lun].through.append(f"naa.{port}")
    product = " ".join((word(found, "vend") + " " + word(found, "prod")).split())
    count = found.get("paths")
    way.hops.append(Hop("map", name, f"{product}, {count} paths" if isinstance(count, int) else product))


def _scsi(way: Way, host: str, disk: str) -> Asking[None]:
    reply = yield VPD.format(disk=disk)
    page = _page(way, reply, disk)
    command = FACTS.format(disk=disk)
    facts = facts_of(way.text((yield command)), command)
    vendor, wwid = facts.get("vendor", ""), facts.get("wwid", "")
    lun = page.naa if page is not None else None
    if vendor.startswith(VIRTUAL_VENDORS) or _made_up(lun) or _made_up(wwid.removeprefix("naa.")):
        virtual(way, host, disk)
        return
    if lun is not None and NAA.fullmatch(wwid) and wwid.removeprefix("naa.") != lun:
        raise Unreadable(f"{disk} is {lun} in its VPD page 0x83 and {wwid} to the kernel")
    if lun is None:
        if not WWID.fullmatch(wwid):
            missing = "no VPD page 0x83" if page is None else "its VPD page 0x83 names no LUN"
            raise Unreadable(f"{disk} tells no identity ({missing})")
        lun = wwid.removeprefix("naa.") if NAA.fullmatch(wwid) else wwid
    seen = enter(way, disk, lun)
    if page is not None:
        # SPC-4 7.8.6.11 with RFC 7143 4.2.7: an iSCSI port name is the node's name, ",t," and the portal group.
        seen.ports += [_bare(port) for port in page.target_ports]
        seen.devices += [_bare(device) for device in page.target_devices]
    if page is None or not page.target_ports:
        yield from _transport(way, disk, seen)
    product = " ".join(f"{vendor} {facts.get('model', '')} {facts.get('rev', '')}".split())
    ports = ", ".join(dict.fromkeys(seen.ports if page is not None else seen.through)) or "ports it does not name"
    way.hops.append(Hop("disk", disk, f"LUN {lun} through {ports}" + (f", {product}" if product else "")))


def _page(way: Way, reply: Reply, disk: str) -> DeviceIdentification | None:
    """Decode VPD page 0x83; None when the kernel has none. A page that is there must be whole."""
    text = way.text(reply).strip()
    if reply.exit_status != 0 or not text:
        return None
    try:
        return decode_device_identification(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"{disk}: {error}") from None


def _transport(way: Way, disk: str, seen: Seen) -> Asking[None]:
    """Ask the host's transport for the port; it may show that two LUNs share one, never that they do not."""
    reply = yield WHERE.format(disk=disk)
    place = way.text(reply).strip()
    if session := SESSION_DIRECTORY.search(place):
        reply = yield SESSION.format(session=session.group(1))
        name = way.text(reply).strip()
        if reply.exit_status == 0 and NAME.fullmatch(name):
            seen.through.append(name)
    elif target := REMOTE_TARGET.search(place):
        command = REMOTE.format(target=target.group(1))
        facts = facts_of(way.text((yield command)), command)
        names = [WORLD_WIDE_NAME.fullmatch(facts.get(key, "")) for key in ("port_name", "node_name")]
        seen.through += [f"naa.{name.group(1)}" for name in names if name]


def facts_of(text: str, command: str) -> dict[str, str]:
    """
    Read `path:value` lines of the files that a command asks for; what is not there or comes twice is left out.

    grep ends with 1 or 2 where a file is missing. A value may hold colons and slashes: a model is text of the array's.
    """
    paths = [part for part in command.split() if part.startswith("/sys/")]
    lines = text.splitlines()
    found = {}
    for path in paths:
        values = [line.removeprefix(path + ":").strip() for line in lines if line.startswith(path + ":")]
        if len(values) == 1:
            found[path.rsplit("/", 1)[-1]] = values[0]
    return found


def _made_up(naa: str | None) -> bool:
    return naa is not None and len(naa) == 32 and naa[0] == "6" and naa[1:7] in VIRTUAL_COMPANIES


def virtual(way: Way, host: str, disk: str) -> None:
    """Enter a disk that a hypervisor made: only that knows where its data lie."""
    way.lun_of[disk] = ""
    way.identities.append(Identity("virtual-disk", f"{host}:{disk}"))
    way.hops.append(Hop("disk", disk, "made by a hypervisor"))


def enter(way: Way, disk: str, lun: str, by: str = "SCSI") -> Seen:
    """Enter a disk as a path to a LUN; Unreadable where another disk tells the same name and is reached otherwise."""
    seen = way.luns.setdefault(lun, Seen(by))
    if seen.by != by:
        raise Unreadable(f"{disk} tells the name of {seen.disks[0]}, {lun}, and is reached by {by}, not {seen.by}")
    way.lun_of[disk] = lun
    seen.disks.append(disk)
    return seen


def _bare(name: str) -> str:
    return re.sub(r",t,0x[0-9A-Fa-f]{1,4}$", "", name)
