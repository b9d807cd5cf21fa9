"""One request to a witness or a time stamp authority, one answer that is bounded as a whole, in time and in size."""

import http.client
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from gate.errors import Outside


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    kind: str
    content: bytes


def exchange(
    url: str, method: str, path: str, body: bytes | None, kind: str, *, silence: float, whole: float, largest: int
) -> Reply:
    """
    Send one request; `silence` and `whole` are seconds, for each wait and for all of it. Redirects are not followed.

    Outside when too much comes, or not all of it in time; OSError and http.client's errors as they are.
    """
    spot = urlsplit(url)
    until = time.monotonic() + whole
    secure = http.client.HTTPSConnection if spot.scheme == "https" else http.client.HTTPConnection
    connection = secure(spot.hostname or "", spot.port, timeout=silence)
    watch: threading.Timer | None = None
    try:
        connection.connect()
        # A head that drips in is waited for line by line: only from outside can it be ended.
        watch = threading.Timer(max(0.0, until - time.monotonic()), _cut, [connection.sock])
        watch.daemon = True
        watch.start()
        connection.request(method, path, body, {"Content-Type": kind, "Connection": "close"})
        answer, content = connection.getresponse(), b""
        while len(content) <= largest:
            piece = answer.read1(4096)
            if not piece and time.monotonic() < until:
                return Reply(answer.status, answer.headers.get("Content-Type", ""), content)
            if not piece:
                break
            content += piece
        raise Outside("answers too much or too slowly")
    except (OSError, http.client.HTTPException):
        if time.monotonic() >= until:
            raise Outside("answers too much or too slowly") from None
        raise
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
