"""The copies outside the arrays: which object services the lab offers, under which keys, and the upload to them."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

from gate.inventory import BackupTool, Inventory
from gate.lab.bucket import COMPLIANCE, GOVERNANCE, Bucket
from gate.lab.s3 import ObjectService, User

ObjectKeys: TypeAlias = Mapping[str, Mapping[str, tuple[str, str]]]
"""Protection id → role (`read`, `sentinel`, `production`) → access key and secret."""

RETENTION = timedelta(days=30)


def object_services(inventory: Inventory, keys: ObjectKeys) -> dict[str, ObjectService]:
    """Make one service for each protection of s3-objects; nothing listens yet."""
    made = {}
    for protection in inventory.protections:
        store = protection.object_store
        if protection.tool is not BackupTool.S3_OBJECTS or store is None or protection.id not in keys:
            continue
        own = keys[protection.id]
        below = store.sentinels.prefix if store.sentinels else ""
        users = {
            own["read"][0]: User(own["read"][1], reads=True),
            own["sentinel"][0]: User(own["sentinel"][1], reads=True, writes_below=below),
            own["production"][0]: User(own["production"][1]),
        }
        spot = urlsplit(store.endpoint)
        bucket = Bucket(store.bucket, prefix=store.prefix)
        made[protection.id] = ObjectService(bucket, spot.hostname or "127.0.0.1", spot.port or 80, users)
    return made


def send_away(bucket: Bucket, run: str, name: str, content: bytes, started: datetime, finished: datetime) -> None:
    """Upload one run as the backup host would: the copy first, then the manifest that names its version."""
    mode = GOVERNANCE if "lock-governance" in bucket.faults else COMPLIANCE
    until = bucket.now() + RETENTION.total_seconds()
    bucket.made = True
    copy = bucket.put(f"{bucket.prefix}{run}/{name}", content, mode, until)
    digest = hashlib.sha256(content).hexdigest()
    manifest = {
        "id": run,
        "started_at": started.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "finished_at": finished.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "files": [{"name": name, "size": len(content), "sha256": digest, "version": copy.id}],
    }
    bucket.put(f"{bucket.prefix}{run}/manifest.json", json.dumps(manifest).encode() + b"\n", mode, until)


def store_fault(service: ObjectService, fault: str, value: str) -> None:
    """Switch a fault on."""
    bucket = service.bucket
    bucket.faults[fault] = value
    if fault == "offline":
        service.close()
    if fault == "hidden":
        for one, newest in bucket.list(bucket.prefix):
            if newest and one.content is not None:
                bucket.delete(one.key, "", bypass=False)
    if fault == "lock-governance":
        bucket.remode(GOVERNANCE)


def clear_store_fault(service: ObjectService, fault: str) -> None:
    """Switch a fault off."""
    bucket = service.bucket
    if bucket.faults.pop(fault, None) is None:
        return
    if fault == "offline":
        service.open()
    if fault == "hidden":
        for one, _ in bucket.list(bucket.prefix):
            if one.content is None:
                bucket.delete(one.key, one.id, bypass=False)
    if fault == "lock-governance":
        bucket.remode(COMPLIANCE)
