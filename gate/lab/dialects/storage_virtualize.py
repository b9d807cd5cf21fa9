"""
What a lab array says on its command line: storage-virtualize tables and key/value views.

Concise views are headed tables, detailed views `key value` lines; `-delim C` sets the separator; with no rows not
even the header is printed. Newer code adds columns and ends lines CRLF, as real code changes its tables.
Message ids whose wording is assumed carry [M].
"""

import shlex

from gate.lab.dialects.storage_virtualize_hosts import events, host, hosts
from gate.lab.dialects.storage_virtualize_parts import SHELF, canister, canisters, service
from gate.lab.dialects.storage_virtualize_state import UNAUTHORISED, Nodes, level, newer_speech
from gate.lab.dialects.storage_virtualize_test import upgrade_test
from gate.lab.dialects.storage_virtualize_volumes import volume_tables
from gate.lab.said import Declined, Said

Rows = list[dict[str, str]]
READS = (
    *("lssystem", "lsnodecanister", "lsenclosure", "lsarray", "lsarraymemberprogress", "lsdrive", "lshost"),
    *("lseventlog", "lsdependentvdisks", "lsupdate", "lsdumps", "svcupgradetest"),
    *("lsvdisk", "lsfcmap", "lsrcrelationship", "lscontroller"),
    "lsenclosurecanister",
)


