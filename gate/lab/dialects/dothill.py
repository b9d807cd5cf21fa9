"""
What an array of the Seagate/DotHill family says: objects, as JSON once that is asked for, else as plain lines.

Several commands may stand in one line, divided by `;`, and each answer ends with a `status` object, whose return code 0
alone is success (Dell ME4 CLI guide). Newer bundles tell more properties and end lines CRLF. The plain form is a rough
one, and so is what is marked [M].
"""

import json
from collections.abc import Callable
from typing import Any

from gate.lab.dialects.dothill_state import Pair
from gate.lab.said import Declined, Said

Objects = dict[str, list[dict[str, Any]]]
JSON_MODE = ["set", "cli-parameters", "json", "pager", "off"]
HEALTHS = ("OK", "Degraded", "Fault")
SURE = "Activating this bundle restarts both controllers.\r\nDo you want to continue? (y/n) "  # [M]


class DotHill(Pair):
    """HPE MSA, Dell PowerVault ME4 and ME5, Seagate Exos X."""

    def answer(self, line: str, *, admin: bool) -> Said:
        """Answer one command line."""
        said: list[bytes] = []
        as_json = False
        for command in line.split(";"):
            words = command.split()
            as_json = as_json or words == JSON_MODE
            if words[:2] == ["activate", "firmware"]:
                return self._asks(b"".join(said), words, admin=admin, as_json=as_json)
            said.append(self._one(words, as_json=as_json))
        return Said(b"".join(said))

    def _asks(self, before: bytes, words: list[str], *, admin: bool, as_json: bool) -> Said:
        def answered(reply: str) -> Said:
            if reply.lower() not in ("y", "yes"):
                return Said(self._told({}, "The command was canceled.", 1, as_json=as_json))
            try:
                self.activate()
            except Declined as refusal:
                return Said(self._told({}, str(refusal), 1, as_json=as_json))
            return Said(self._told({}, "Firmware activation has started.", 0, as_json=as_json), mutates=True)

        if not admin:
            return Said(before + self._told({}, "You do not have permission.", -10010, as_json=as_json))
        if words != ["activate", "firmware", "bundle", "available"]:
            return Said(before + self._told({}, "Invalid parameter.", -10001, as_json=as_json))
        return Said(before + SURE.encode(), then=answered)

    def _one(self, words: list[str], *, as_json: bool) -> bytes:
        if words == JSON_MODE:
            return self._told({}, "Command completed successfully.", 0, as_json=True, kind=2)
        tables: dict[tuple[str, ...], Callable[[], Objects]] = {
            ("show", "system"): self._system,
            ("show", "versions"): self._versions,
            ("show", "controllers"): self._controllers,
            ("show", "redundancy-mode"): self._redundancy,
            ("show", "disks"): self._disks,
            ("show", "disk-groups"): self._groups,
            ("show", "ports"): self._ports,
            ("show", "volumes"): self._volumes,
            ("show", "snapshots"): lambda: {"snapshots": []},
            ("show", "unwritable-cache"): self._cache,
            ("show", "advanced-settings"): self._settings,
            ("show", "firmware-bundles"): self._bundles,
            ("show", "firmware-update-status"): self._update,
            ("check", "firmware-upgrade-health"): self._readiness,
        }
        told = tables.get(tuple(words))
        if told is None:
            return self._told({}, "The command is not recognized.", -10001, as_json=as_json)
        return self._told(told(), "Command completed successfully.", 0, as_json=as_json)

    def _told(self, objects: Objects, said: str, code: int, *, as_json: bool, kind: int | None = None) -> bytes:
        number = (0 if code == 0 else 1) if kind is None else kind
        word = ("Success", "Error", "Info")[number]
        when = "2026-11-22 10:00:01"
        status = {"object-name": "status", "meta": "/meta/status", "response-type": word}
        ended = {"response-type-numeric": number, "response": f"{said} ({when})", "return-code": code}
        whole = {**objects, "status": [{**status, **ended, "component-id": "", "time-stamp": when}]}
        if as_json:
            text = json.dumps(whole, indent=1)
        else:
            rows = [row for rows in objects.values() for row in rows]
            text = "\n".join([f"{key}: {value}" for row in rows for key, value in row.items()] + [f"{word}: {said}"])
        end = "\r\n" if self.version > self.first_version else "\n"
        return (text + "\n").replace("\n", end).encode()

    def _health(self, number: int, reason: str = "") -> dict[str, Any]:
        return {"health": HEALTHS[number], "health-numeric": number, "health-reason": reason}

    def _dead(self, name: str) -> bool:
        return self.told_controllers[name] != "online"

    def _up(self, name: str) -> bool:
        joining = name == self.names[1] and self.joining
        return joining or (not self._dead(name) and (self.cabled or name == self.names[0]))

    def _system(self) -> Objects:
        ill = self._dead("B") or "drive-failed" in self.faults
        row = {"object-name": "system-information", "system-name": self.name, "vendor-name": "LAB"}
        row |= {"midplane-serial-number": self.serial, "product-id": self.model, "product-brand": "LAB"}
        row |= {"other-MC-status": "Not Operational" if self._dead("B") else "Operational"}
        row |= self._health(1 if ill else 0, "A subcomponent is unhealthy." if ill else "")
        return {"system": [row | ({"unhealthy-component": self._unhealthy()} if ill else {})]}

    def _unhealthy(self) -> list[dict[str, Any]]:
        """What makes the system degraded, a component each."""
        found = [("Controller", "Controller B")] if self._dead("B") else []
        found += [("Disk", "Disk 0.3")] if "drive-failed" in self.faults else []
        return [
            {"object-name": "unhealthy-component", "component-type": kind, "component-id": name, **self._health(2)}
            for kind, name in found
        ]

    def _versions(self) -> Objects:
        rows = []
        for name, bundle in self.told_bundles().items():
            row = {"object-name": f"controller-{name.lower()}-versions", "sc-cpu-type": "Gladden"}
            rows.append(row | {"bundle-version": bundle, "bundle-base-version": bundle, "mc-fw": f"M{bundle}"})
        return {"versions": rows}

    def _controllers(self) -> Objects:
        rows = []
        for name in self.names:
            dead = self._dead(name)
            row: dict[str, Any] = {
                "object-name": "controllers",
                "durable-id": f"controller_{name.lower()}",
                "controller-id": name,
            }
            sitting = self.sitting[name]
            row |= {"serial-number": sitting.serial, "part-number": sitting.part, "sc-fw": self.told_bundles()[name]}
            row |= {"status": "Down" if dead else "Operational", "status-numeric": 1 if dead else 0}
            if self.version > self.first_version:
                row |= {"extended-health": "None"}
            rows.append(row | self._health(2 if dead else 0, "The controller is not operational." if dead else ""))
        return {"controllers": rows}

    def _redundancy(self) -> Objects:
        row = {"object-name": "system-redundancy", "redundancy-mode": "Active-Active ULP"}
        row |= {"redundancy-status": "Operational but not redundant" if self._dead("B") else "Redundant"}
        for name in self.names:
            row |= {f"controller-{name.lower()}-status": "Down" if self._dead(name) else "Operational"}
        return {"redundancy": [row]}

    def _disks(self) -> Objects:
        rows = []
        for slot in range(12):
            failed = slot == 3 and "drive-failed" in self.faults
            row = {"object-name": "drive", "durable-id": f"disk_00.{slot:02d}", "location": f"0.{slot}"}
            row |= {"serial-number": f"LAB{slot:05d}", "vendor": "LAB", "model": "LAB-SSD", "status": "Up"}
            reason = "The disk has failed." if failed else ""
            rows.append(row | self._health(2 if failed else 0, reason) | {"power-on-hours": 4000 + slot})
        return {"drives": rows}

    def _groups(self) -> Objects:
        rebuilding = "rebuild" in self.faults
        row = {"object-name": "disk-group", "name": "dgA01", "owner": "A", "raidtype": "RAID6"}
        row |= {"status": "CRIT" if rebuilding else "FTOL", "current-job": "RCON" if rebuilding else ""}
        row |= {"current-job-completion": "42%" if rebuilding else ""}
        return {"disk-groups": [row | self._health(1 if rebuilding else 0)]}

    def _ports(self) -> Objects:
        rows = []
        for name in self.names:
            row = {"object-name": "ports", "durable-id": f"hostport_{name}0", "controller": name, "port": f"{name}0"}
            row |= {
                "port-type": "iSCSI",
                "target-id": self.target_of(name),
                "status": "Up" if self._up(name) else "Disconnected",
            }
            rows.append(row | self._health(0))
        return {"port": rows}

    def _volumes(self) -> Objects:
        rows = []
        for number, unit in sorted(self.controller.units.items()):
            row: dict[str, Any] = {"object-name": "volume", "volume-name": f"volume{number}", "owner": "A"}
            row |= {"size": f"{len(unit.data) / 1e6:.1f}MB", "size-numeric": unit.blocks, "blocks": unit.blocks}
            row |= {"blocksize": 512, "volume-type": "base", "volume-type-numeric": 15, "volume-parent": ""}
            rows.append(row | {"serial-number": f"{self.serial}{number:04d}", "wwn": self._wwn(number)})
        return {"volumes": rows}

    def _wwn(self, number: int) -> str:
        return self.controller.identity.naa(number).hex().upper()

    def _cache(self) -> Objects:
        held = int(self.faults["unwritable-cache"] or "3") if "unwritable-cache" in self.faults else 0
        row = {"object-name": "unwritable-cache", "unwritable-a-percentage": held, "unwritable-b-percentage": 0}
        return {"unwritable-cache": [row]}

    def _settings(self) -> Objects:
        word = "Disabled" if "no-partner-update" in self.faults else "Enabled"
        return {"advanced-settings-table": [{"object-name": "advanced-settings", "partner-firmware-upgrade": word}]}

    def _bundles(self) -> Objects:
        rows = [("Active", self.told_version), *([("Available", self.offered.version)] if self.offered else [])]
        return {
            "firmware-bundles": [
                {"object-name": "firmware-bundle", "bundle-version": version, "status": state, **self._health(0)}
                for state, version in rows
            ]
        }

    def _update(self) -> Objects:
        if not self.update.status:
            return {"firmware-update-status": []}
        row = {"object-name": "firmware-update", "completion-status": self.update.status}
        return {"firmware-update-status": [row | {"bundle-version": self.update.bundle, "step": self.update.step}]}

    def _readiness(self) -> Objects:
        reasons = []
        if "refuses-precheck" in self.faults:
            reasons.append(self.faults["refuses-precheck"] or "A disk group is degraded.")
        if any(fault in self.faults for fault in ("rebuild", "drive-failed", "unwritable-cache")) or self._dead("B"):
            reasons.append("The system is not healthy enough for an update.")
        ready = {"object-name": "code-load-readiness", "overall-health": "Fail" if reasons else "Pass"}
        return {
            "code-load-readiness": [ready],
            "code-load-readiness-reasons": [{"object-name": "reason", "failed": reason} for reason in reasons],
        }
