"""
Which volumes a 3PAR has, and which of them are copies of others.

Titles as public scripts read them (`VV_WWN`, `CopyOf`, `VSize_MB`); those of remote copy and the unit of the size are
[M]. A list that is not wholly understood is no list: a volume that is left out would look like one that does not exist.
"""

import re

from gate.evidence import Reply, Volume
from gate.families.family import Unreadable
from gate.families.three_par_tables import table

VOLUMES = "showvv -showcols Id,Name,Type,CopyOf,RcopyStatus,VV_WWN,VSize_MB -csvtable"

ID = re.compile(r"\d{1,6}", re.ASCII)
SIZE = re.compile(r"\d{1,12}", re.ASCII)
UID = re.compile(r"[0-9A-Fa-f]{16}(?:[0-9A-Fa-f]{16})?")
NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,60}")
MIB = 1 << 20


def read_volumes(reply: Reply) -> tuple[Volume, ...]:
    """Return every volume with what it is a copy of; Unreadable where one takes part in remote copy."""
    rows = table(reply, ("Id", "Name", "Type", "CopyOf", "RcopyStatus", "VV_WWN", "VSize_MB"), ends=True)
    for row in rows:
        told = (ID.fullmatch(row["Id"]), NAME.fullmatch(row["Name"]), UID.fullmatch(row["VV_WWN"]))
        if not all(told) or not SIZE.fullmatch(row["VSize_MB"]):
            raise Unreadable(f"volume {row['Name'][:60]} does not tell its id, size and WWN")
        if row["RcopyStatus"] != "none":
            raise Unreadable(f"volume {row['Name']} takes part in remote copy, whose other end is not asked for")
    uids = {row["Name"]: row["VV_WWN"].lower() for row in rows}
    if len(uids) != len(rows) or len(set(uids.values())) != len(rows):
        raise Unreadable("two volumes have one name or one WWN")
    return tuple(
        Volume(row["Id"], row["Name"], uids[row["Name"]], int(row["VSize_MB"]) * MIB, _parent(row, uids))
        for row in rows
    )


def _parent(row: dict[str, str], uids: dict[str, str]) -> tuple[str, ...]:
    """Return what a snapshot or physical copy was made of; a `base` volume has hyphens there."""
    parent = row["CopyOf"].strip("-")
    if not parent and row["Type"] != "base":
        raise Unreadable(f"volume {row['Name']} is a copy of what is not told")
    if parent and parent not in uids:
        raise Unreadable(f"volume {row['Name']} is a copy of one that is not in the list")
    return (uids[parent],) if parent else ()
