"""
Greeting what is not pinned yet: which host key it shows, or what it offers where the two cannot talk.

Nobody logs in at the target. Whoever enrols a host key compares the fingerprint on the device's console; a key that
was only shown over the network proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import GateError
from gate.hostkeys import HostKey, HostKeys
from gate.inventory import Bastion, Inventory, Ssh
from gate.ssh.client import open_way, show_key
from gate.ssh.login import login_key
from gate.ssh.offers import ask_offers, clash
from gate.ssh.relay import key_relayed
from gate.ssh.wire import Timeouts, utc_now


@dataclass(frozen=True)
class Greeting:
    """What one endpoint showed."""

    name: str
    endpoint: Ssh
    key: HostKey | None = None
    problem: str = ""
    clash: tuple[str, ...] = ()
    """In which parts both sides have nothing in common, with what each offers; () when they can talk."""


NOT_OLD = "it is marked legacy and speaks as the gate itself does: take the mark away"
UPLOAD = ":upload"
"""Behind an array's id: the address at which images are put on it, where that is another one. No id has a colon."""


def endpoints(inventory: Inventory) -> Mapping[str, tuple[Ssh, Bastion | None]]:
    """Return everything that shows a host key, by name, and the bastion before it: arrays, uploads, hosts, bastions."""
    ways = {name: inventory.way(name) for name in (*inventory.reached, *(one.id for one in inventory.bastions))}
    uploads = {one.id + UPLOAD: (one.upload, ways[one.id][1]) for one in inventory.arrays if one.upload is not None}
    return ways | uploads


def greet_one(
    inventory: Inventory,
    name: str,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    timeouts: Timeouts,
    legacy_python: Path | None = None,
) -> Greeting:
    """
    Greet one of the `endpoints`; the reading key opens the bastion in between. KeyError for another name.

    An array that is marked legacy is greeted by the legacy runner, and told if it speaks as all others do.
    """
    endpoint, via = endpoints(inventory)[name]
    old = any(array.id == name.removesuffix(UPLOAD) and array.legacy for array in inventory.arrays)
    try:
        wire = open_way(name, endpoint, via, login_key(name, key, "", utc_now), pinned, timeouts)
        found = clash(ask_offers(name, wire, timeouts.banner_s))
        if found and not old:
            return Greeting(name, endpoint, clash=found)
        if old and not found:
            return Greeting(name, endpoint, problem=NOT_OLD)
        if old:
            shown = key_relayed(legacy_python, name, endpoint, key=key, pinned=pinned, via=via, timeouts=timeouts)
        else:
            shown = show_key(name, endpoint, key=key, pinned=pinned, via=via, timeouts=timeouts)
        return Greeting(name, endpoint, shown)
    except GateError as error:
        return Greeting(name, endpoint, problem=f"{error.message} ({error.hint})" if old else error.message)
