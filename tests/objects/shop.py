"""An object service of the lab in this process, the key files for it, and a way to have questions put to it."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from gate.evidence import Reply
from gate.gather.objects import Objects
from gate.inventory import Inventory, Protection
from gate.lab.bucket import Bucket
from gate.lab.offsite import send_away
from gate.lab.s3 import ObjectService, User
from gate.objects.credential import Credential, file_name, write
from gate.settings import load, relocate, shipped
from tests.places import free_port

Found = TypeVar("Found")
OFFSITE = "sidekick-offsite"
KEYS = {
    "read": ("readkey", "readsecret"),
    "sentinel": ("sentkey", "sentsecret"),
    "production": ("prodkey", "prodsecret"),
}


@dataclass
class Shop:
    """One bucket, and the gate's way to it."""

    bucket: Bucket
    inventory: Inventory
    objects: Objects
    keys: Path
    service: ObjectService | None = None

    @property
    def protection(self) -> Protection:
        return next(one for one in self.inventory.protections if one.id == OFFSITE)

    def ask(self, line: str) -> Reply:
        return self.objects.ask(line)

    def drive(self, asking: Generator[str, Reply, Found]) -> Found:
        """Put every question of a pure reader to the service."""
        line = next(asking)
        while True:
            try:
                line = asking.send(self.ask(line))
            except StopIteration as end:
                found: Found = end.value
                return found

    def backed_up(self, run: str = "20261123T010000Z", content: bytes = b"rows", age: timedelta = timedelta(0)) -> str:
        now = datetime.now(UTC) - age
        send_away(self.bucket, run, "sidekick.db", content, now - timedelta(seconds=2), now)
        return run


def inventory_at(folder: Path, endpoint: str, bucket: str = "sidekick-copies") -> Inventory:
    """The demo's inventory with its object store elsewhere."""
    text = relocate(shipped("config.yaml").read_text(), "127.77.0")
    text = text.replace("http://127.77.0.51:8333", endpoint).replace("sidekick-copies", bucket)
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml").config.inventory


def way_to(inventory: Inventory, keys: Path, given: dict[str, tuple[str, str]]) -> Objects:
    keys.mkdir(mode=0o700, exist_ok=True)
    for role, (access, secret) in given.items():
        write(keys / file_name(OFFSITE, role), Credential(access, secret))
    return Objects(inventory, keys, connect_s=30, deadline_s=60)


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    port = free_port()
    inventory = inventory_at(folder, f"http://127.0.0.1:{port}")
    bucket = Bucket("sidekick-copies", prefix="copies/", made=True)
    users = {
        KEYS["read"][0]: User(KEYS["read"][1], reads=True),
        KEYS["sentinel"][0]: User(KEYS["sentinel"][1], reads=True, writes_below="sentinels/"),
        KEYS["production"][0]: User(KEYS["production"][1]),
    }
    service = ObjectService(bucket, "127.0.0.1", port, users)
    service.open()
    try:
        yield Shop(bucket, inventory, way_to(inventory, folder / "keys", KEYS), folder / "keys", service)
    finally:
        service.close()


def told(reply: Reply) -> dict[str, object]:
    found: dict[str, object] = json.loads(reply.stdout)
    return found
