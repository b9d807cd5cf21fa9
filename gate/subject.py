"""
What a kept proof is about: one digest of all that the inventory says of the data, the copy and the way to them.

Names are given by people, and given again. A record that knows only the name of a protection or a dataset would pass
to whatever bears that name next: another database on the same LUN, another directory of one repository, another host.
So each record is entered with the digest of what it was proven for, and counts only while the inventory says the same
under that name. What may change without another thing being meant is left out: owners, tiers, times, limits, accounts.
"""

from gate.canonical import Json, digest
from gate.inventory import Dataset, Inventory, Protection


def data(dataset: Dataset, inventory: Inventory) -> str:
    """Return the digest of which data a dataset is; KeyError for a host that is not in the inventory."""
    return digest({"v": 1, "data": _data(dataset, inventory)})


def copy(protection: Protection, inventory: Inventory) -> str:
    """Return the digest of which copies of which data a protection makes, and where what holds them is tried."""
    store, server = protection.object_store, protection.append_only_server
    tried: dict[str, Json] = {
        "sentinels": store.sentinels.prefix if store is not None and store.sentinels is not None else None,
        "server": None if server is None else [server.endpoint, server.sentinels],
    }
    return digest({"v": 1, "copy": _copy(protection, inventory), "tried": tried})


def restore(protection: Protection, inventory: Inventory) -> str:
    """Return the digest of what a rehearsal restores, where, and of all that the restored copy is held against."""
    dataset = inventory.dataset(protection.dataset)
    looked_at: dict[str, Json] = {
        "tables": list(dataset.tables),
        "append_only": [one.model_dump(mode="json") for one in dataset.append_only],
        "statements": [one.model_dump(mode="json") for one in dataset.statements],
    }
    place: dict[str, Json] = {
        "host": _host(protection.rehearsal_host, inventory),
        "scratch": protection.rehearsal_scratch,
        "mount": protection.rehearsal_mount,
    }
    return digest({"v": 1, "copy": _copy(protection, inventory), "looked_at": looked_at, "place": place})


def _data(dataset: Dataset, inventory: Inventory) -> dict[str, Json]:
    return {
        "id": dataset.id,
        "engine": dataset.engine.value,
        "host": _host(dataset.host, inventory),
        "path": dataset.path,
        "mount": dataset.mount,
        "port": dataset.port,
        "database": dataset.database,
    }


def _copy(protection: Protection, inventory: Inventory) -> dict[str, Json]:
    store = protection.object_store
    return {
        "id": protection.id,
        "data": _data(inventory.dataset(protection.dataset), inventory),
        "tool": protection.tool.value,
        "host": _host(protection.host, inventory),
        "repository": protection.repository,
        "mount": protection.mount,
        "name": protection.name,
        "config_file": protection.config_file,
        "object_store": None if store is None else [store.endpoint, store.account, store.bucket, store.prefix],
    }


def _host(name: str, inventory: Inventory) -> Json:
    """A host is its name and the machine that is reached under it: another machine is another host."""
    where, port = inventory.host(name).ssh.spot
    return [name, where, port]
