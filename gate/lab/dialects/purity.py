"""
What a lab FlashArray says on its command line: titles and raw values with `--csv`; nothing else is asked of it.

What is refused is said on standard error alone. Newer code has a column more in three tables and ends lines CRLF. The
titles of most tables are assumed [M]; see array-clis, section 3, for those that were seen.
"""

import csv
import io
import shlex
from collections.abc import Mapping
from typing import ClassVar

from gate.lab.dialects.by_vendor import BY_VENDOR, ByVendor
from gate.lab.images import Behaviour, lab_image
from gate.lab.said import Said

NEWER = (6, 7)


class Purity(ByVendor):
    """Two controllers; the vendor's support loads the code."""

    first_version = "6.6.9"
    images = (
        lab_image("6.6.11", Behaviour.GOOD),
        lab_image("6.7.1", Behaviour.GOOD),
        lab_image("6.7.2", Behaviour.LOST_WRITES),
        lab_image("6.7.3", Behaviour.FLIPS_BITS),
    )
    names = ("CT0", "CT1")
    company = "624a9370"
    target_name = "iqn.2010-06.com.purestorage:flasharray.{id}"
    own_faults: ClassVar[Mapping[str, str]] = {
        **BY_VENDOR,
        "alert": "an open alert of severity warning, with that text",
        "one-path": "initiators reach one controller alone",
        "partner-link": "the link to the array it replicates to is down",
    }

    def answer(self, line: str, *, admin: bool) -> Said:  # noqa: ARG002  the protocol's
        """Answer one command line; nothing that anybody may say changes something."""
        try:
            words = shlex.split(line)
        except ValueError:
            return _refused("unexpected end of input")
        if not words:
            return Said()
        table = _table(self, words)
        if table is None:
            return _refused(f"{words[0][:40]}: command or option not known")
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n" if _newer(self) else "\n")
        writer.writerows(table)
        return Said(out.getvalue().encode())


def _refused(why: str) -> Said:
    return Said(err=f"Error: {why}\n".encode(), status=1)


def _table(array: Purity, words: list[str]) -> list[list[str]] | None:
    tables = {
        ("purearray", "list"): _arrays,
        ("purearray", "list", "--controller"): _controllers,
        ("purehw", "list"): _hardware,
        ("puredrive", "list"): _drives,
        ("pureport", "list"): _ports,
        ("pureport", "list", "--initiator"): _initiators,
        ("purearray", "connection", "list"): _partners,
        ("purealert", "list"): _alerts,
        ("purealert", "list", "--filter", "state='open'"): _alerts,
        ("purevol", "list"): _volumes,
    }
    if words[-1] != "--csv" or tuple(words[:-1]) not in tables:
        return None
    return tables[tuple(words[:-1])](array)


def _newer(array: Purity) -> bool:
    return tuple(int(part) for part in array.version.split(".")[:2]) >= NEWER


def _arrays(array: Purity) -> list[list[str]]:
    if _newer(array):
        return [
            ["Name", "ID", "Region", "OS", "Version"],
            [array.name, array.serial, "", "Purity//FA", array.told_version],
        ]
    return [["Name", "ID", "OS", "Version"], [array.name, array.serial, "Purity//FA", array.told_version]]


def _controllers(array: Purity) -> list[list[str]]:
    head = ["Name", "Type", "Mode", "Model", "Version", "Status", "Current Mode Since", "Internal Details"]
    rows = [head]
    for number, name in enumerate(array.names):
        status = "ready" if array.controllers[name] == "online" else "not ready"
        row = [name, "array_controller", ("primary", "secondary")[number], array.model, array.code_of(name), status]
        rows.append([*row, "2026-10-01 03:00:00 UTC", ""])
    return rows


def _hardware(array: Purity) -> list[list[str]]:
    head = ["Name", "Status", "Identify", "Slot", "Index", "Speed", "Temperature", "Voltage", "Details"]
    rows = [head]
    for name, state in array.controllers.items():
        status = "ok" if state == "online" else "critical"
        rows += [
            [name, status, "off", "", name[-1], "", "", "", ""],
            [f"{name}.ETH4", status, "off", "", "4", "", "", "", ""],
        ]
    rows.append(["CH0.BAY9", "not_installed", "off", "", "9", "", "", "", ""])
    return [[*row[:2], "x" if row is not head else "New Title", *row[2:]] for row in rows] if _newer(array) else rows


def _drives(array: Purity) -> list[list[str]]:
    rows = [["Name", "Type", "Status", "Capacity", "Details", "Last Failure", "Last Evac Completed"]]
    for number in range(8):
        failed = number == 3 and "drive-failed" in array.faults
        rebuilt = number == 5 and "rebuild" in array.faults
        status = "failed" if failed else "recovering" if rebuilt else "healthy"
        rows.append([f"CH0.BAY{number}", "SSD", status, "1920383410176", "", "", ""])
    return rows


def _ports(array: Purity) -> list[list[str]]:
    rows = [["Name", "WWN", "Portal", "IQN", "NQN", "Failover"]]
    for number, name in enumerate(array.names):
        other = f"{array.names[0]}.ETH4" if number and array.controllers[name] != "online" else ""
        rows.append([f"{name}.ETH4", "", f"192.0.2.3{number}:3260", array.controller.identity.target, "", other])
    return rows


def _initiators(array: Purity) -> list[list[str]]:
    """Initiators are those to whom a LUN is shown; one logs in at every controller that is up."""
    head = ["Initiator WWN", "Initiator Portal", "Initiator IQN", "Initiator NQN", "Target", "Target WWN"]
    rows = [[*head, "Target Portal", "Target IQN", "Failover"]]
    names = sorted({name for unit in array.controller.units.values() for name in unit.masked_to})
    up = [name for name, state in array.controllers.items() if state == "online"]
    for name in names:
        for controller in up[:1] if "one-path" in array.faults else up:
            target = array.controller.identity.target
            rows.append(["", "192.0.2.101:51000", name, "", f"{controller}.ETH4", "", "192.0.2.30:3260", target, ""])
    return rows


def _partners(array: Purity) -> list[list[str]]:
    status = "unhealthy" if "partner-link" in array.faults else "connected"
    head = ["Name", "Type", "Throttled", "Status", "Management Address", "Replication Address", "Version"]
    return [head, ["lab-elsewhere", "async-replication", "False", status, "192.0.2.40", "192.0.2.41", "6.6.9"]]


def _alerts(array: Purity) -> list[list[str]]:
    rows = [["ID", "Severity", "State", "Code", "Component", "Summary"]]
    if "alert" in array.faults:
        rows.append(["1042", "warning", "open", "33", "CH0.BAY3", array.faults["alert"] or "Drive, bay 3: degraded"])
    if "refuses-precheck" in array.faults:
        rows.append(["1043", "info", "open", "60", "CT1", "Array is not ready for an upgrade"])
    return rows


def _volumes(array: Purity) -> list[list[str]]:
    rows = [["Name", "Size", "Source", "Created", "Serial"]]
    for number, unit in sorted(array.controller.units.items()):
        serial = array.controller.identity.naa(number).hex().upper().removeprefix(array.company.upper())
        rows.append([f"vol{number}", str(len(unit.data)), "", "2026-01-05 10:00:00 UTC", serial])
    return rows
