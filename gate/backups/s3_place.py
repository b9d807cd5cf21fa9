"""
Where copies in an object service lie: the service itself is the identity, measured by a signed request it answered.

What the endpoint proves is that it knows the key and the bucket; over TLS, that it is who it says. One endpoint and
account are one identity, whatever the buckets: what takes the service takes them all. On which disks it keeps its data
no request tells: arrays that the inventory names behind it are hops of the way, and its addresses show an array that
serves objects itself.
"""

from datetime import datetime

from gate.backups.answers import Asking, Unread, ask
from gate.backups.s3_words import Role, answered, spell
from gate.endpoint import address, host, literal, service
from gate.evidence import Hop, Identity, Provenance, Reply, Trace
from gate.inventory import Medium, Protection

ADDRESSES_MAX = 256
"""Addresses and names of one service (our choice)."""


def trace(protection: Protection, at: datetime) -> Asking[Trace]:
    """Ask where the service is, and the service about the bucket under the reading key; a doubt is a problem."""
    store = protection.object_store
    if store is None:
        raise ValueError(f"{protection.id} lies in no object store")
    log: list[Reply] = []
    path = f"s3://{store.bucket}/{store.prefix}"
    try:
        addresses = yield from _addresses(protection.id, store.endpoint, log)
        answered((yield from ask(spell(protection.id, Role.READ, "versioning"), log)), f"the bucket {store.bucket}")
    except Unread as unread:
        return Trace(protection.host, path, at, problem=str(unread), raw=tuple(reply.digest for reply in log))
    hops = (
        Hop("object-service", service(store.endpoint), store.region),
        Hop("bucket", store.bucket, f"account {store.account}"),
        *(Hop("array", name, "declared behind the service", Provenance.INVENTORY) for name in store.on_arrays),
    )
    name = f"{service(store.endpoint)} {store.account}"
    identity = Identity(Medium.OBJECT_SERVICE.value, name, part=store.bucket, addresses=addresses)
    return Trace(protection.host, path, at, hops, identities=(identity,), raw=tuple(reply.digest for reply in log))


def _addresses(protection: str, endpoint: str, log: list[Reply]) -> Asking[tuple[str, ...]]:
    """Return the host of the endpoint, every address of it, and the names in the inventory that have one of these."""
    what = f"the addresses of {host(endpoint)}"
    told = answered((yield from ask(spell(protection, Role.READ, "where"), log)), what)
    addresses, names, unresolved = (_words(told.get(key), what) for key in ("addresses", "names", "unresolved"))
    if unresolved:
        raise Unread(f"{what}: the inventory names {unresolved[0]}, which has no address, so it could be the same")
    if not addresses or not all(map(literal, addresses)):
        raise Unread(f"{what}: none is known")
    return tuple(dict.fromkeys(map(address, (host(endpoint), *addresses, *names))))


def _words(found: object, what: str) -> list[str]:
    if not isinstance(found, list) or len(found) > ADDRESSES_MAX or not all(isinstance(one, str) for one in found):
        raise Unread(f"{what}: the answer is not as it should be")
    return found
