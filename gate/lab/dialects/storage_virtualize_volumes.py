"""What a lab array says of its volumes: the LUNs it really offers, with the designators its SCSI face answers."""

from gate.lab.dialects.storage_virtualize_state import Nodes

Rows = list[dict[str, str]]


def volume_tables(array: Nodes, verb: str, *, in_bytes: bool) -> Rows:
    """Answer `lsvdisk`, `lsfcmap`, `lsrcrelationship` or `lscontroller`."""
    if verb == "lsvdisk":
        return [_volume(array, number, in_bytes=in_bytes) for number in sorted(array.controller.units)]
    if verb == "lsfcmap":
        return _flash_copies(array)
    return _controllers(array) if verb == "lscontroller" else []


def _volume(array: Nodes, number: int, *, in_bytes: bool) -> dict[str, str]:
    size = len(array.controller.units[number].data)
    copied = "1" if str(number) in array.faults.get("flash-copy", "").split(",") else "0"
    row = {"id": str(number), "name": f"volume{number}", "IO_group_id": "0", "IO_group_name": "io_grp0"}
    row |= {"status": "offline" if array.shelf_lost else "online", "mdisk_grp_id": "0", "mdisk_grp_name": "Pool0"}
    row |= {"capacity": str(size) if in_bytes else f"{size / 2**20:.2f}MB", "type": "striped"}
    row |= {"FC_id": "", "FC_name": "", "RC_id": "", "RC_name": ""}
    row |= {"vdisk_UID": array.controller.identity.naa(number).hex().upper(), "fc_map_count": copied}
    return row | {"copy_count": "1", "fast_write_state": "empty", "se_copy_count": "0", "RC_change": "no"}


def _flash_copies(array: Nodes) -> Rows:
    """The fault `flash-copy` holds two volume numbers: the copy and what it is a copy of."""
    if "flash-copy" not in array.faults:
        return []
    target, _, source = array.faults["flash-copy"].partition(",")
    row = {"id": "0", "name": "fcmap0", "source_vdisk_id": source, "source_vdisk_name": f"volume{source}"}
    row |= {"target_vdisk_id": target, "target_vdisk_name": f"volume{target}", "group_id": "", "group_name": ""}
    return [row | {"status": "copying", "progress": "40", "copy_rate": "50", "clean_progress": "100"}]


def _controllers(array: Nodes) -> Rows:
    """The fault `virtualises` holds the name of a storage system behind this one."""
    if "virtualises" not in array.faults:
        return []
    row = {"id": "0", "controller_name": array.faults["virtualises"] or "controller0", "ctrl_s/n": ""}
    return [row | {"vendor_id": "LAB", "product_id_low": "LAB-BACK", "product_id_high": "END"}]
