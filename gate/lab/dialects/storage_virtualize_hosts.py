"""
What a lab array of the storage-virtualize dialect says of its hosts and of what it is alarmed about.

A host that does not reach both nodes is degraded; with how many nodes each of its ports is logged in to tells the
detailed view (keys of public readers; the words of `state` are assumed [M]).
"""

from gate.lab.dialects.storage_virtualize_parts import NOT_THERE
from gate.lab.dialects.storage_virtualize_state import Nodes
from gate.lab.said import Declined

Rows = list[dict[str, str]]


def hosts(array: Nodes) -> Rows:
    """The concise view of hosts."""
    rows = []
    for number, initiator in enumerate(_initiators(array)):
        row = {"id": str(number), "name": initiator.rsplit(":", 1)[-1], "port_count": "1", "iogrp_count": "4"}
        rows.append(row | {"status": _seen(array), "site_id": "", "site_name": "", "protocol": "scsi"})
    return rows


def host(array: Nodes, number: str) -> list[tuple[str, str]]:
    """The detailed view of one host: each port with how many nodes it is logged in to."""
    initiators = _initiators(array)
    if not number.isdecimal() or int(number) >= len(initiators):
        raise Declined(NOT_THERE)
    initiator = initiators[int(number)]
    logins = sum(status == "online" for status in array.told_controllers.values()) - ("host-degraded" in array.faults)
    told = [("id", number), ("name", initiator.rsplit(":", 1)[-1]), ("port_count", "1"), ("type", "generic")]
    told += [("iogrp_count", "4"), ("status", _seen(array)), ("site_id", ""), ("iscsi_name", initiator)]
    return [*told, ("node_logged_in_count", str(logins)), ("state", "active" if logins else "offline")]


def _initiators(array: Nodes) -> list[str]:
    return sorted({name for unit in array.controller.units.values() for name in unit.masked_to})


def _seen(array: Nodes) -> str:
    """Hosts are degraded when they do not reach both nodes."""
    lost = "host-degraded" in array.faults or "offline" in array.told_controllers.values()
    return "degraded" if lost else "online"


def events(array: Nodes) -> Rows:
    """Alerts that nobody has marked as fixed."""
    rows: Rows = []
    for fault, kind, number, name in (("alert", "node", "2", "node2"), ("alert-elsewhere", "drive", "2", "")):
        if fault in array.faults:
            row = {"sequence_number": str(118 + len(rows)), "last_timestamp": "261122010000", "object_type": kind}
            row |= {"object_id": number, "object_name": name, "copy_id": "", "status": "alert", "fixed": "no"}
            described = array.faults[fault] or f"The {kind} is degraded"
            rows.append(row | {"event_id": "009052", "error_code": "1196", "description": described})
    return rows
