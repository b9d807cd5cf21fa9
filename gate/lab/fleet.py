"""
Builds the whole lab from an inventory: arrays with their LUNs and masks, hosts with their mounts, first contents.

Where data lie at first is the story's beginning: production on `production_array` LUN 1, its backups on LUN 2 of the
*same* array, and an older backup in the vault, which is not mounted yet. Only the first dataset and its first
protection are built on LUNs; up to four recovery tools lie in the vault, and so does the
scratch for rehearsals, whose files are kept in the host's own directory. The bucket of an object service is made by
the first backup that is sent there: until then there is no copy outside the arrays.
"""

import asyncio
import hashlib
import json
import posixpath
import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate.errors import BadInput
from gate.inventory import Array as ArrayEntry
from gate.inventory import Inventory, Protection
from gate.lab.array import Array
from gate.lab.dataset import copied, production_database
from gate.lab.dialects import DIALECTS
from gate.lab.dialects.behind_host import BehindHost
from gate.lab.disk import Disk, Volume
from gate.lab.host import Device, Host, Mount, lun_disk
from gate.lab.identity import Identity, revision_of
from gate.lab.kept import keep
from gate.lab.offsite import ObjectKeys, object_services, send_away
from gate.lab.s3 import ObjectService
from gate.lab.scsi import BLOCK, Controller, Unit
from gate.lab.switch import Passage, attach
from gate.lab.target import Target

HOST_INITIATOR = "iqn.2026-11.example.sangate:"
PRODUCTION_LUN, OLD_REPOSITORY_LUN, VAULT_LUN, RECOVERY_LUN, SCRATCH_LUN = 1, 2, 1, 2, 8
PRODUCTION_BYTES, REPOSITORY_BYTES, RECOVERY_BYTES = 4 << 20, 16 << 20, 1 << 20
LARGEST_SCRATCH = 64 << 20
KEPT_BACKUPS = 6
FRESH, STALE = timedelta(hours=2), timedelta(days=3)


@dataclass
class Fleet:
    """Everything that runs in one lab."""

    inventory: Inventory
    arrays: dict[str, Array] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    repositories: dict[str, Device] = field(default_factory=dict)
    """Array id → the backup host's disk on it that can hold the repository."""

    stores: dict[str, ObjectService] = field(default_factory=dict)
    """Protection id → the object service in which its copies lie."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by what changes mounts or writes volumes from outside."""

    def move_repository(self, to: str) -> None:
        """Unmount the repository and mount the volume that lies on array `to`."""
        protection = self._protection()
        if to not in self.repositories:
            raise BadInput(f'no repository volume on "{to}"', hint=f"There is one on {', '.join(self.repositories)}.")
        host = self.hosts[protection.host]
        with self.turn:
            host.unmount(protection.mount)
            host.mount(protection.mount, self.repositories[to])

    def unmount_repository(self) -> None:
        """Leave the repository unmounted."""
        protection = self._protection()
        with self.turn:
            self.hosts[protection.host].unmount(protection.mount)

    def backup_now(self) -> str:
        """Run the nightly job: copy production into whatever is mounted; return the new backup's id."""
        protection = self._protection()
        dataset = self.inventory.dataset(protection.dataset)
        with self.turn:
            mount = self.hosts[protection.host].mounts.get(protection.mount)
            if mount is None or mount.volume is None:
                raise BadInput("the repository is not mounted")
            started = datetime.now(UTC)
            prefix = _inside(protection.repository, protection.mount)
            while f"{prefix}{_backup_id(started)}/manifest.json" in mount.volume.names():
                time.sleep(0.2)  # ids count whole seconds
                started = datetime.now(UTC)
            content = copied(self.hosts[dataset.host].read(dataset.path))
            name, finished = posixpath.basename(dataset.path), datetime.now(UTC)
            _store(mount.volume, protection, name, content, started, finished)
            for store in self.stores.values():
                send_away(store.bucket, _backup_id(started), name, content, started, finished)
            return _backup_id(started)

    def mounted_repository(self) -> str:
        """Array on which the mounted repository lies; '' when none is mounted."""
        if not self.inventory.protections:
            return ""
        protection = self._protection()
        mount = self.hosts[protection.host].mounts.get(protection.mount)
        return mount.volume.disk.array.name if mount is not None and mount.volume is not None else ""

    def _protection(self) -> Protection:
        if not self.inventory.protections:
            raise BadInput("this lab's inventory has no protection")
        return self.inventory.protections[0]


