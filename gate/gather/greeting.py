"""
Greeting what is not pinned yet: which host key it shows, or what it offers where the two cannot talk.

Nobody logs in at the target. Whoever enrols a host key compares the fingerprint on the device's console; a key that
was only shown over the network proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import GateError
from gate.hostkeys import HostKey, HostKeys
from gate.inventory import Bastion, Inventory, Ssh
from gate.ssh.client import carried, greet, open_way
from gate.ssh.login import login_key
from gate.ssh.offers import ask_offers, clash
from gate.ssh.watch import guard
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


UPLOAD = ":upload"
"""Behind an array's id: the address at which images are put on it, where that is another one. No id has a colon."""


def endpoints(inventory: Inventory) -> Mapping[str, tuple[Ssh, Bastion | None]]:
    """Return everything that shows a host key, by name, and the bastion before it: arrays, uploads, hosts, bastions."""
    ways = {name: inventory.way(name) for name in (*inventory.reached, *(one.id for one in inventory.bastions))}
    uploads = {one.id + UPLOAD: (one.upload, ways[one.id][1]) for one in inventory.arrays if one.upload is not None}
    return ways | uploads


def greet_one(
    inventory: Inventory, name: str, key: Ed25519PrivateKey, pinned: HostKeys, timeouts: Timeouts
) -> Greeting:
    """Greet one of the `endpoints`; the reading key opens the bastion in between. KeyError for another name."""
    endpoint, via = endpoints(inventory)[name]
    login = login_key(name, key, "", utc_now)
    try:
        wire = open_way(name, endpoint, via, login, pinned, timeouts)
        found = clash(ask_offers(name, wire, timeouts.banner_s))
        if found:
            return Greeting(name, endpoint, clash=found)
        wire = open_way(name, endpoint, via, login, pinned, timeouts)
        transport = carried(wire)
        try:
            with guard(2 * timeouts.banner_s, wire.abort):
                return Greeting(name, endpoint, greet(transport, name, [], timeouts))
        finally:
            wire.close()
            transport.close()
    except GateError as error:
        return Greeting(name, endpoint, problem=error.message)
