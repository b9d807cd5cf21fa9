"""
Time stamps for checkpoints (RFC 3161, over HTTP as in its section 3.4): once in an interval, and when a change closes.

They prove to strangers since when a signed head exists, also after its key was stolen. The library that reads them is
an extra; it is loaded only where a time stamp authority is configured.
"""

import http.client
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from gate.errors import BadInput, GateError, Outside
from gate.ledger import checkpoint, note
from gate.ledger.note import Note
from gate.store import Ledger, stamps
from gate.store.stamps import Stamp
from gate.trust import TimeAuthority
from gate.witnessing import wire

TIMEOUT = 10.0
"""Seconds for each wait on the network, and twice that for a reply as a whole (our choice)."""

LARGEST = 64 * 1024
"""Bytes of a reply: with its chain of certificates rarely above 8 KiB."""

LOOK = 2.0
FIRST_RETRY, LAST_RETRY = 2.0, 600.0
CLOSED = b'"kind":"change.closed"'
"""Quotes inside texts are escaped, so no text can hold this."""

_log = logging.getLogger("gate.witnessing")


@dataclass(frozen=True)
class Stamped:
    """What is known of time stamps now."""

    stamp: Stamp | None
    at: datetime | None
    """When the authority says that it saw the checkpoint."""

    problem: str


class Stamping:
    """Made with the ledger; `start` begins the thread. BadInput when the extra or the authorities are missing."""

    def __init__(self, ledger: Ledger, authority: TimeAuthority, base: Path, clock: Callable[[], datetime]) -> None:
        self._ledger, self._authority, self._clock = ledger, authority, clock
        self._library = _library()
        self._roots = _roots(base / authority.ca_file)
        kept = stamps.newest(ledger)
        self._looked = kept.size if kept else 0
        self._closed = False
        self._at = self._time(kept) if kept else None
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="time stamps", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """End; a request under way is given its time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2 * TIMEOUT)

    def state(self) -> Stamped:
        """Return the newest time stamp, and why there is no newer one."""
        return Stamped(stamps.newest(self._ledger), self._at, self._problem)

    def due(self) -> bool:
        """Say whether the newest checkpoint is to be stamped now."""
        size, kept = self._ledger.size(), stamps.newest(self._ledger)
        if size <= (kept.size if kept else 0):
            return False
        self._closed = self._closed or any(CLOSED in body for body in self._ledger.bodies(self._looked, size))
        self._looked = max(size, self._looked)
        gone = self._clock() - self._at if self._at else self._authority.every
        return self._closed or gone >= self._authority.every

    def stamp(self) -> None:
        """Have the checkpoint stamped, check the reply, keep both; Outside when there is no good reply."""
        whole = note.read(self._ledger.checkpoint(keep=True))
        own = tuple(line for line in whole.signatures if line.name == self._ledger.origin)
        signed, self._closed = str(Note(whole.text, own)), False
        request = (
            self._library.TimestampRequestBuilder(data=signed.encode())
            .hash_algorithm(self._library.HashAlgorithm.SHA256)
            .build()
        )
        try:
            reply = self._ask(request.as_bytes())
            self._check(request, reply, signed.encode())
            made = Stamp(checkpoint.read(whole.text).size, signed, reply)
            self._at = self._time(made)
            stamps.keep(self._ledger, made)
        except GateError:
            self._closed = True
            raise

    def _run(self) -> None:
        rest = FIRST_RETRY
        while not self._stopping.is_set():
            try:
                if self.due():
                    self.stamp()
                self._problem, rest = "", FIRST_RETRY
                self._stopping.wait(LOOK)
            except GateError as problem:
                if str(problem) != self._problem:
                    _log.warning("time stamp: %s", problem)
                self._problem = str(problem)
                self._stopping.wait(rest)
                rest = min(2 * rest, LAST_RETRY)

    def _check(self, request: Any, reply: bytes, data: bytes) -> None:
        """Compare the reply with the request: nonce, digest, and a chain to the authorities that are believed."""
        builder = self._library.VerifierBuilder.from_request(request)
        for root in self._roots:
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify_message(self._library.decode_timestamp_response(reply), data)
        except (self._library.VerificationError, ValueError) as problem:
            raise Outside(f"the time stamp is not accepted: {_shown(str(problem))}") from None

    def _time(self, kept: Stamp) -> datetime | None:
        try:
            found: datetime = self._library.decode_timestamp_response(kept.reply).tst_info.gen_time
        except ValueError:
            return None
        return found

    def _ask(self, body: bytes) -> bytes:
        """Send one request and read a bounded reply; redirects are not followed."""
        place, kind = urlsplit(self._authority.url).path or "/", "application/timestamp-query"
        try:
            got = wire.exchange(
                self._authority.url, "POST", place, body, kind, silence=TIMEOUT, whole=2 * TIMEOUT, largest=LARGEST
            )
        except Outside as problem:
            raise Outside(f"the time stamp authority {problem.message}") from None
        except (OSError, http.client.HTTPException, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or type(problem).__name__
            raise Outside(f"the time stamp authority does not answer: {_shown(str(reason))}") from None
        if got.status != 200:
            raise Outside(f"the time stamp authority answered {got.status}")
        return got.content


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        hint = "pip install 'sangate[tsa]', or take tsa out of config.yaml"
        raise BadInput("ledger.tsa needs the package rfc3161-client, which is not installed", hint=hint) from None
    return rfc3161_client


def _roots(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or "it holds no certificate in PEM"
        raise BadInput(f"the time stamp authority's certificates cannot be read: {why}", place=str(path)) from None


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:200]).strip()
