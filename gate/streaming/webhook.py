"""
Each entry as one CloudEvent by POST, signed as Standard Webhooks lays down, in order and at least once.

    webhook-id: <origin>/<index>     webhook-timestamp: <seconds>
    webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">

An answer of 2xx is delivery; everything else is tried again. No redirect is followed and no proxy is used.
"""

import base64
import binascii
import hmac
import http.client
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from gate.errors import BadInput, Outside
from gate.export import cloudevents
from gate.export.population import Item
from gate.sink import Webhook
from gate.streaming.delivery import context, cut, read_private, said, within

SHORTEST, LONGEST = 24, 64
"""Bytes of a secret (Standard Webhooks, Signature scheme)."""


def read_secret(path: Path) -> bytes:
    """Return the secret in a file: base64, `whsec_` before it or not. BadInput when others may read it."""
    text = read_private(path, "the webhook's secret")
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not SHORTEST <= len(secret) <= LONGEST:
        hint = "openssl rand -base64 32 makes one"
        raise BadInput(f"a webhook's secret is {SHORTEST} to {LONGEST} bytes in base64", place=str(path), hint=hint)
    return secret


def signature(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    """Return the value of webhook-signature."""
    signed = hmac.new(secret, f"{name}.{timestamp}.".encode() + body, sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


class WebhookDelivery:
    """One connection, kept open between entries."""

    def __init__(
        self, sink: Webhook, origin: str, secret: bytes, ca: Path | None, clock: Callable[[], datetime]
    ) -> None:
        self._sink, self._origin, self._secret, self._clock = sink, origin, secret, clock
        self._seconds = sink.timeout.total_seconds()
        parts = urlsplit(sink.url)
        self._host, self._path = parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = context(ca) if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def deliver(self, items: Sequence[Item]) -> None:
        """See Delivery."""
        for item in items:
            try:
                status = self._post(cloudevents.event(self._origin, item), f"{self._origin}/{item.at}")
            except (OSError, http.client.HTTPException) as problem:
                self.close()
                raise Outside(f"the receiver cannot be reached: {said(problem)}") from None
            if not 200 <= status < 300:
                self.close()
                raise Outside(f"the receiver answered {status} to entry {item.at}")

    def close(self) -> None:
        """See Delivery."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.sock is not None:
                cut(connection.sock)
            connection.close()

    def _post(self, body: bytes, name: str) -> int:
        connection = self._connection = self._connection or self._open()
        now = int(self._clock().timestamp())
        headers = {
            "Content-Type": cloudevents.MEDIA_TYPE,
            "User-Agent": "sangate",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._secret, name, now, body),
        }
        if connection.sock is None:
            connection.connect()
        with within(self._seconds, connection.sock):
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            answer.read(65536)
        if answer.will_close or not answer.isclosed():
            self.close()
        return answer.status

    def _open(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, timeout=self._seconds, context=self._context)
        return http.client.HTTPConnection(self._host, timeout=self._seconds)
