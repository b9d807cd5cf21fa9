"""What a Linux host says, in the shapes of util-linux and sysfs."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from gate.evidence import Reply, ReplyState

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
NAA = "600507680c80000e2000000000000011"
PORTS = ("iqn.1986-03.com.ibm:2145.east-1.node1", "iqn.1986-03.com.ibm:2145.east-1.node2")


def reply(stdout: bytes | str, status: int | None = 0) -> Reply:
    content = stdout.encode() if isinstance(stdout, str) else stdout
    return Reply("db-1", "x", ReplyState.ANSWERED, NOW, NOW, status, content)


def lsblk_for(device: str) -> str:
    return f"lsblk -s -J -o NAME,KNAME,TYPE,WWN,SERIAL,VENDOR,MODEL,HCTL,TRAN,MAJ:MIN {device}"


def vpd_for(disk: str) -> str:
    return f"base64 -w0 /sys/block/{disk}/device/vpd_pg83"


def node(name: str, kind: str, number: str = "8:16", below: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "kname": name, "type": kind, "wwn": None, "serial": None, "maj:min": number}
    return found | ({"children": below} if below else {})


def devices(top: dict[str, Any]) -> str:
    return json.dumps({"blockdevices": [top]})


def page(naa: str = NAA, port: str = PORTS[0]) -> bytes:
    """Build VPD page 0x83: the LUN's NAA and the port as a SCSI name string."""
    lun = bytes([1, 3, 0, len(naa) // 2]) + bytes.fromhex(naa)
    name = f"{port},t,0x0001".encode() + b"\0"
    name += b"\0" * (-len(name) % 4)
    body = lun + bytes([0x53, 0x98, 0, len(name)]) + name
    return base64.b64encode(bytes([0, 0x83]) + len(body).to_bytes(2, "big") + body)
