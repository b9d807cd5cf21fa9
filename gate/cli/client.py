"""The API's client. Answers are bounded, redirects are not followed, passwords go over TLS or loopback only."""

import http.client
import ipaddress
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from gate.errors import (
    BadInput,
    CannotTell,
    GateError,
    HostKeyRefused,
    LedgerUnavailable,
    Moved,
    NotSignedIn,
    NotThere,
    Outside,
    Refused,
)

QUICK = 60.0
LONG = 900.0
"""Seconds; gathering a large fleet takes minutes, and a rehearsal copies whole backups."""

LARGEST_ANSWER = 64 * 1024 * 1024
CHUNK = 1 << 20
KINDS: dict[str, type[GateError]] = {
    "refused": Refused,
    "moved": Moved,
    "not-signed-in": NotSignedIn,
    "bad-input": BadInput,
    "not-there": NotThere,
    "cannot-tell": CannotTell,
    "outside": Outside,
    "host-key-refused": HostKeyRefused,
    "ledger-unavailable": LedgerUnavailable,
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


class Client:
    """One server and the token for it."""

    def __init__(self, address: str, token: str = "") -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        parts = urllib.parse.urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
            raise BadInput(f'"{address[:80]}" is not the address of a server', hint="http://127.0.0.1:8420, say")
        local = _is_loopback(parts.hostname)
        if parts.scheme == "http" and not local:
            raise BadInput("secrets go over plain HTTP to this machine only", place=address[:80], hint="use https://…")
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if local:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON at `path`."""
        given = {key: str(value) for key, value in query.items() if value is not None}
        tail = "?" + urllib.parse.urlencode(given) if given else ""
        return self._json("GET", path + tail, None, {}, QUICK)

    def post(self, path: str, body: object = None, *, seen: int | None = None, within: float = LONG) -> Any:
        """Send JSON and return the JSON that comes back; `seen` is the change's seq that the sender has read."""
        headers = {"Content-Type": "application/json"}
        if seen is not None:
            headers["If-Match"] = f'"{seen}"'
        return self._json("POST", path, json.dumps(body or {}).encode(), headers, within)

    def send(self, path: str, content: bytes, media_type: str, **query: str) -> Any:
        """Send a document as it is."""
        tail = "?" + urllib.parse.urlencode(query) if query else ""
        return self._json("POST", path + tail, content, {"Content-Type": media_type}, QUICK)

    def download(self, path: str, into: IO[bytes]) -> int:
        """Copy what is at `path` into a file; return its size."""
        size = 0
        try:
            with self._open("GET", path, None, {}, LONG) as answer:
                while chunk := answer.read(CHUNK):
                    into.write(chunk)
                    size += len(chunk)
        except (http.client.HTTPException, OSError) as error:
            raise self._gone(error) from None
        return size

    @contextmanager
    def stream(self, path: str) -> Iterator[Any]:
        """Give the answer at `path` to be read piece by piece, with its headers."""
        try:
            with self._open("GET", path, None, {}, LONG) as answer:
                yield answer
        except (http.client.HTTPException, OSError) as error:
            raise self._gone(error) from None

    def _json(self, method: str, path: str, body: bytes | None, headers: dict[str, str], within: float) -> Any:
        try:
            with self._open(method, path, body, headers, within) as answer:
                raw = answer.read(LARGEST_ANSWER + 1)
        except (http.client.HTTPException, OSError) as error:
            raise self._gone(error) from None
        if len(raw) > LARGEST_ANSWER:
            raise Outside(f"the answer has more than {LARGEST_ANSWER} bytes", place=self.address)
        try:
            return json.loads(raw)
        except ValueError:
            raise Outside("the answer is not JSON: is this a sangate?", place=self.address) from None

    def _open(self, method: str, path: str, body: bytes | None, headers: dict[str, str], within: float) -> Any:
        url = self.address + "/api/v1" + urllib.parse.quote(path, safe="/?=&%+-._~:")
        asked = urllib.request.Request(url, body, {**self._headers, **headers}, method=method)  # noqa: S310  # checked above
        try:
            return self._opener.open(asked, timeout=within)
        except urllib.error.HTTPError as error:
            with error:
                raise _told(error.code, error.read(CHUNK)) from None

    def _gone(self, error: Exception) -> Outside:
        reason = getattr(error, "reason", error)
        said = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        hint = "is it running? sangate serve starts it; --server names another"
        return Outside(f"the server does not answer: {said.lower()}", place=self.address, hint=hint)


def _told(status: int, raw: bytes) -> GateError:
    """Return the error that the server told of, as the class it had there."""
    try:
        problem = json.loads(raw)
        kind = str(problem["type"]).rpartition(":")[2]
        texts = [str(problem.get(key, ""))[:2000] for key in ("detail", "place", "hint")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Outside(f"the server answered {status} without a reason: is this a sangate?")
    return KINDS.get(kind, Outside)(texts[0] or "no reason given", place=texts[1], hint=texts[2])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
