"""
What is at one address: the host's resolver is asked for the name of a service, and for every name in the inventory.

An array listed under a name and a service under an address can be one machine. An array that is logged in to by a name
needs no answer here: when its name leads nowhere it does not answer either, and then nothing is known to lie on it.
What stands behind a bastion is named there, not here.
"""

import json
import socket
import threading
import time
from collections.abc import Callable

from gate.endpoint import address, literal
from gate.gather.interview import side_by_side
from gate.inventory import Inventory

KEPT_S = 60.0
"""Seconds for which an answer is good: one gathering asks it for every copy in an object service (our choice)."""

PARALLEL = 16
"""Names asked for at once (our choice)."""

Resolve = Callable[[str], tuple[str, ...]]


def resolved(name: str) -> tuple[str, ...]:
    """Return every address of a name, in order; () when it has none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({address(str(one[4][0])) for one in found}))


class Names:
    """Safe to use from many threads."""

    def __init__(
        self, inventory: Inventory, resolve: Resolve = resolved, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolve = resolve
        self._clock = clock
        serving = [each for array in inventory.arrays for each in array.addresses]
        serving += [each for appliance in inventory.appliances for each in appliance.addresses]
        reached = [each for one in inventory.arrays if one.via is None for each in one.reached_at]
        self._needed = frozenset(address(name) for name in serving if not literal(name))
        self._all = sorted(self._needed | {address(name) for name in reached if not literal(name)})
        self._kept: tuple[float, dict[str, tuple[str, ...]]] | None = None
        self._lock = threading.Lock()

    def told(self, host: str) -> bytes:
        """
        Return what is known of a service's host as one JSON object.

        `addresses`: its own; `names`: those in the inventory that have one of them; `unresolved`: those from which
        something is served and that have none.
        """
        own = (address(host),) if literal(host) else self._resolve(host)
        known = self._known()
        said = {
            "host": address(host),
            "addresses": sorted(own),
            "names": [name for name, addresses in known.items() if not set(addresses).isdisjoint(own)],
            "unresolved": [name for name, addresses in known.items() if not addresses and name in self._needed],
        }
        return json.dumps(said, sort_keys=True).encode() + b"\n"

    def _known(self) -> dict[str, tuple[str, ...]]:
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] > KEPT_S:
                found = side_by_side(self._resolve, self._all, PARALLEL)
                self._kept = self._clock(), dict(zip(self._all, found, strict=True))
            return self._kept[1]
