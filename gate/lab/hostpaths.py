"""What a lab host tells of its own side of the storage: its disks, and a session with each controller behind them."""

import errno
import json
from collections.abc import Iterator

from gate.lab.array import Array
from gate.lab.host import Host
from gate.lab.hostself import own_rows

COLUMNS = ("NAME", "TYPE", "SIZE", "STATE", "MODEL", "SERIAL", "WWN", "HCTL", "TRAN", "REV")


def disks(host: Host, columns: list[str]) -> bytes:
    """
    Answer `lsblk -J -b -d -o COLUMNS`: its own disks and every LUN; OSError for another column.

    There is no udev here, so of LUNs neither serial nor WWN.
    """
    if any(column not in COLUMNS for column in columns):
        raise OSError(errno.EINVAL, "unknown column")
    rows: list[dict[str, object]] = []
    for name, volume in sorted(host.disks.items()):
        identity, array = volume.disk.array.controller.identity, volume.disk.array
        size = len(array.controller.units[volume.disk.lun].data)
        state = "running" if array.serving else "transport-offline"
        values = (name, "disk", size, state, identity.product, None, None, host.devices[name].hctl, "iscsi")
        rows.append(dict(zip(COLUMNS, (*values, identity.revision), strict=True)))
    shown = [{column.lower(): row[column] for column in columns} for row in (*own_rows(), *rows)]
    return json.dumps({"blockdevices": shown}, indent=3).encode() + b"\n"


def sessions(host: Host) -> bytes:
    """`iscsiadm -m session -P 1`: one with each controller of each array that the host has a LUN of."""
    lines = []
    for number, (array, controller) in enumerate(_ends(host), start=1):
        up = array.serving and array.controllers[controller] == "online"
        lost = "session-lost" in host.faults and number == 1
        states = ("LOGGED IN", "LOGGED_IN") if up and not lost else ("TRANSPORT WAIT", "FAILED")
        portal = f"192.0.2.{10 + number}:3260,1"
        lines += [f"Target: {array.target_of(controller)} (non-flash)", f"\tCurrent Portal: {portal}"]
        lines += [f"\tPersistent Portal: {portal}", "\t\t**********", "\t\tInterface:", "\t\t**********"]
        lines += [f"\t\tIface Initiatorname: iqn.2026-11.example.sangate:{host.name}", f"\t\tSID: {number}"]
        lines += [f"\t\tiSCSI Connection State: {states[0]}", f"\t\tiSCSI Session State: {states[1]}"]
        lines.append("\t\tInternal iscsid Session State: NO CHANGE")
    return "".join(f"{line}\n" for line in lines).encode()


def _ends(host: Host) -> Iterator[tuple[Array, str]]:
    arrays = {volume.disk.array.name: volume.disk.array for volume in host.disks.values()}
    for _, array in sorted(arrays.items()):
        for controller in array.names:
            yield array, controller
