"""
One HTTP request to one endpoint, bounded in every direction: seconds, bytes of an answer, and where it may go.

No proxy, no redirect, no cookie, no second try, nothing from the environment. TLS is verified against the system's
authorities. Each request has a connection of its own, and a watch that cuts it at the deadline whatever it does:
a peer that sends one byte in good time for ever would get past any time-out on single reads.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from gate.evidence import ReplyState

ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes of an answer that is read whole: a list of 1,000 versions has about half a megabyte."""

CHUNK = 256 * 1024


class Broken(Exception):
    """No whole answer came; the message says why in one sentence without a full stop."""

    timed_out = False
    too_long = False
    sent = True

    @property
    def state(self) -> ReplyState:
        """What it makes of the reply."""
        if self.too_long:
            return ReplyState.TOO_LONG
        if not self.sent:
            return ReplyState.UNREACHABLE
        return ReplyState.TIMED_OUT if self.timed_out else ReplyState.LOST


class Late(Broken):
    """The time was over."""

    timed_out = True


class TooLong(Broken):
    """The answer is larger than may be."""

    too_long = True


class NeverSent(Broken):
    """Nothing of ours has left."""

    sent = False


class Answer:
    """An answer whose body is still to be read, in whole or by parts; what botocore calls `raw`."""

    def __init__(self, wire: "Wire", response: http.client.HTTPResponse, limit: int | None) -> None:
        self.status = response.status
        self.headers: dict[str, str] = dict(response.getheaders())
        self._wire = wire
        self._response = response
        self._left = limit

    def bound(self, limit: int) -> None:
        """Let no more than so many bytes come."""
        self._left = limit

    def read(self, amount: int | None = None) -> bytes:
        """Return at most so many bytes; b"" at the end. Broken when the connection or the bound ends first."""
        if amount is None:
            return b"".join(self.stream())
        try:
            part = self._response.read(amount)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._wire.broken(error) from None
        if not part and amount and self._response.length:
            raise self._wire.broken(ConnectionError("it ended in the middle of the answer"))
        if self._left is not None:
            self._left -= len(part)
            if self._left < 0:
                raise TooLong("the answer is larger than may be")
        return part

    def stream(self, amount: int = CHUNK, **_: object) -> Iterator[bytes]:
        """Yield the rest by parts."""
        while part := self.read(amount):
            yield part


class Wire:
    """One connection for one request. `with Wire(…) as wire: wire.send(…)`."""

    def __init__(self, endpoint: str, *, connect_s: float, deadline_s: float) -> None:
        self._origin = urlsplit(endpoint)
        self._until = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._late = False
        host, port = self._origin.hostname or "", self._origin.port
        self._connection: http.client.HTTPConnection
        if self._origin.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                host, port, timeout=connect_s, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=connect_s)
        self._socket: socket.socket | None = None
        self._watch = threading.Timer(deadline_s, self._cut)
        self._watch.daemon = True

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.cancel()
        self._connection.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, limit: int | None) -> Answer:
        """Send a request and return its answer; Broken for all that is no answer of this endpoint."""
        spot = urlsplit(url)
        if (spot.scheme, spot.netloc) != (self._origin.scheme, self._origin.netloc):
            raise NeverSent("the request would have gone to another endpoint")
        try:
            self._connection.connect()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NeverSent(f"the endpoint cannot be reached: {self.broken(error)}") from None
        # Kept here: http.client forgets the socket of an answer after which the peer closes.
        self._socket = self._connection.sock
        self._socket.settimeout(self._deadline_s)
        path = spot.path + (f"?{spot.query}" if spot.query else "")
        try:
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self.broken(error) from None
        return Answer(self, response, limit)

    def broken(self, error: Exception) -> Broken:
        """Say what an exception of a socket means; a connection that was cut at the deadline is late."""
        if self._late or time.monotonic() >= self._until:
            return Late(f"no answer within {self._deadline_s:g} s")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Broken(f"its certificate was refused: {error.verify_message}")
        if isinstance(error, TimeoutError):
            return Late("silent for too long")
        if isinstance(error, socket.gaierror):
            return Broken("its name is not known")
        if isinstance(error, OSError):
            return Broken(error.strerror or str(error) or type(error).__name__)
        return Broken(f"it does not speak HTTP ({type(error).__name__})")

    def _cut(self) -> None:
        self._late = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
