"""
What an ONTAP cluster offers: LUNs with their NAA designators, their target ports, and storage of others behind it.

A LUN's designator is NetApp's company id with the LUN's serial number in hexadecimal: `600a0980` and 24 digits. A LUN
in a FlexClone volume or in the destination of a mirror is a copy of the LUN of that name in the other volume. The
names of the fields are [M]; one that is not there makes the list no list.
"""

import re
from collections.abc import Mapping

from gate.evidence import Reply, Volume
from gate.families.family import Unreadable
from gate.families.ontap_text import fields
from gate.families.reading import Asked

OF_LUNS: Mapping[str, str] = {
    "luns": "lun show -fields vserver,path,size,serial-hex",
    "clones": "volume clone show -fields vserver,flexclone,parent-vserver,parent-volume",
    "mirrors": "snapmirror show -fields source-path,destination-path,state,healthy",
    "iscsi": "vserver iscsi show -fields vserver,target-name",
    "fcp": "vserver fcp interface show -fields vserver,lif,wwpn",
    "behind": "storage array show -fields name",
}

COMPANY = "600a0980"
SERIAL = re.compile(r"[0-9A-Fa-f]{24}")
PATH = re.compile(r"/vol/([A-Za-z0-9_.{}-]{1,203})/(\S{1,255})")
IQN = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")
WWPN = re.compile(r"([0-9a-fA-F]{2}:){7}[0-9a-fA-F]{2}")
Place = tuple[str, str]
"""Storage virtual machine and volume."""


def read_luns(asked: Asked) -> tuple[Volume, ...] | None:
    """Return every LUN with what it is a copy of; None unless clones and mirrors are known too."""
    clones, mirrors = asked.read("clones", _clones), asked.read("mirrors", _mirrors)
    if clones is None or mirrors is None:
        asked.unknown.append("volumes: which of them are copies is not known")
        return None
    return asked.read("luns", lambda reply: _luns(reply, {**mirrors, **clones}))


def _luns(reply: Reply, origins: Mapping[Place, Place]) -> tuple[Volume, ...]:
    rows = fields(reply, "vserver", "path", "size", "serial-hex")
    uids: dict[tuple[str, str, str], str] = {}
    for row in rows:
        path = PATH.fullmatch(row["path"])
        if path is None or not SERIAL.fullmatch(row["serial-hex"]) or not row["size"].isdecimal():
            raise Unreadable(f"LUN {row['path'][:60]} does not tell its path, serial number and size in bytes")
        uids[row["vserver"], path.group(1), path.group(2)] = COMPANY + row["serial-hex"].lower()
    if len(uids) != len(rows) or len(set(uids.values())) != len(rows):
        raise Unreadable("two LUNs have one path or one serial number")
    found = []
    for (vserver, volume, name), row in zip(uids, rows, strict=True):
        origin = origins.get((vserver, volume))
        copied = () if origin is None else (uids.get((*origin, name), f"{':'.join(origin)}/{name}"),)
        shown = f"{vserver}:/vol/{volume}/{name}"
        found.append(Volume(shown, shown, uids[vserver, volume, name], int(row["size"]), copied))
    return tuple(found)


def _clones(reply: Reply) -> dict[Place, Place]:
    rows = fields(reply, "vserver", "flexclone", "parent-vserver", "parent-volume")
    return {(row["vserver"], row["flexclone"]): (row["parent-vserver"], row["parent-volume"]) for row in rows}


def _mirrors(reply: Reply) -> dict[Place, Place]:
    """Return destinations with their sources; a path is `vserver:volume`, or `vserver:` for all of its volumes."""
    found: dict[Place, Place] = {}
    for row in fields(reply, "source-path", "destination-path"):
        ends = [tuple(row[key].split(":")) for key in ("source-path", "destination-path")]
        if any(len(end) != 2 or not all(end) for end in ends):
            raise Unreadable("a mirror does not name the volumes at its ends")
        found[ends[1][0], ends[1][1]] = (ends[0][0], ends[0][1])
    return found


def read_ports(asked: Asked) -> list[str]:
    """Return the names by which hosts know the ports: iSCSI names, and `naa.` with the WWPN."""
    names = (asked.read("iscsi", _iscsi) or []) + (asked.read("fcp", _fcp) or [])
    if not names:
        asked.unknown.append("ports: it names no target port")
    return list(dict.fromkeys(names))


def _iscsi(reply: Reply) -> list[str]:
    names = [row["target-name"] for row in fields(reply, "vserver", "target-name")]
    if any(not IQN.fullmatch(name) for name in names):
        raise Unreadable("a target does not tell its iSCSI name")
    return names


def _fcp(reply: Reply) -> list[str]:
    names = [row["wwpn"] for row in fields(reply, "vserver", "wwpn")]
    if any(not WWPN.fullmatch(name) for name in names):
        raise Unreadable("an interface does not tell its WWPN")
    return [f"naa.{name.replace(':', '').lower()}" for name in names]


def read_backends(reply: Reply) -> tuple[str, ...]:
    """Return the names of other arrays whose LUNs it uses as disks; () when all disks are its own."""
    names = [row["name"] for row in fields(reply, "name")]
    if any(not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,199}", name) for name in names):
        raise Unreadable("an array behind it has no usable name")
    return tuple(names)
