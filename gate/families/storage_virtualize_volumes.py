"""
Which volumes an array has, which of them are copies of others, and what other storage it keeps them on.

Columns as in the product's documentation and in public simulators; none was seen on a real array [M]. A list that is
not wholly understood is no list: a volume that is left out would look like one that does not exist.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gate.evidence import Reply, Volume
from gate.families.family import Unreadable
from gate.families.storage_virtualize_tables import table

OF_VOLUMES: Mapping[str, str] = {
    "volumes": "lsvdisk -bytes -delim !",
    "copies": "lsfcmap -delim !",
    "relations": "lsrcrelationship -delim !",
    "backends": "lscontroller -delim !",
}
"""In bytes: `1.00GB` is rounded."""

UID = re.compile(r"[0-9A-Fa-f]{32}")
ID = re.compile(r"\d{1,6}")
SYSTEM = re.compile(r"[0-9A-Za-z]{4,32}")


@dataclass(frozen=True)
class End:
    """One end of a remote copy: a volume by its id on a system."""

    system: str
    volume: str


def read_copies(reply: Reply) -> list[tuple[str, str]]:
    """Return FlashCopy mappings as ids of source and target."""
    rows = table(reply, ("source_vdisk_id", "target_vdisk_id"), empty_means_none=True)
    pairs = [(row["source_vdisk_id"], row["target_vdisk_id"]) for row in rows]
    if any(not ID.fullmatch(volume) for pair in pairs for volume in pair):
        raise Unreadable("a FlashCopy mapping does not name its volumes")
    return pairs


def read_relations(reply: Reply) -> list[tuple[End, End]]:
    """Return remote copies as their two ends."""
    needed = ("master_cluster_id", "master_vdisk_id", "aux_cluster_id", "aux_vdisk_id")
    found = []
    for row in table(reply, needed, empty_means_none=True):
        master, aux = End(*(row[key] for key in needed[:2])), End(*(row[key] for key in needed[2:]))
        if any(not (SYSTEM.fullmatch(end.system) and ID.fullmatch(end.volume)) for end in (master, aux)):
            raise Unreadable("a remote copy does not name its systems and volumes")
        found.append((master, aux))
    return found


def read_volumes(
    listed: Reply, mappings: list[tuple[str, str]] | None, remote: list[tuple[End, End]] | None, system: str | None
) -> tuple[Volume, ...]:
    """
    Return every volume with what it is a copy of; Unreadable unless mappings and remote copies are known too.

    `system` is the array's own id: a relation to a volume of another system is spelled `system/volume id`.
    """
    rows = table(listed, ("id", "name", "capacity", "vdisk_UID"), empty_means_none=True)
    for row in rows:
        if not (ID.fullmatch(row["id"]) and row["capacity"].isdecimal() and UID.fullmatch(row["vdisk_UID"])):
            raise Unreadable(f"volume {row['name'][:60]} does not tell its id, size in bytes and UID")
    uids = {row["id"]: row["vdisk_UID"].lower() for row in rows}
    if len(uids) != len(rows) or len(set(uids.values())) != len(rows):
        raise Unreadable("two volumes have one id or one UID")
    if mappings is None or remote is None:
        raise Unreadable("which of them are copies is not known")
    mapped = {volume for pair in mappings for volume in pair}
    if any(row.get("fc_map_count", "0") not in ("", "0") and row["id"] not in mapped for row in rows):
        raise Unreadable("a volume has FlashCopy mappings that were not told")
    of: dict[str, list[str]] = {}
    for source, target in mappings:
        of.setdefault(target, []).append(_uid(uids, source))
    for master, aux in remote:
        for here, there in ((master, aux), (aux, master)):  # the direction can be switched at any time
            if here.system == system:
                other = _uid(uids, there.volume) if there.system == system else f"{there.system}/{there.volume}"
                of.setdefault(here.volume, []).append(other)
        if system not in (master.system, aux.system):
            raise Unreadable("a remote copy has no end on this system")
    if strange := [volume for volume in of if volume not in uids]:
        raise Unreadable(f"volume {strange[0]} is a copy and not in the list of volumes")
    return tuple(
        Volume(row["id"], row["name"], uid, int(row["capacity"]), tuple(dict.fromkeys(of.get(row["id"], ()))))
        for row in rows
        for uid in (uids[row["id"]],)
    )


def _uid(uids: Mapping[str, str], volume: str) -> str:
    if volume not in uids:
        raise Unreadable(f"volume {volume} has a copy and is not in the list of volumes")
    return uids[volume]


def read_backends(reply: Reply) -> tuple[str, ...]:
    """Return the names of the storage controllers behind this system; () when its disks are its own."""
    rows = table(reply, ("id", "controller_name"), empty_means_none=True)
    names = [row["controller_name"] for row in rows]
    if any(not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,199}", name) for name in names):
        raise Unreadable("a storage controller behind it has no usable name")
    return tuple(names)
