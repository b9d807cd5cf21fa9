"""
What a lab 3PAR says on its command line: tables with commas by `-csvtable`, text otherwise.

Only what the vendor's public tools ask is answered. Newer code has a column more in three tables and ends lines CRLF.
The words of checkupgrade, the sentences of an empty task list and of a clean health check, and the titles of remote
copy are assumed [M].
"""

import shlex
from collections.abc import Mapping
from typing import ClassVar

from gate.lab.dialects.by_vendor import BY_VENDOR, ByVendor
from gate.lab.images import Behaviour, lab_image
from gate.lab.said import Said

Rows = list[list[str]]
ISCSI = "0:8:1", "1:8:1"
NEWER = "3.3.2"


class ThreePar(ByVendor):
    """Two nodes; its service processor loads the code."""

    first_version = "3.3.1-MU2"
    images = (
        lab_image("3.3.1-MU5", Behaviour.GOOD),
        lab_image("3.3.2-MU1", Behaviour.GOOD),
        lab_image("3.3.2-MU2", Behaviour.LOST_WRITES),
        lab_image("3.3.2-MU3", Behaviour.FLIPS_BITS),
    )
    names = ("0", "1")
    company = "60002ac0"
    target_name = "iqn.2000-05.com.3pardata:{id}"
    own_faults: ClassVar[Mapping[str, str]] = {
        **BY_VENDOR,
        "upgrade-check": "its own look before an update says that text",
        "alert": "an alert that nobody has looked at, with that text",
        "task": "a task is running, of that name",
        "one-path": "hosts reach one node alone",
    }

    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line."""
        try:
            words = shlex.split(line)
        except ValueError:
            return _refused("unbalanced quotes")
        if not words:
            return Said()
        if admin and words == ["setsched", "-suspend_all"]:
            self.accepted["setsched"] += 1
            return Said(mutates=True)
        text = _text(self, words)
        if text is None:
            return _refused(f"Invalid command: {words[0][:40]}")
        end = "\r\n" if _newer(self) else "\n"
        return Said("".join(line + end for line in text).encode())


def _refused(why: str) -> Said:
    return Said(f"Error: {why}\r\n".encode(), status=1)


def _text(array: ThreePar, words: list[str]) -> list[str] | None:
    texts = {
        ("showversion", "-b"): _version,
        ("shownode", "-verbose"): _verbose,
        ("checkhealth", "-svc", "-detail"): _checkhealth,
        ("statcpu", "-iter", "1"): _statcpu,
        ("checkupgrade",): _checkupgrade,
    }
    if tuple(words) in texts:
        return texts[tuple(words)](array)
    if words[-1] != "-csvtable":
        return None
    if words[:-1] == ["showtask", "-active"] and "task" not in array.faults:
        return ["No active tasks"]
    tables = {
        ("showsys",): _showsys,
        ("shownode", "-state"): _nodes,
        ("shownode", "-ps"): _power,
        ("showport",): _ports,
        ("showport", "-iscsiname"): _iscsi_names,
        ("showhost",): _hosts,
        ("showtask", "-active"): _tasks,
    }
    if tuple(words[:-1]) in tables:
        head, rows, ends = tables[tuple(words[:-1])](array)
    elif words[0] in ("showpd", "showvv") and words[1:2] == ["-showcols"] and len(words) == 4:
        ends = True
        all_columns = _disks(array) if words[0] == "showpd" else _volumes(array)
        head = words[2].split(",")
        if any(name not in all_columns[0] for name in head):
            return None
        rows = [[row[name] for name in head] for row in all_columns]
    else:
        return None
    lines = [",".join(head), *(",".join(row) for row in rows)]
    return [*lines, "-" * 60, f"{len(rows)},total" + "," * (len(head) - 2)] if ends else lines


def _newer(array: ThreePar) -> bool:
    return array.version >= NEWER


def _spoken(version: str) -> str:
    number, _, update = version.partition("-")
    return f"{number} ({update})" if update else number


def _showsys(array: ThreePar) -> tuple[list[str], Rows, bool]:
    head = ["ID", "---Name---", "---Model---", "--Serial--", "Nodes", "Master", "TotalCap", "AllocCap", "FreeCap"]
    row = ["10042", array.name, array.model, array.serial, "2", "0", "16777216", "4194304", "12582912"]
    if _newer(array):
        head, row = [*head[:3], "-Location-", *head[3:]], [*row[:3], "lab", *row[3:]]
    return [*head, "FailedCap"], [[*row, "0"]], False


def _version(array: ThreePar) -> list[str]:
    spoken = _spoken(array.told_version)
    lines = [f"Release version {spoken}", "Patches:  None", "", "Component Name                   Version"]
    return lines + [f"{part:<32} {spoken}" for part in ("CLI Server", "System Manager", "Kernel", "TPD Kernel Code")]


def _verbose(array: ThreePar) -> list[str]:
    lines = []
    for number, node in enumerate(array.names):
        code = array.code_of(node).replace("-MU", ".")
        lines += [f"Node: {node}", "--------", *([f"System serial: {array.serial}"] if not number else [])]
        lines += ["BIOS version: 4.8.34", f"OS version: {code}", "Reset reason: Unknown", ""]
    return lines


def _nodes(array: ThreePar) -> tuple[list[str], Rows, bool]:
    states = {"online": ["OK", "OK"], "offline": ["Failed", "Not_In_Cluster"]}
    rows = [[node, *states[state]] for node, state in array.controllers.items()]
    return ["Node", "-State-", "-Detailed_State-"], rows, False


def _power(array: ThreePar) -> tuple[list[str], Rows, bool]:
    head = ["Node", "PS", "-Assem_Part-", "-Assem_Serial-", "ACState", "DCState", "PSState"]
    rows = [[node, supply, "LAB-PS", f"LAB{node}{supply}", *["OK"] * 3] for node in array.names for supply in "01"]
    return head, rows, False


def _disks(array: ThreePar) -> list[dict[str, str]]:
    rows = []
    for number in range(8):
        state = "failed" if number == 3 and "drive-failed" in array.faults else "normal"
        rows.append({"Id": str(number), "CagePos": f"0:{number}:0", "Type": "SSD", "State": state})
    return rows


def _ports(array: ThreePar) -> tuple[list[str], Rows, bool]:
    head = ["N:S:P", "Mode", "State", "----Node_WWN----", "-Port_WWN/HW_Addr-", "Type", "Protocol", "Label"]
    rows = []
    for number, place in enumerate(ISCSI):
        state = "ready" if array.controllers[place[0]] == "online" else "offline"
        rows.append([place, "target", state, "-", f"2C27D75200{number}1", "host", "iSCSI", "-"])
    rows.append(["0:2:2", "initiator", "loss_sync", "2FF70002AC0A0042", "20220002AC0A0042", "free", "FC", "-"])
    if _newer(array):
        head, rows = ["N:S:P", "Brand", *head[1:]], [[row[0], "LAB", *row[1:]] for row in rows]
    return [*head, "Partner", "FailoverState"], [[*row, "-", "-"] for row in rows], True


def _iscsi_names(array: ThreePar) -> tuple[list[str], Rows, bool]:
    target = array.controller.identity.target
    rows = [[place, f"192.0.2.2{number}", target] for number, place in enumerate(ISCSI)]
    return ["N:S:P", "IPAddr", "---------------iSCSI_Name----------------"], rows, True


def _hosts(array: ThreePar) -> tuple[list[str], Rows, bool]:
    """Hosts are those to whom a LUN is shown; one logs in at every node that is up."""
    initiators = sorted({name for unit in array.controller.units.values() for name in unit.masked_to})
    up = [place for place in ISCSI if array.controllers[place[0]] == "online"]
    rows = []
    for number, name in enumerate(initiators):
        places = up[:1] if "one-path" in array.faults else up
        rows += [[str(number), name.rsplit(":", 1)[-1], "Generic", name, place] for place in places or ["---"]]
    return ["Id", "Name", "Persona", "-WWN/iSCSI_Name-", "Port"], rows, True


def _checkhealth(array: ThreePar) -> list[str]:
    found = []
    if "alert" in array.faults:
        found.append(("Alert", array.faults["alert"] or "New alerts"))
    if "rebuild" in array.faults:
        found.append(("LD", "LDs being relocated"))
    if "drive-failed" in array.faults:
        found.append(("PD", "PDs that are failed"))
    lines = [f"Checking {part}" for part in ("alert", "cage", "ld", "node", "pd", "vlun")]
    if not found:
        return [*lines, "System is healthy"]
    lines.append("Component ----------------Summary Description---------------- Qty")
    lines += [f"{part:<9} {said:<51} {1:>3}" for part, said in found]
    return [*lines, "-" * 65, f"       {len(found)} total {len(found):>50}"]


def _checkupgrade(array: ThreePar) -> list[str]:
    said = array.faults.get("upgrade-check", "")
    return ["Checking whether the system is ready for an upgrade", said or "System is ready for upgrade"]


def _statcpu(array: ThreePar) -> list[str]:
    busy = 80 if "refuses-precheck" in array.faults else 12
    lines = ["node,cpu user sys idle intr/s ctxt/s"]
    return lines + [f" {node},total   {busy - 4:>3}  {4:>3}  {100 - busy:>3}   2012   9077" for node in array.names]


def _tasks(array: ThreePar) -> tuple[list[str], Rows, bool]:
    row = ["812", "move_regions", array.faults["task"] or "tune_vv", "active", "1/1", "12/40"]
    return ["Id", "Type", "Name", "Status", "Phase", "Step"], [row], False


def _volumes(array: ThreePar) -> list[dict[str, str]]:
    rows = []
    for number, unit in sorted(array.controller.units.items()):
        row = {"Id": str(number), "Name": f"vv{number}", "Type": "base", "CopyOf": "---", "RcopyStatus": "none"}
        row |= {"VV_WWN": array.controller.identity.naa(number).hex().upper()}
        rows.append(row | {"VSize_MB": str(len(unit.data) >> 20)})
    return rows
