"""
What an array knows after its process was killed: what it had taken, how far it was, and every byte of its LUNs.

A real array writes down what it accepts before it says so, and goes on with an update after a loss of power. Here the
state is one file, written anew before each answer; LUNs are mapped files, so that the kernel keeps what was written.
Faults that were switched on from outside are forgotten.
"""

import base64
import json
import mmap
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from gate.errors import BadInput
from gate.lab.array import Array
from gate.lab.dialects.storage_virtualize_state import Nodes, Update
from gate.lab.scsi import Faults


def keep(array: Array, folder: Path) -> None:
    """Let an array begin where an earlier process left it; BadInput for a family that has no memory."""
    if not isinstance(array, Nodes):
        raise BadInput(f"{array.name} would forget everything when it is killed", hint="storage-virtualize keeps it")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, unit in array.controller.units.items():
        unit.data = _mapped(folder / f"lun{number}", unit.data)
    memory = folder / "memory.json"
    told = json.loads(memory.read_bytes()) if memory.exists() else None
    array.keep = lambda: _write(memory, array)
    if told is not None:
        _take_up(array, told)
    array.keep()


def _mapped(file: Path, first: bytearray) -> bytearray:
    if not file.exists():
        file.write_bytes(first)
    with file.open("r+b") as opened:
        return cast(bytearray, mmap.mmap(opened.fileno(), 0))


def _write(memory: Path, array: Nodes) -> None:
    with array.lock:
        told = {
            "version": array.version,
            "committed": array.committed,
            "revision": array.controller.identity.revision,
            "faults": asdict(array.controller.faults),
            "update": asdict(array.update),
            "uploads": {name: base64.b64encode(data).decode() for name, data in array.uploads.items()},
            "accepted": dict(array.accepted),
            "heard": dict(array.heard),
        }
        begun = memory.with_name(memory.name + ".part")
        begun.write_text(json.dumps(told))
        begun.replace(memory)


def _take_up(array: Nodes, told: dict[str, Any]) -> None:
    """Be as before, and go on with whatever was under way."""
    array.version, array.committed = told["version"], told["committed"]
    array.controller.revise(told["revision"])
    array.controller.faults = Faults(**told["faults"])
    array.update = Update(**told["update"])
    array.uploads = {name: base64.b64decode(data) for name, data in told["uploads"].items()}
    array.accepted, array.heard = Counter(told["accepted"]), Counter(told["heard"])
    array.go_on()
