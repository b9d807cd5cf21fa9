"""The socket under Paramiko, and the bounds of every wait on it."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

Clock = Callable[[], datetime]

HANDSHAKE_LIMIT = 256 * 1024
"""Bytes that a peer may send before the login is done: a banner and key exchange need a few kilobytes."""

IDLE_S = 1.0
"""
Seconds after which Paramiko's reader looks up from an idle socket, for keepalives and its own handshake limit.

Paramiko asks for a tenth, which costs 500 kept connections a seventh of a processor; closing wakes the reader anyway.
"""


@dataclass(frozen=True)
class Timeouts:
    """Bounds of every wait that is not a command's own, in seconds."""

    connect_s: float = 5.0
    banner_s: float = 5.0
    login_s: float = 10.0
    channel_s: float = 5.0
    dead_peer_s: float = 10.0
    """TCP_USER_TIMEOUT: unacknowledged bytes end the connection. Keepalives alone never noticed a dead peer."""


AHEAD = 32 * 1024
"""Bytes asked for at once: Paramiko reads four for a length and then the rest, and each time threads change."""


class Inlet:
    """What a peer sends, taken ahead of its use by the one thread that reads; limited before the login."""

    def __init__(self, take: Callable[[int], bytes]) -> None:
        self._take = take
        self._kept = b""
        self._at = 0
        self._budget: int | None = HANDSHAKE_LIMIT

    def trust(self) -> None:
        """Lift the limit: the login is done."""
        self._budget = None

    def recv(self, size: int) -> bytes:
        """Return at most so many bytes; EOFError beyond the limit."""
        if self._at >= len(self._kept):
            self._kept, self._at = self._take(AHEAD), 0
            if self._budget is not None:
                self._budget -= len(self._kept)
                if self._budget < 0:
                    raise EOFError(f"more than {HANDSHAKE_LIMIT} bytes before the login")
        data = self._kept[self._at : self._at + size]
        self._at += len(data)
        return data


class Wire:
    """The TCP socket under Paramiko: quick acknowledgements (116 → 32 ms a command), and a limit before login."""

    def __init__(self, sock: socket.socket, dead_peer_s: float) -> None:
        self._sock = sock
        self._closed = False  # read by Paramiko when it stops its thread
        self._inlet = Inlet(self._taken)
        if sock.family == socket.AF_UNIX:  # lent: what carries it to the target is another's wire
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(dead_peer_s * 1000))

    def trust(self) -> None:
        """Lift the limit: the login is done."""
        self._inlet.trust()

    def recv(self, size: int) -> bytes:
        """Receive; EOFError beyond the limit. Once we have ended it, what came ahead is nothing any more."""
        return self._taken(size) if self._closed else self._inlet.recv(size)

    def _taken(self, size: int) -> bytes:
        """Take from the socket, acknowledging at once."""
        data = self._sock.recv(size)
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def send(self, data: bytes) -> int:
        """Send."""
        return self._sock.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Bound the next calls; never below IDLE_S."""
        self._sock.settimeout(None if seconds is None else max(IDLE_S, seconds))

    def getpeername(self) -> object:
        """Return the other end."""
        return self._sock.getpeername()

    def close(self) -> None:
        """Close with a goodbye."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._closed = True
        self._sock.close()

    def abort(self) -> None:
        """Close with a reset: bytes still in the send buffer must not arrive after their time."""
        with suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.shutdown(socket.SHUT_RD)  # wakes the reader without saying goodbye
        self._closed = True
        self._sock.close()


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(tz=UTC)


def printable(text: str) -> str:
    """A device's words, safe on a terminal and short."""
    return "".join(char if char.isprintable() else "?" for char in text.strip())[:200]


def reason(error: BaseException) -> str:
    """Return what an error says, safe and short."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text))
