"""
Where copies in an object service lie: the service itself is the identity, measured by a signed request it answered.

What the endpoint proves is that it knows the key and the bucket; over TLS, that it is who it says. On which disks it
keeps its data no request tells: arrays that the inventory names behind it are hops of the way, and count as "same".
"""

from datetime import datetime

from gate.backups.answers import Asking, Unread, ask
from gate.backups.s3_words import Role, answered, spell
from gate.evidence import Hop, Identity, Provenance, Reply, Trace
from gate.inventory import Medium, Protection


def trace(protection: Protection, at: datetime) -> Asking[Trace]:
    """Ask the service about the bucket under the reading key; what does not answer is a problem."""
    store = protection.object_store
    if store is None:
        raise ValueError(f"{protection.id} lies in no object store")
    log: list[Reply] = []
    path = f"s3://{store.bucket}/{store.prefix}"
    hops = (
        Hop("object-service", store.endpoint, store.region),
        Hop("bucket", store.bucket, f"account {store.account}"),
        *(Hop("array", name, "declared behind the service", Provenance.INVENTORY) for name in store.on_arrays),
    )
    try:
        answered((yield from ask(spell(protection.id, Role.READ, "versioning"), log)), f"the bucket {store.bucket}")
    except Unread as unread:
        return Trace(protection.host, path, at, problem=str(unread), raw=tuple(reply.digest for reply in log))
    identity = Identity(Medium.OBJECT_SERVICE.value, f"{store.endpoint} {store.bucket} {store.account}")
    return Trace(protection.host, path, at, hops, identities=(identity,), raw=tuple(reply.digest for reply in log))