def build(
    inventory: Inventory,
    directory: Path,
    loop: asyncio.AbstractEventLoop,
    *,
    gate_initiator: str,
    pace: float,
    production_array: str,
    vault_array: str,
    object_keys: ObjectKeys,
    kept: bool = False,
) -> Fleet:
    """Build a lab; nothing listens yet. BadInput when the inventory lacks what the lab's story needs."""
    fleet = Fleet(inventory)
    for entry in inventory.arrays:
        array = _array(entry, gate_initiator, pace)
        if kept:
            keep(array, directory / "kept" / entry.id)
        fleet.arrays[entry.id] = array
        if not entry.fabric:
            portal, port = (entry.scratch.portal, entry.scratch.port) if entry.scratch else (entry.ssh.host, 3260)
            fleet.targets[entry.id] = Target(array.controller, portal, port, loop)
            array.doors.append(fleet.targets[entry.id])
    _passages(fleet, gate_initiator, loop)
    for host in inventory.hosts:
        root = directory / "hosts" / host.id
        shutil.rmtree(root, ignore_errors=True)  # a lab starts from its beginning
        root.mkdir(parents=True)
        fleet.hosts[host.id] = Host(host.id, root)
    fleet.stores.update(object_services(inventory, object_keys))
    if inventory.datasets and inventory.protections:
        for name in (production_array, vault_array):
            if name not in fleet.arrays:
                raise BadInput(f'the lab needs an array "{name}"', hint="Name another one for this part.")
        _contents(fleet, production_array, vault_array)
    return fleet


def _array(entry: ArrayEntry, gate_initiator: str, pace: float) -> Array:
    if entry.family not in DIALECTS:
        known = ", ".join(sorted(DIALECTS))
        raise BadInput(f"{entry.id}: the lab does not speak {entry.family}", hint=f"it speaks {known}")
    dialect = DIALECTS[entry.family]
    own = entry.scratch if not entry.fabric else None
    target = own.target if own else dialect.target_name.format(id=entry.id)
    revision = revision_of(dialect.first_version)
    controller = Controller(Identity(entry.serial, entry.model, target, revision, dialect.company))
    if entry.scratch is not None and not entry.fabric:
        controller.units[entry.scratch.lun] = _scratch(entry, gate_initiator)
    made = dialect(entry.id, entry.model, controller, pace)
    if isinstance(made, BehindHost) and entry.unit:
        made.unit = entry.unit
    return made


def _scratch(entry: ArrayEntry, gate_initiator: str) -> Unit:
    scratch = entry.scratch
    size = scratch.blocks * BLOCK if scratch else 0
    if scratch is None or size > LARGEST_SCRATCH:
        raise BadInput(f"scratch of {entry.id} has {size} bytes; the lab keeps at most {LARGEST_SCRATCH} in memory")
    return Unit(scratch.lun, bytearray(size), frozenset({gate_initiator}))


def _passages(fleet: Fleet, gate_initiator: str, loop: asyncio.AbstractEventLoop) -> None:
    """Give each switch its scratch: a LUN of the array that its target is, at a portal over that switch alone."""
    targets = {array.controller.identity.target: array for array in fleet.arrays.values()}
    for entry in fleet.inventory.arrays:
        scratch = entry.scratch
        if not entry.fabric or scratch is None:
            continue
        array, switch = targets.get(scratch.target), fleet.arrays[entry.id]
        if array is None or array is switch:
            raise BadInput(f"{entry.id}: no array of the lab is {scratch.target}, which its scratch lies on")
        array.controller.units[scratch.lun] = _scratch(entry, gate_initiator)
        passage = Passage(array.controller, switch.controller)
        fleet.targets[entry.id] = Target(passage, scratch.portal, scratch.port, loop)
        attach(fleet.targets[entry.id], switch, array)


