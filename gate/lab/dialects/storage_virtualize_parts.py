"""
What a lab array of the storage-virtualize dialect says of its canisters: what sits in each slot, and what it carries.

Keys of the detailed view are those of public readers of it; wording and the state of a canister that has not joined are
assumed [M].
"""

from gate.lab.dialects.storage_virtualize_state import Nodes, newer_speech
from gate.lab.said import Declined

NOT_THERE = "CMMVC5753E The specified object does not exist."


def canisters(array: Nodes) -> list[dict[str, str]]:
    """The concise view."""
    return [
        {
            "enclosure_id": "1",
            "canister_id": str(number),
            "status": array.told_controllers[name],
            "type": "node",
            "node_id": str(number),
            "node_name": name,
        }
        for number, name in enumerate(array.names, start=1)
    ]


def canister(array: Nodes, enclosure: str, number: str) -> list[tuple[str, str]]:
    """The detailed view of one canister."""
    found = [row for row in canisters(array) if (row["enclosure_id"], row["canister_id"]) == (enclosure, number)]
    if not found:
        raise Declined(NOT_THERE)
    row = found[0]
    sitting = array.sitting[row["node_name"]]
    told = [*row.items(), ("FRU_part_number", sitting.part), ("FRU_identity", sitting.serial)]
    told += [("WWNN", ""), ("firmware_level", "6.13"), ("temperature", "24"), ("fault_LED", "off")]
    if newer_speech(array.version):
        told.append(("firmware_level_2", "1.2"))
    return [*told, ("SES_status", row["status"]), ("error_sequence_number", "")]


def service(array: Nodes, panel: str) -> list[tuple[str, str]]:
    """What one canister tells of itself, also before it has joined."""
    panels = {f"01-{number}": name for number, name in enumerate(array.names, start=1)}
    if panel not in panels:
        raise Declined(NOT_THERE)
    name = panels[panel]
    if name in array.silent:
        raise Declined(NOT_THERE)
    joined = array.told_controllers[name] == "online"
    state = "Active" if joined else "Starting" if array.joining and name == array.names[1] else "Service"
    told = [("panel_name", panel), ("cluster_name", array.name if joined else ""), ("node_name", name)]
    told += [("node_status", state), ("config_node", "Yes" if name == "node1" else "No")]
    return [*told, ("node_code_version", array.firmware_of(name)), ("node_code_build", ""), ("node_error_count", "0")]
