"""What a way of delivery is, and how time is kept over one that may hang at any byte."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

from gate.errors import BadInput, Outside
from gate.export.population import Item


class Delivery(Protocol):
    """One sink's way out."""

    def deliver(self, items: Sequence[Item]) -> None:
        """Hand these over, in order, or raise Outside; what went out before a failure may go out again."""

    def close(self) -> None:
        """Let go of the connection, also one that hangs in another thread."""


@runtime_checkable
class HeadDelivery(Protocol):
    """A sink's way out that carries signed heads alone, and seldom."""

    every: timedelta
    """At least so long between two heads."""

    def tell(self, signed: str, size: int) -> None:
        """Hand over the head of so many entries, or raise Outside; Unanswered when it may have arrived."""

    def close(self) -> None:
        """As Delivery's."""


class Unanswered(Outside):
    """What was handed over may have arrived; it counts for the interval, and is handed over again after it."""


def read_private(path: Path, what: str) -> str:
    """Return the one line of a file below keys/; BadInput when it cannot be read, or others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1024).decode("ascii", errors="replace").strip()
    except OSError as problem:
        raise BadInput(f"{what} cannot be read: {problem.strerror}", place=str(path)) from None
    if mode & 0o077:
        raise BadInput(f"{what} may be read or written by others", place=str(path), hint="chmod 600")
    return text


@contextmanager
def within(seconds: float, held: socket.socket) -> Iterator[None]:
    """Cut a connection that takes longer altogether, however slowly it drips; what waits on it fails at once."""
    timer = threading.Timer(seconds, cut, (held,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def cut(held: socket.socket) -> None:
    """End a connection in both directions, whoever reads or writes it."""
    with suppress(OSError):
        held.shutdown(socket.SHUT_RDWR)


def context(ca: Path | None) -> ssl.SSLContext:
    """Return TLS with the system's authorities, or with those of one file alone; names are always checked."""
    try:
        made = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as problem:
        raise Outside(f"the authorities in {ca} cannot be read: {problem}") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def said(problem: BaseException) -> str:
    """Say what went wrong with a connection, without what the other side may have sent."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {problem.verify_message}"
    if isinstance(problem, TimeoutError):
        return "it did not answer in time"
    return getattr(problem, "strerror", None) or type(problem).__name__
