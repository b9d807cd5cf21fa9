"""
What an ONTAP cluster says: tables for people, `Key: value` lines, and, with `-fields`, values between separators.

Several commands may stand in one line, divided by `;`: `set` changes how the later ones answer. Lines end CRLF; newer
code has a banner of the login before them and more columns in its tables. Outputs follow NetApp's documentation; texts
that were not found there are marked [M].
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gate.lab.dialects.ontap_state import PHASES, Cluster
from gate.lab.said import Declined, Said

EMPTY = ["This table is currently empty."]
NONE = ["There are no entries matching your query."]
SURE = "Would you like to proceed with update ? {y|n}: "
VALIDATED = (
    "WARNING: There are additional manual upgrade validation checks that must be performed",
    "after these automated validation checks have completed successfully.",
)


@dataclass
class Settings:
    """What `set` has changed in one line."""

    separator: str = ""
    raw: bool = False
    advanced: bool = False


class Ontap(Cluster):
    """NetApp AFF, FAS, ASA."""

    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line."""
        settings, out = Settings(), list[str]()
        if self.version != self.first_version:
            out += ["", "Last login time: 11/22/2026 10:00:00"]
        for command in re.findall(r'(?:[^;"]|"[^"]*")+', line):
            words = command.split()
            try:
                if words[:1] == ["set"]:
                    _set(settings, words[1:])
                elif words[:3] == ["cluster", "image", "update"]:
                    return self._update(out, words[3:], admin=admin)
                elif words[:3] in (["cluster", "image", "package"], ["cluster", "image", "cancel-update"]):
                    return self._act(out, words[2:], admin=admin)
                else:
                    out += self._one(words, settings)
            except Declined as refusal:
                return Said(_lines([*out, "", str(refusal)]), status=255)
        return Said(_lines(out))

    def _update(self, out: list[str], words: list[str], *, admin: bool) -> Said:
        _allowed(admin)
        if words[:1] != ["-version"] or len(words) != 2:
            raise Declined("Error: missing or invalid arguments.")
        if words[1] not in self.packages:
            raise Declined(f'Error: command failed: Package "{words[1]}" is not in the repository.')
        checks = [*out, "", "Starting validation for this update. Please wait..", "", *self._validation()]
        if self.problems():
            return Said(_lines([*checks, "", "Error: command failed: Validation failed."]), status=255)

        def confirmed(answer: str) -> Said:
            if answer != "y":
                return Said(_lines(["", "Info: The update was not started."]))
            try:
                self.begin(words[1])
            except Declined as refusal:
                return Said(_lines(["", str(refusal)]), status=255)
            return Said(_lines(["", "Starting update..."]), mutates=True)

        return Said(_lines([*checks, "", *VALIDATED]) + SURE.encode(), then=confirmed)

    def _act(self, out: list[str], words: list[str], *, admin: bool) -> Said:
        if words == ["package", "show-repository"]:
            return Said(_lines([*out, *self._packages()]))
        _allowed(admin)
        if words == ["cancel-update"]:
            self.cancel()
            return Said(_lines([*out, "Info: The update is being canceled."]), mutates=True)
        if words[:3] == ["package", "get", "-url"] and len(words) == 4 and words[3].startswith("http://"):
            self.get_package(words[3])
            told = ["Package download completed.", "Package processing completed."]
            return Said(_lines([*out, *told]), mutates=True)
        raise Declined(f'Error: "{" ".join(words)[:40]}" is not a recognized command')

    def _one(self, words: list[str], settings: Settings) -> list[str]:
        whole, _, wanted = " ".join(words).partition(" -fields ")
        if wanted:
            return self._fields(whole, wanted.split(","), settings)
        if whole.startswith("cluster image validate -version "):
            return ["", "It can take several minutes to complete validation...", "", *self._validation()]
        if whole == "system node image show" and not settings.advanced:
            raise Declined('Error: "image" is not a recognized command')
        tables: dict[str, Callable[[], list[str]]] = {
            "version": lambda: [f"NetApp Release {self.told_version}: Tue Mar 05 10:11:12 UTC 2024"],
            "cluster identity show": self._identity,
            "system node show -instance": self._nodes,
            "system node image show": self._images,
            "system health status show": lambda: ["Status", "---------------", "degraded" if self._ill() else "ok"],
            "system health alert show -instance": self._alerts,
            "system health subsystem show -instance": self._subsystems,
            "cluster show": self._quorum,
            "storage disk show -broken": self._broken,
            "network interface show -is-home false": self._displaced,
            "cluster image show-update-progress": self._progress,
        }
        if whole not in tables:
            raise Declined(f'Error: "{whole[:40]}" is not a recognized command')
        return tables[whole]()

    def _node(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _dead(self, name: str) -> bool:
        return self.controllers[name] != "online"

    def _ill(self) -> bool:
        return any(fault in self.faults for fault in ("drive-failed", "rebuild", "alert", "partner-dead"))

    def _identity(self) -> list[str]:
        return [
            f"          Cluster UUID: {self.serial}",
            f"          Cluster Name: {self.name}",
            " Cluster Serial Number: -",
            "      Cluster Location: lab",
            "       Cluster Contact:",
        ]

    def _nodes(self) -> list[str]:
        lines: list[str] = []
        for name in self.names:
            health = "false" if self._dead(name) else "true"
            lines += [f"                    Node: {self._node(name)}", "                   Owner:"]
            lines += [f"                   Model: {self.model}", f"           Serial Number: {name}7000123456"]
            lines += ["                  Uptime: 21 days 04:11", "                  Vendor: NetApp"]
            lines += [f"                  Health: {health}", f"             Eligibility: {health}", ""]
        return [*lines, "2 entries were displayed."]

    def _images(self) -> list[str]:
        lines = [
            "                  Is      Is                                Install",
            "Node     Image    Default Current Version                   Date",
            "-------- -------- ------- ------- ------------------------- -------------------",
        ]
        for name, version in self.told_versions().items():
            lines.append(self._node(name))
            lines.append(f"         image1   true    true    {version:25} 11/22/2026 10:00:00")
            lines.append(f"         image2   false   false   {self.first_version:25} 1/2/2026 10:00:00")
        return [*lines, "4 entries were displayed."]

    def _alerts(self) -> list[str]:
        if "alert" not in self.faults:
            return EMPTY
        return [
            f"               Node: {self._node('01')}",
            "            Monitor: node-connect",
            "           Alert ID: DualPathToDiskShelf_Alert",
            f"     Probable Cause: {self.faults['alert'] or 'Disk shelf has a single path'}",
            "                     to one controller.",
            "    Additional Alert Tags: quality-of-service, nondisruptive-upgrade",
        ]

    def _subsystems(self) -> list[str]:
        lines: list[str] = []
        for name in ("SAS-connect", "Environment", "Memory"):
            lines += [f"                Subsystem: {name}"]
            lines += [f"                   Health: {'degraded' if self._ill() and name[0] == 'S' else 'ok'}"]
            lines += ["     Initialization State: initialized", ""]
        return [*lines, "3 entries were displayed."]

    def _quorum(self) -> list[str]:
        lines = ["Node                  Health  Eligibility", "--------------------- ------- ------------"]
        for name in self.names:
            health = "false" if self._dead(name) else "true"
            node = self._node(name)
            if len(node) > 21:  # a name that does not fit has a line of its own [M]
                lines, node = [*lines, node], ""
            lines.append(f"{node:21} {health:7} {health}")
        return [*lines, "2 entries were displayed."]

    def _broken(self) -> list[str]:
        if "drive-failed" not in self.faults:
            return NONE
        return ["Original Owner: lab", "  Checksum Compatibility: block", "    1.0.3  failed  1.7TB"]

    def _displaced(self) -> list[str]:
        if "off-home" not in self.faults:
            return NONE
        return [
            "Vserver     Interface  Current Port Home",
            "----------- ---------- ------------ ----",
            "svm0  lif1  e0d  false",
        ]

    def _progress(self) -> list[str]:
        if not self.progress.states:
            return EMPTY
        lines = [
            "                                             Estimated         Elapsed",
            "Update Phase         Status                   Duration        Duration",
            "-------------------- ----------------- --------------- ---------------",
        ]
        lines += [
            f"{phase:20} {state:17}        00:10:00        00:01:58" for phase, state in self.progress.states.items()
        ]
        count = len(self.progress.states)
        lines.append(f"{count} entr{'y was' if count == 1 else 'ies were'} displayed.")
        if self.progress.states.get(PHASES[2]) == "completed":
            lines += ["", f"Updated nodes: {self._node('01')}, {self._node('02')}."]
        return lines

    def _packages(self) -> list[str]:
        if not self.packages:
            return EMPTY
        lines = ["", "Package Version  Package Build Time", "---------------- ------------------"]
        return [*lines, *(f"{version:16} 3/5/2024 10:11:12" for version in self.packages)]

    def _validation(self) -> list[str]:
        lines = [
            "Pre-update Check     Status     Error-Action",
            "-------------------- ---------- ---------------------------",
        ]
        found = self.problems()
        lines.append("Aggregate status     OK         N/A")
        lines.append(f"Cluster health       {'Error' if found else 'OK':10} {'Error: ' + found[0] if found else 'N/A'}")
        lines += ["                                Action: mend it and validate again."] if found else []
        return [
            *lines,
            "Manual checks        Warning    Warning: manual validation checks need",
            "                                to be performed.",
        ]

    def _fields(self, whole: str, wanted: list[str], settings: Settings) -> list[str]:
        rows = self._rows(whole)
        if rows is None or not settings.separator:
            raise Declined(f'Error: "{whole[:40]}" is not a recognized command')
        if not rows:
            return EMPTY
        names = [name for name in rows[0] if name in wanted]  # in the table's own order
        if set(names) != set(wanted):
            raise Declined("Error: invalid argument to -fields")
        titles = [name.replace("-", " ").title() for name in names]
        told = [[row[name] for name in names] for row in rows]
        return [settings.separator.join(one) + settings.separator for one in (names, titles, *told)]

    def _rows(self, whole: str) -> list[dict[str, str]] | None:
        if whole == "storage failover show":
            return [self._takeover(name, other) for name, other in (self.names, self.names[::-1])]
        if whole == "storage aggregate show":
            raid = "raid_dp, reconstruct" if "rebuild" in self.faults else "raid_dp, normal"
            return [{"aggregate": "aggr1", "node": self._node("01"), "state": "online", "raidstatus": raid}]
        if whole == "lun show":
            return [self._lun(number) for number in sorted(self.controller.units)]
        if whole == "vserver iscsi show":
            target = self.controller.identity.target
            return [{"vserver": "svm0", "target-name": target, "target-alias": "svm0", "status-admin": "up"}]
        empty = ("volume clone show", "snapmirror show", "vserver fcp interface show", "storage array show")
        return [] if whole in empty else None

    def _takeover(self, name: str, other: str) -> dict[str, str]:
        able = not self._dead(name) and not self._dead(other)
        said = f"Connected to {self._node(other)}" if able else "Waiting for giveback (HA mailboxes)"
        row = {"node": self._node(name), "partner-name": self._node(other), "possible": "true" if able else "false"}
        return row | {"state-description": said, "enabled": "true"}

    def _lun(self, number: int) -> dict[str, str]:
        row = {"vserver": "svm0", "path": f"/vol/vol{number}/lun{number}", "volume": f"vol{number}"}
        row |= {"size": str(len(self.controller.units[number].data)), "state": "online", "mapped": "mapped"}
        return row | {"serial-hex": self.controller.identity.naa(number).hex()[8:]}


def _set(settings: Settings, words: list[str]) -> None:
    options = dict(zip(words[::2], words[1::2], strict=False))
    settings.separator = options.get("-showseparator", settings.separator).strip('"')
    settings.raw = options.get("-units", "") == "raw" or settings.raw
    settings.advanced = options.get("-privilege", "") == "advanced" or settings.advanced
    if strange := set(options) - {"-rows", "-showseparator", "-units", "-privilege", "-confirmations"}:
        raise Declined(f"Error: invalid argument {strange.pop()[:30]}")


def _allowed(admin: bool) -> None:
    if not admin:
        raise Declined("Error: not authorized for that command")


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
