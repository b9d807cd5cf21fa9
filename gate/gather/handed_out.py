"""What a web server hands out under an image's name: arrays that fetch for themselves get this, not the gate's file."""

import hashlib
import http.client
import time

from gate.ssh.wire import printable

SILENT_S = 10.0
WITHIN_S = 600.0
"""Seconds that the whole of it may take (our choice); images of 2 GB at 4 MB/s take as long."""

CHUNK = 1024 * 1024


class NotHandedOut(Exception):
    """The file was not handed out whole; the reason is one sentence."""


def handed_out(server: str, file: str, largest: int, within_s: float = WITHIN_S) -> str:
    """
    Fetch `http://server/file`, keep nothing, and return its SHA-256 in hexadecimal; NotHandedOut says why not.

    No proxy is asked and no redirection followed: what an array would get is what counts.
    """
    until, hashed, size = time.monotonic() + within_s, hashlib.sha256(), 0
    connection = http.client.HTTPConnection(server, timeout=SILENT_S)
    try:
        connection.request("GET", f"/{file}", headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise NotHandedOut(f"{server} answers with status {answer.status} for {file}")
        while part := answer.read(CHUNK):
            hashed.update(part)
            size += len(part)
            if size > largest or time.monotonic() > until:
                raise NotHandedOut(f"{server} hands out more than {largest} bytes for {file}, or too slowly")
        if answer.length:
            raise NotHandedOut(f"{server} stops in the middle of {file}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotHandedOut(f"{server} does not hand out {file}: {printable(str(error))[:120]}") from None
    finally:
        connection.close()
    return hashed.hexdigest()