def _contents(fleet: Fleet, production_array: str, vault_array: str) -> None:
    protection = fleet.inventory.protections[0]
    dataset = fleet.inventory.dataset(protection.dataset)
    producer, keeper = fleet.hosts[dataset.host], fleet.hosts[protection.host]
    production = _volume(fleet, production_array, PRODUCTION_LUN, dataset.host, PRODUCTION_BYTES)
    old = _volume(fleet, production_array, OLD_REPOSITORY_LUN, protection.host, REPOSITORY_BYTES)
    vault = _volume(fleet, vault_array, VAULT_LUN, protection.host, REPOSITORY_BYTES)

    content, name, now = production_database(), posixpath.basename(dataset.path), datetime.now(UTC)
    production.replace({_inside(dataset.path, dataset.mount).rstrip("/"): content})
    for volume, age in ((old, FRESH), (vault, STALE)):
        _store(volume, protection, name, copied(content), now - age, now - age + timedelta(seconds=4))

    model = fleet.arrays[production_array].model
    data_disk = lun_disk("b", PRODUCTION_LUN, model)
    data = Device("vg0-data", "dm-0", "lvm", "253:0", data_disk)
    producer.attach(data, production)
    producer.mount(dataset.mount, data)
    # The backup host's letters begin after those that are taken when it is the production host too.
    letters = "cd" if producer is keeper else "bc"
    fleet.repositories[production_array] = lun_disk(letters[0], OLD_REPOSITORY_LUN, model)
    fleet.repositories[vault_array] = lun_disk(letters[1], VAULT_LUN, fleet.arrays[vault_array].model)
    keeper.attach(fleet.repositories[production_array], old)
    keeper.attach(fleet.repositories[vault_array], vault)
    keeper.mount(protection.mount, fleet.repositories[production_array])

    for number, tool in enumerate(fleet.inventory.recovery_tools):
        volume = _volume(fleet, vault_array, RECOVERY_LUN + number, tool.host, RECOVERY_BYTES)
        volume.replace({f"{_inside(tool.path, tool.mount)}README": b"what a recovery needs besides the copies\n"})
        device = lun_disk("mnop"[number], RECOVERY_LUN + number, fleet.arrays[vault_array].model)
        fleet.hosts[tool.host].attach(device, volume)
        fleet.hosts[tool.host].mount(tool.mount, device)

    rehearser = fleet.hosts[protection.rehearsal_host]
    rehearser.scratch = protection.rehearsal_scratch
    rehearser.local(posixpath.dirname(protection.rehearsal_scratch)).mkdir(parents=True, exist_ok=True)
    if protection.rehearsal_mount is not None:
        volume = _volume(fleet, vault_array, SCRATCH_LUN, protection.rehearsal_host, RECOVERY_BYTES)
        device = lun_disk("q", SCRATCH_LUN, fleet.arrays[vault_array].model)
        rehearser.attach(device, volume)
        rehearser.mounts[protection.rehearsal_mount] = Mount(protection.rehearsal_mount, device)


def _volume(fleet: Fleet, array: str, lun: int, host: str, size: int) -> Volume:
    initiator = HOST_INITIATOR + host
    units = fleet.arrays[array].controller.units
    if lun in units:
        raise BadInput(f"LUN {lun} of {array} is scratch in the inventory; the lab needs it for a host")
    units[lun] = Unit(lun, bytearray(size), frozenset({initiator}))
    return Volume(Disk(fleet.arrays[array], lun, initiator))


def _store(
    volume: Volume, protection: Protection, name: str, content: bytes, started: datetime, finished: datetime
) -> None:
    prefix = _inside(protection.repository, protection.mount)
    files = volume.everything() if any(volume.disk.read(0, BLOCK)) else {}
    identifiers = sorted({path.removeprefix(prefix).split("/")[0] for path in files})
    for old in identifiers[: max(0, len(identifiers) - KEPT_BACKUPS + 1)]:
        files = {path: data for path, data in files.items() if not path.startswith(f"{prefix}{old}/")}
    manifest = {
        "id": _backup_id(started),
        "started_at": _rfc3339(started),
        "finished_at": _rfc3339(finished),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "error": "",
    }
    files[f"{prefix}{_backup_id(started)}/{name}"] = content
    files[f"{prefix}{_backup_id(started)}/manifest.json"] = json.dumps(manifest).encode() + b"\n"
    volume.replace(files)


def _inside(path: str, mount: str) -> str:
    """A path as the volume knows it, with a closing slash; '' for the mount point itself."""
    inner = path.removeprefix(mount).strip("/")
    return inner + "/" if inner else ""


def _backup_id(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