class StorageVirtualize(Nodes):
    """SVC, Storwize, FlashSystem."""

    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line."""
        try:
            words = shlex.split(line)
        except ValueError:
            return Said(err=b"rbash: syntax error\n", status=2)
        return speak(self, words, admin=admin)


def speak(array: Nodes, words: list[str], *, admin: bool) -> Said:
    """Answer one command line, already split into words."""
    if words and words[0] in ("svcinfo", "svctask"):
        words = words[1:]
    if not words:
        return Said()
    try:
        if words[:2] == ["sainfo", "lsservicestatus"]:
            return Said(_read(array, words[1], words[2:]))
        if words[0] == "applysoftware":
            return _applysoftware(array, words[1:], admin)
        if words[0] not in READS:
            return Said(err=f"rbash: {words[0]}: command not found\n".encode(), status=127)
        return Said(_read(array, words[0], words[1:]))
    except Declined as refusal:
        return Said(err=f"{refusal}\n".encode(), status=1)


def _applysoftware(array: Nodes, words: list[str], admin: bool) -> Said:
    if not admin:
        raise Declined(UNAUTHORISED)
    options = _options(words, valued=("-file",), plain=("-prepare", "-complete", "-abort"))
    chosen = set(options)
    if chosen == {"-file", "-prepare"}:
        array.prepare(options["-file"])
    elif chosen == {"-file"}:
        array.apply(options["-file"])
    elif chosen == {"-complete"}:
        array.complete()
    elif chosen == {"-abort"}:
        array.abort()
    else:
        raise Declined("CMMVC5707E Required parameters are missing.")
    return Said(mutates=True)


def _read(array: Nodes, verb: str, words: list[str]) -> bytes:
    if verb == "svcupgradetest":
        return upgrade_test(array, _options(words, valued=("-v",), plain=("-f",)).get("-v", ""))
    valued = (
        *("-delim", "-alert", "-message", "-monitoring", "-fixed", "-expired", "-order", "-node", "-prefix"),
        *("-canister", "-enclosure"),
    )
    options = _options(words, valued=valued, plain=("-nohdr", "-bytes"))
    delimiter = options.get("-delim", " ")
    if len(delimiter) != 1:
        raise Declined("CMMVC5711E [" + delimiter[:16] + "] is not valid data.")
    end = "\r\n" if newer_speech(array.version) else "\n"
    if verb == "lssystem":
        lines = [f"{key}{delimiter}{value}" for key, value in _system(array)]
    elif verb == "lsupdate":
        lines = [f"{key}{delimiter}{value}" for key, value in _update(array)]
    elif verb == "lsservicestatus":
        lines = [f"{key}{delimiter}{value}" for key, value in service(array, options.get("", ""))]
    elif verb == "lshost" and "" in options:
        lines = [f"{key}{delimiter}{value}" for key, value in host(array, options[""])]
    elif verb == "lsenclosurecanister" and "-canister" in options:
        detail = canister(array, options.get("", ""), options["-canister"])
        lines = [f"{key}{delimiter}{value}" for key, value in detail]
    else:
        rows = _table(array, verb, options)
        lines = [delimiter.join(row.values()) for row in rows]
        if rows and "-nohdr" not in options:
            lines.insert(0, delimiter.join(rows[0]))
    return "".join(line + end for line in lines).encode()


def _options(words: list[str], *, valued: tuple[str, ...], plain: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in plain:
            found[word] = ""
        elif word in valued:
            value = next(rest, None)
            if value is None:
                raise Declined(f"CMMVC5705E Required parameter value is missing: {word}.")
            found[word] = value
        elif word.startswith("-"):
            raise Declined(f"CMMVC5709E [{word[:32]}] is not a supported parameter.")
        else:
            found.setdefault("", word)
    return found


def _table(array: Nodes, verb: str, options: dict[str, str]) -> Rows:
    if verb == "lsdumps":
        if options.get("-prefix") != "/upgrade":
            raise Declined("CMMVC5711E [" + options.get("-prefix", "")[:32] + "] is not valid data.")
        return [{"id": str(number), "filename": name} for number, name in enumerate(sorted(array.uploads))]
    if verb in ("lsvdisk", "lsfcmap", "lsrcrelationship", "lscontroller"):
        return volume_tables(array, verb, in_bytes="-bytes" in options)
    if verb == "lsdependentvdisks":
        return _dependent(array, options)
    return {
        "lsnodecanister": _nodes,
        "lsenclosure": _enclosures,
        "lsenclosurecanister": canisters,
        "lsarray": _arrays,
        "lsarraymemberprogress": _progress,
        "lsdrive": _drives,
        "lshost": hosts,
        "lseventlog": events,
    }[verb](array)


def _system(array: Nodes) -> list[tuple[str, str]]:
    pairs = [("id", array.serial), ("name", array.name), ("location", "local"), ("partnership", "")]
    pairs += [("total_mdisk_capacity", "16.0TB"), ("space_in_mdisk_grps", "16.0TB"), ("total_free_space", "15.2TB")]
    pairs += [("statistics_status", "on"), ("statistics_frequency", "15"), ("time_zone", "522 UTC")]
    pairs += [("code_level", level(array.told_version)), ("console_IP", "127.0.0.1:443")]
    for tier in ("tier0_flash", "tier1_flash", "tier_enterprise"):
        pairs += [("tier", tier), ("tier_capacity", "0.00MB"), ("tier_free_capacity", "0.00MB")]
    return [*pairs, ("topology", "standard"), ("topology_status", ""), ("product_name", array.model)]


def _update(array: Nodes) -> list[tuple[str, str]]:
    update = array.update
    stalled = "stalled" in update.status
    suggested = {"system_prepared": "start", "system_completion_required": "complete", "success": "start"}
    return [
        ("status", update.status),
        ("event_sequence_number", "210" if stalled else ""),
        ("progress", update.progress),
        ("estimated_completion_time", ""),
        ("suggested_action", "fix" if stalled else suggested.get(update.status, "wait")),
        ("system_new_code_level", update.new_level),
        ("system_forced", "no"),
        ("system_next_node_status", "updating" if update.next_node else "none"),
        ("system_next_node_time", ""),
        ("system_next_node_id", update.next_node.removeprefix("node")),
        ("system_next_node_name", update.next_node),
        ("system_next_pause_time", ""),
    ]


def _nodes(array: Nodes) -> Rows:
    rows = []
    for number, (node, status) in enumerate(array.told_controllers.items(), start=1):
        row = {
            "id": str(number),
            "name": node,
            "UPS_serial_number": "",
            "WWNN": f"50050768{int.from_bytes(array.serial.encode()[-3:], 'big'):06X}{number:02X}",
            "status": status,
            "IO_group_id": "0",
            "IO_group_name": "io_grp0",
            "config_node": "yes" if node == "node1" else "no",
            "UPS_unique_id": "",
            "hardware": "LAB",
            "iscsi_name": array.target_of(node),
        }
        if newer_speech(array.version):
            row["partition_id"] = ""  # in the middle on purpose: a reader by position breaks here
        row |= {
            "iscsi_alias": "",
            "panel_name": f"01-{number}",
            "enclosure_id": "1",
            "canister_id": str(number),
            "enclosure_serial_number": array.serial[-7:],
            "site_id": "",
            "site_name": "",
        }
        rows.append(row)
    return rows


def _enclosures(array: Nodes) -> Rows:
    online = sum(status == "online" for status in array.told_controllers.values())
    row = {
        "id": "1",
        "status": "online" if online == 2 else "degraded",
        "type": "control",
        "managed": "yes",
        "IO_group_id": "0",
        "IO_group_name": "io_grp0",
        "product_MTM": "LAB-0001",
        "serial_number": array.serial[-7:],
        "total_canisters": "2",
        "online_canisters": str(online),
        "total_PSUs": "2",
        "online_PSUs": "2",
        "drive_slots": "12",
        "total_fan_modules": "2",
        "online_fan_modules": "2",
        "total_sems": "0",
        "online_sems": "0",
    }
    if "shelf" not in array.faults:
        return [row]
    shelf = {"id": SHELF, "status": array.shelf_state, "type": "expansion", "product_MTM": "LAB-0024"}
    shelf |= {"serial_number": f"S{array.serial[-6:]}", "online_canisters": str(array.module_states.count("online"))}
    return [row, row | shelf]


def _arrays(array: Nodes) -> Rows:
    status = "degraded" if "rebuild" in array.faults or "drive-failed" in array.faults else "online"
    lost = "offline" if array.shelf_lost else ""
    status = lost or status
    row = {"mdisk_id": "0", "mdisk_name": "mdisk0", "status": lost or "online", "mdisk_grp_id": "0"}
    row |= {"mdisk_grp_name": "Pool0", "capacity": "16.0TB", "raid_status": status, "raid_level": "raid6"}
    return [row | {"redundancy": "2", "strip_size": "256", "tier": "tier0_flash", "encrypt": "no"}]


def _progress(array: Nodes) -> Rows:
    if "rebuild" not in array.faults:
        return []
    row = {"mdisk_id": "0", "mdisk_name": "mdisk0", "member_id": "3", "drive_id": "3", "task": "rebuild"}
    return [row | {"new_drive_id": "11", "progress": "42", "estimated_completion_time": "261231235900"}]


def _drives(array: Nodes) -> Rows:
    rows = []
    for number in range(12):
        failed = number == 3 and "drive-failed" in array.faults
        row = {"id": str(number), "status": "offline" if failed else "online", "error_sequence_number": ""}
        row |= {"use": "failed" if failed else "spare" if number == 11 else "member", "tech_type": "tier0_flash"}
        row |= {"capacity": "1.7TB", "mdisk_id": "0", "mdisk_name": "mdisk0", "member_id": str(number)}
        row |= {"enclosure_id": "1", "slot_id": str(number + 1), "node_id": "", "node_name": ""}
        rows.append(row | {"auto_manage": "inactive", "drive_class_id": "0"})
    return rows + (_shelf_drives(array, rows[0]) if "shelf" in array.faults else [])


def _shelf_drives(array: Nodes, like: dict[str, str]) -> Rows:
    """Six more members, each with a path through each module that is online."""
    states = [array.shelf_state] * 6
    if "drive-on-one-path" in array.faults:
        states[0] = "degraded" if array.shelf_state == "online" else "offline"
    return [
        like
        | {"id": str(12 + slot), "status": state, "use": "member", "member_id": str(12 + slot)}
        | {"enclosure_id": SHELF, "slot_id": str(slot + 1)}
        for slot, state in enumerate(states)
    ]


def _dependent(array: Nodes, options: dict[str, str]) -> Rows:
    if options.get("-enclosure") == SHELF and "shelf" in array.faults:
        return _on_shelf(array, options.get("-canister"))
    named = options.get("-canister") if options.get("-enclosure") == "1" else options.get("-node")
    if named is None or named not in (*array.controllers, "1", "2"):
        raise Declined("CMMVC5753E The specified object does not exist.")
    number = named.removeprefix("node")
    others = [status for name, status in array.controllers.items() if name != f"node{number}"]
    if "dependent-vdisks" in array.faults or "offline" in others:
        return [{"vdisk_id": "0", "vdisk_name": "volume0"}]
    return []


def _on_shelf(array: Nodes, module: str | None) -> Rows:
    """Volumes that go offline without one module of the shelf, or without the shelf."""
    if module not in (None, "1", "2"):
        raise Declined("CMMVC5753E The specified object does not exist.")
    rest = [state for number, state in enumerate(array.module_states, start=1) if str(number) != module]
    hangs = module is None or "online" not in rest or "dependent-vdisks" in array.faults
    return [{"vdisk_id": "0", "vdisk_name": "volume0"}] if hangs else []
