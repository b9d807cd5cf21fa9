"""Loopback networks and ports that no other process of these tests, and nobody else on the machine, comes to use."""

import fcntl
import itertools
import os
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

NETWORKS = itertools.count(100)
PORTS = [range(low, low + 120) for low in range(20_000, 32_000, 120)]
"""Those of each number, below those that the kernel gives away by itself (ip_local_port_range begins at 32768)."""

NEXT = itertools.count()


@cache
def _second_number() -> int:
    """
    Return the second number of this process's networks, 100 to 199: held by a lock for as long as the process lives.

    With it go ports of its own.

    The lock is the kernel's, so a process that is killed leaves nothing behind but an empty file. Children that only
    start another program do not inherit it (PEP 446).
    """
    for tried in range(100):
        number = 100 + (os.getpid() + tried) % 100
        with suppress(PermissionError):  # another user's file: theirs
            held = os.open(Path(tempfile.gettempdir()) / f"sangate-network-127.{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(held)
            else:
                return number
    raise RuntimeError("a hundred other processes hold the loopback networks of these tests")


os.register_at_fork(after_in_child=_second_number.cache_clear)  # a child takes places of its own


def network(number: int | None = None) -> str:
    """A loopback network of this process's own: that number's, below 100, or one that was never given away."""
    return f"127.{_second_number()}.{next(NETWORKS) if number is None else number}"


def free_port() -> int:
    """
    A port of 127.0.0.1 on which nobody listens.

    Nothing holds it until its server is there; but no other process of these tests asks for it, and the kernel gives it
    to nobody who did not ask for it by number.
    """
    mine = PORTS[_second_number() - 100]
    while True:
        port = mine[next(NEXT) % len(mine)]
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
