"""The lab's control channel, from inside: one JSON object a line, one answer a line."""

import asyncio
import json
from collections.abc import Callable

from gate.errors import GateError
from gate.lab.array import Array
from gate.lab.faults import FAULTS, NUMBERS, OF_ARRAYS, OF_HOSTS, OF_STORES
from gate.lab.fleet import Fleet
from gate.lab.host import Host
from gate.lab.offsite import clear_store_fault, store_fault
from gate.lab.s3 import ObjectService


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
            case "array-heard":
                return {"arrays": {name: dict(array.heard) for name, array in self._fleet.arrays.items()}}
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
        known = {**FAULTS, **{own: "" for array in self._fleet.arrays.values() for own in array.own_faults}}
        if fault not in known:
            raise ValueError(f"no fault {fault[:40]!r}; there are {', '.join(known)}")
        if fault in NUMBERS and value:
            float(value)
        if name in self._fleet.stores and fault in OF_STORES:
            store_fault(self._fleet.stores[name], fault, value)
        elif name in self._fleet.hosts and fault in OF_HOSTS:
            self._fleet.hosts[name].faults[fault] = value
            if fault == "offline":
                self._host_door(name, False)
        else:
            self._array_fault(name, fault, value)

    def _array_fault(self, name: str, fault: str, value: str) -> None:
        """Switch it on at one array, or, by a family's name, at every array of that family that can have it."""
        family = {one.id: one.family.value for one in self._fleet.inventory.arrays}
        arrays = [one for each, one in self._fleet.arrays.items() if name in (each, family[each])]
        able = [one for one in arrays if (fault in OF_ARRAYS or fault in one.own_faults) and fault not in one.without]
        if not able:
            raise ValueError(f"{name[:40]!r} cannot have {fault}")
        for array in able:
            array.set_fault(fault, value)

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
        "update": array.update_word,
        "nodes": dict(array.controllers),
        "serving": array.serving,
        "faults": dict(array.faults),
    }


def _store_status(store: ObjectService) -> dict[str, object]:
    bucket = store.bucket
    return {"bucket": bucket.name, "made": bucket.made, "faults": dict(bucket.faults)}


def _host_status(host: Host) -> dict[str, object]:
    return {"mounts": {mount.target: mount.source for mount in host.mounts.values()}, "faults": dict(host.faults)}
