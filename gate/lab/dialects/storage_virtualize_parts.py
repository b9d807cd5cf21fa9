"""
What a lab array of the storage-virtualize dialect says of its canisters: what sits in each slot, and what it carries.

Keys of the detailed view are those of public readers of it; wording and the state of a canister that has not joined are
assumed [M].
"""

from gate.lab.dialects.storage_virtualize_state import Nodes, newer_speech
from gate.lab.said import Declined

NOT_THERE = "CMMVC5753E The specified object does not exist."
SHELF = "2"
"""Number of the enclosure that the fault `shelf` hangs on an array."""


def canisters(array: Nodes) -> list[dict[str, str]]:
    """The concise view."""
    rows = [
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
    if "shelf" in array.faults:
        for number, state in enumerate(array.module_states, start=1):
            row = {"enclosure_id": SHELF, "canister_id": str(number), "status": state, "type": "expansion"}
            rows.append(row | {"node_id": "", "node_name": ""})
    return rows


def canister(array: Nodes, enclosure: str, number: str) -> list[tuple[str, str]]:
    """The detailed view of one canister."""
    found = [row for row in canisters(array) if (row["enclosure_id"], row["canister_id"]) == (enclosure, number)]
    if not found:
        raise Declined(NOT_THERE)
    row = found[0]
    if row["type"] == "expansion":
        return _module(array, row)
    sitting = array.sitting[row["node_name"]]
    told = [*row.items(), ("FRU_part_number", sitting.part), ("FRU_identity", sitting.serial)]
    told += [("WWNN", ""), ("firmware_level", "6.13"), ("temperature", "24"), ("fault_LED", "off")]
    if newer_speech(array.version):
        told.append(("firmware_level_2", "1.2"))
    return [*told, ("SES_status", row["status"]), ("error_sequence_number", "")]


def _module(array: Nodes, row: dict[str, str]) -> list[tuple[str, str]]:
    """The detailed view of a module of the shelf; of a dead one the enclosure still tells the label [M]."""
    sitting = array.modules[int(row["canister_id"]) - 1]
    first, *others = sitting.firmware.split("_")
    told = [*row.items(), ("FRU_part_number", sitting.part), ("FRU_identity", sitting.serial), ("WWNN", "")]
    told += [("firmware_level", first), ("temperature", "31"), ("fault_LED", "off"), ("SES_status", row["status"])]
    cabled = row["canister_id"] == "1" or array.module_cabled
    told += [("error_sequence_number", ""), ("SAS_port_1_status", "online" if cabled else "offline")]
    told += [("SAS_port_2_status", "offline")]
    return [*told, *((f"firmware_level_{number}", level) for number, level in enumerate(others, start=2))]


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
