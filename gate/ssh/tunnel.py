"""The way through a bastion: a channel of one SSH connection under another, in the shape of a wire."""

from contextlib import suppress

import paramiko

from gate.ssh.wire import IDLE_S, Inlet, Wire


class Tunnel:
    """
    A channel to one address behind a bastion, and the connection that carries it: closing one ends both.

    Aborting throws away what lies in our own buffers. What the bastion has taken already it may still deliver.
    """

    def __init__(self, channel: paramiko.Channel, transport: paramiko.Transport, wire: Wire) -> None:
        self._channel = channel
        self._transport = transport
        self._wire = wire
        self._closed = False  # read by Paramiko when it stops its thread
        self._inlet = Inlet(channel.recv)

    def trust(self) -> None:
        """Lift the limit: the login is done."""
        self._inlet.trust()

    def recv(self, size: int) -> bytes:
        """Receive; EOFError beyond the limit. Once we have ended it, what came ahead is nothing any more."""
        return self._channel.recv(size) if self._closed else self._inlet.recv(size)

    def send(self, data: bytes) -> int:
        """Send."""
        return self._channel.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Bound the next calls; never below IDLE_S."""
        self._channel.settimeout(None if seconds is None else max(IDLE_S, seconds))

    def getpeername(self) -> object:
        """Return the other end of the connection that carries it."""
        return self._wire.getpeername()

    def close(self) -> None:
        """Close both with a goodbye."""
        self._closed = True
        with suppress(EOFError, OSError, paramiko.SSHException):
            self._channel.close()
        self._transport.close()
        self._wire.close()

    def abort(self) -> None:
        """Close with a reset."""
        self._closed = True
        self._wire.abort()
        self._channel.close()
        self._transport.close()
