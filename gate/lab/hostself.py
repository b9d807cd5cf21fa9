"""What a lab host tells of itself: two NVMe disks of its own under a mirror, and its own firmware."""

import errno
import json
from collections.abc import Callable

from gate.lab.host import Host

OWN_DISKS = ("nvme0n1", "nvme1n1")
MDSTAT = "/proc/mdstat"


def own_rows() -> list[dict[str, object]]:
    """Rows of `lsblk -d` for its own disks, by column title."""
    return [
        {"NAME": name, "TYPE": "disk", "SIZE": 480103981056,
         "STATE": "live", "MODEL": "LAB NVME", "SERIAL": f"LAB{name}",
         "WWN": None, "HCTL": None, "TRAN": "nvme", "REV": None}
        for name in OWN_DISKS
    ]  # fmt: skip


def mdstat(host: Host) -> bytes:
    """`/proc/mdstat`: one mirror over both disks; with one of them dropped out it has a number in brackets and (F)."""
    lost = "mirror-degraded" in host.faults
    members = "nvme1n1p2[1](F) nvme0n1p2[0]" if lost else "nvme1n1p2[1] nvme0n1p2[0]"
    state = "[2/1] [U_]" if lost else "[2/2] [UU]"
    lines = ["Personalities : [raid1]", f"md0 : active raid1 {members}", f"      468717888 blocks super 1.2 {state}"]
    return "\n".join(
        [*lines, "      bitmap: 1/4 pages [4KB], 65536KB chunk", "", "unused devices: <none>", ""]
    ).encode()


def cat(host: Host, paths: list[str]) -> bytes:
    """`cat PATHS`: files, and what its kernel tells of its mirror."""
    return b"".join(mdstat(host) if path == MDSTAT else host.read(path) for path in paths)


def nvme(host: Host, words: list[str]) -> bytes:
    """`nvme smart-log -o json DEVICE`; OSError for another device or other words."""
    device = words[-1].removeprefix("/dev/") if words else ""
    if words[:3] != ["smart-log", "-o", "json"] or device not in OWN_DISKS:
        raise OSError(errno.ENOENT, "No such file or directory")
    warning = 4 if "disk-warns" in host.faults and device == OWN_DISKS[1] else 0
    told = {"critical_warning": warning, "temperature": 311, "avail_spare": 100, "percent_used": 3, "media_errors": 0}
    return json.dumps(told, indent=2).encode() + b"\n"


def fwupdmgr(host: Host, words: list[str]) -> bytes:
    """`fwupdmgr get-history --json`: one update of last year, and one that waits if somebody began it."""
    if words != ["get-history", "--json"]:
        raise OSError(errno.EINVAL, "Command not found")
    devices = [{"Name": "System Firmware", "Version": "1.4.2", "UpdateState": 2}]
    if "firmware-waits" in host.faults:
        devices.append({"Name": "LAB NVME", "Version": "7.1", "UpdateState": 4})
    return json.dumps({"Devices": devices}).encode() + b"\n"


OF_ITSELF: dict[str, Callable[[Host, list[str]], bytes]] = {"fwupdmgr": fwupdmgr, "nvme": nvme}
