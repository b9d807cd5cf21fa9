"""
A connection that is opened here and handed to another process, which speaks over it: its keys never come here.

Directly it is the TCP connection itself. Behind a bastion it is one end of a pair of sockets, and what goes in and out
of the other is passed on, unread, through the bastion's channel.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Ssh
from gate.ssh.client import dial, open_way
from gate.ssh.login import login_key
from gate.ssh.tunnel import Tunnel
from gate.ssh.wire import Clock, Timeouts

CHUNK = 32 * 1024


@dataclass(frozen=True)
class Lent:
    """A connection to hand over, and how to end it whoever holds it by then."""

    sock: socket.socket
    cut: Callable[[], None]


@contextmanager
def lend(
    target: str,
    endpoint: Ssh,
    *,
    key: Ed25519PrivateKey,
    certificate: str,
    via: Bastion | None,
    pinned: HostKeys,
    timeouts: Timeouts,
    clock: Clock,
) -> Iterator[Lent]:
    """Open a connection to a target, directly or through its bastion; errors are those of `connect`."""
    if via is None:
        with dial(target, endpoint, timeouts) as sock:
            yield Lent(sock, lambda: _shut(sock))
        return
    way = open_way(target, endpoint, via, login_key(via.id, key, certificate, clock), pinned, timeouts)
    if not isinstance(way, Tunnel):
        raise TypeError(way)
    way.trust()  # what the target says before a login is counted by whoever speaks with it
    way.settimeout(None)
    near, far = socket.socketpair()
    pumps = [
        threading.Thread(target=pump, args=(far.recv, way.send, far, way), name=f"to {target}", daemon=True),
        threading.Thread(target=pump, args=(way.recv, far.send, far, way), name=f"from {target}", daemon=True),
    ]
    for each in pumps:
        each.start()
    try:
        with near:
            yield Lent(near, lambda: _end(far, way))
    finally:
        _end(far, way)
        for each in pumps:
            each.join()
        far.close()


def pump(take: Callable[[int], bytes], give: Callable[[bytes], int], far: socket.socket, way: Tunnel) -> None:
    """Pass on what comes at one end to the other, until either has ended; then end both."""
    with suppress(OSError, EOFError, paramiko.SSHException):
        while data := take(CHUNK):
            while data:
                sent = give(data)
                if not sent:  # Paramiko's answer for a channel that is closed while it waits
                    raise EOFError
                data = data[sent:]
    _end(far, way)


def _end(far: socket.socket, way: Tunnel) -> None:
    _shut(far)
    way.close()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
