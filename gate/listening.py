"""
The listening socket of both servers: a connection that brings no whole request in time is closed.

waitress closes what is silent, so a byte a second holds one of its places for ever. Here the time counts from the
connection, or from the answer before, until a request is there as a whole, whatever drips in meanwhile. It uses inner
parts of waitress 3.0.2 (`service`, the table of channels); the version is pinned.
"""

import time
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server

from gate.errors import Outside

HURRY = 2.0
"""Seconds that are left to a request when every place is taken (our choice)."""


class Channel(HTTPChannel):
    """One connection, and since when it owes a request."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self.since = time.monotonic()
        self.answering: list[None] = []  # one for each answer being made: appended and popped by its own thread
        super().__init__(*args, **named)

    def service(self) -> None:
        """Answer what is there; the next request is owed from now on."""
        self.answering.append(None)
        try:
            super().service()
        finally:
            self.since = time.monotonic()
            self.answering.pop()


def listen(application: Any, host: str, port: int, **settings: Any) -> Any:
    """Return waitress's server, listening; Outside when the address cannot be had."""
    sockets: dict[int, Any] = {}
    fixed: dict[str, Any] = {"host": host, "port": port, "ident": None, "clear_untrusted_proxy_headers": True}
    try:
        server: Any = create_server(application, map=sockets, **fixed, **settings)
    except OSError as problem:
        wasyncore.close_all(sockets)
        raise Outside(f"cannot listen on {host}:{port}: {problem.strerror}") from None
    server.channel_class = Channel
    return server


def turn(server: Any, patience: float, timeout: float = 0.25) -> None:
    """Take what has come within `timeout`, then close what has owed a request for more than `patience` seconds."""
    wasyncore.loop(timeout=timeout, map=server._map, use_poll=True, count=1)
    full = len(server._map) >= server.adj.connection_limit
    owed = time.monotonic() - (min(patience, HURRY) if full else patience)
    for channel in list(server.active_channels.values()):
        # What is being answered, or still read by its peer, is not waited for.
        busy = channel.answering or channel.requests or channel.total_outbufs_len
        if not busy and channel.since < owed:
            channel.handle_close()
