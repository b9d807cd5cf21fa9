"""The lab's control channel, from inside: one JSON object a line, one answer a line."""

import asyncio
import json
from collections.abc import Callable

from gate.errors import GateError
from gate.lab.array import Array
from gate.lab.fleet import Fleet
from gate.lab.host import Host
from gate.lab.offsite import clear_store_fault, store_fault
from gate.lab.s3 import ObjectService

FAULTS = {
    "hang-banner": "accepts connections and says nothing",
    "close-mid-reply": "closes after half of a reply",
    "flood": "sends that many megabytes before a reply (16)",
    "bad-utf8": "puts bytes into replies that are not UTF-8",
    "escapes": "puts terminal escapes into replies",
    "other-prompt": "asks something unexpected instead of answering",
    "slow": "waits that many seconds before a reply",
    "refuse": "refuses every login",
    "changed-host-key": "shows another host key",
    "lose-reply": "accepts that many mutating commands (1) and drops the connection instead of answering",
    "offline": "the command line is gone, and the LUNs of an array with it",
    "rebuild": "array: a RAID rebuild is running",
    "node-offline": "array: node2 is offline",
    "drive-failed": "array: a drive has failed",
    "host-degraded": "array: hosts have lost paths",
    "alert": "array: an unfixed alert, with that text",
    "dependent-vdisks": "array: volumes depend on one node",
    "flash-copy": "array: one volume is a FlashCopy of another, such as 2,1",
    "virtualises": "array: keeps its volumes on another storage system of that name",
    "flip-bits": "array: damages stored and new data",
    "lost-writes": "array: forgets writes",
    "eio": "array: media errors",
    "slow-io": "array: that many seconds (0.08) for each read and write",
    "luns-offline": "array: LUNs are not ready",
    "read-only": "array: LUNs are write protected",
    "clock-skew": "host: its clock is that many seconds ahead",
    "scratch-full": "host: no space below the scratch directory",
    "lets-production-in": "host: production's own account can log in from its host",
    "lock-shortens": "store: a lock in compliance mode may be shortened",
    "lock-governance": "store: everything is locked in governance mode",
    "lock-bypassed": "store: whoever may write can bypass a lock in governance mode",
    "lock-lets-go": "store: a lock holds nothing",
    "no-locks": "store: it takes a lock and forgets it",
    "no-delete-of-markers": "store: nobody may take a delete marker away",
    "hidden": "store: a delete marker lies in front of every copy",
    "store-clock": "store: its clock is that many seconds ahead",
    "trusts-production": "store: production's own key may delete",
}
NUMBERS = ("flood", "slow", "slow-io", "clock-skew", "lose-reply", "store-clock")
ARRAY_ONLY = tuple(name for name, words in FAULTS.items() if words.startswith("array:"))
HOST_ONLY = tuple(name for name, words in FAULTS.items() if words.startswith("host:"))
STORE_ONLY = tuple(name for name, words in FAULTS.items() if words.startswith("store:"))
OF_STORES = (*STORE_ONLY, "offline", "slow")


class Control:
    """Answers the control channel of one lab."""

    def __init__(self, fleet: Fleet, host_door: Callable[[str, bool], None], stopping: asyncio.Event) -> None:
        self._fleet = fleet
        self._host_door = host_door
        self._stopping = stopping

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it goes."""
        try:
            while line := await reader.readline():
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            request = json.loads(line)
            if request["do"] == "stop":
                self._stopping.set()
                return {"ok": True}
            # In a thread: opening and closing listeners waits for the loop that runs this.
            return await asyncio.to_thread(self._do, {key: str(value) for key, value in request.items()})
        except GateError as error:
            return {"error": error.message, "hint": error.hint}
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            return {"error": f"cannot do that: {error!r}"}

    def _do(self, request: dict[str, str]) -> dict[str, object]:
        match request["do"]:
            case "status":
                return self.status()
            case "move-repository":
                self._fleet.move_repository(request["to"])
            case "unmount-repository":
                self._fleet.unmount_repository()
            case "backup-now":
                return {"id": self._fleet.backup_now()}
            case "fault":
                self._fault(request["name"], request["fault"], request.get("value", ""))
            case "clear":
                self._clear(request["name"], request.get("fault", ""))
            case "array-counters":
                return {"arrays": {name: dict(array.accepted) for name, array in self._fleet.arrays.items()}}
            case other:
                return {"error": f"unknown request {other[:40]!r}"}
        return {"ok": True}

    def status(self) -> dict[str, object]:
        """Return the state of everything, as plain values."""
        return {
            "simulated": True,
            "repository_on": self._fleet.mounted_repository(),
            "arrays": {name: _array_status(array) for name, array in self._fleet.arrays.items()},
            "hosts": {name: _host_status(host) for name, host in self._fleet.hosts.items()},
            "stores": {name: _store_status(store) for name, store in self._fleet.stores.items()},
        }

    def _fault(self, name: str, fault: str, value: str) -> None:
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault[:40]!r}; there are {', '.join(FAULTS)}")
        if fault in NUMBERS and value:
            float(value)
        if name in self._fleet.stores and fault in OF_STORES:
            store_fault(self._fleet.stores[name], fault, value)
        elif name in self._fleet.arrays and fault not in HOST_ONLY + STORE_ONLY:
            self._fleet.arrays[name].set_fault(fault, value)
        elif name in self._fleet.hosts and fault not in ARRAY_ONLY + STORE_ONLY:
            self._fleet.hosts[name].faults[fault] = value
            if fault == "offline":
                self._host_door(name, False)
        else:
            raise ValueError(f"{name[:40]!r} cannot have {fault}")

    def _clear(self, name: str, fault: str) -> None:
        if name in self._fleet.stores:
            store = self._fleet.stores[name]
            for each in [fault] if fault else list(store.bucket.faults):
                clear_store_fault(store, each)
            return
        if name in self._fleet.arrays:
            array = self._fleet.arrays[name]
            for each in [fault] if fault else list(array.faults):
                array.clear_fault(each)
            return
        faults = self._fleet.hosts[name].faults
        for each in [fault] if fault else list(faults):
            if faults.pop(each, None) is not None and each == "offline":
                self._host_door(name, True)


def _array_status(array: Array) -> dict[str, object]:
    return {
        "version": array.version,
        "update": array.update.status,
        "nodes": dict(array.nodes),
        "serving": array.serving,
        "faults": dict(array.faults),
    }


def _store_status(store: ObjectService) -> dict[str, object]:
    bucket = store.bucket
    return {"bucket": bucket.name, "made": bucket.made, "faults": dict(bucket.faults)}


def _host_status(host: Host) -> dict[str, object]:
    return {"mounts": {mount.target: mount.source for mount in host.mounts.values()}, "faults": dict(host.faults)}
