"""
Each entry as an RFC 5424 message over TLS (RFC 5425) or plain TCP, framed by its length (RFC 6587 section 3.4.1).

Syslog answers nothing, so delivery is what the other side's TCP has acknowledged; a receiver that loses what it took
shows a gap in the indices. After each piece the signed head is sent too: a line in a SIEM that every later history must
fit.
"""

import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gate.errors import Outside
from gate.export.population import Item
from gate.export.rfc5424 import message, stated
from gate.sink import Syslog
from gate.streaming.delivery import context, cut, said, within

POLL = 0.01


class SyslogDelivery:
    """One connection, kept open between pieces."""

    def __init__(self, sink: Syslog, ca: Path | None, head: Callable[[], dict[str, str]]) -> None:
        self._sink, self._head = sink, head
        self._seconds = sink.timeout.total_seconds()
        host, _, port = sink.address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._context = context(ca) if sink.tls else None
        self._name = socket.gethostname() or "-"
        self._held: socket.socket | None = None

    def deliver(self, items: Sequence[Item]) -> None:
        """See Delivery."""
        messages = [message(item, self._name) for item in items]
        if told := self._head():
            messages.append(stated("checkpoint", told, self._name))
        try:
            held = self._held = self._held or self._open()
            self._still_there(held)
            with within(self._seconds, held):
                held.sendall(b"".join(b"%d " % len(one) + one for one in messages))
                self._acknowledged(held)
        except OSError as problem:
            self.close()
            raise Outside(f"the receiver cannot be reached: {said(problem)}") from None

    def close(self) -> None:
        """See Delivery."""
        held, self._held = self._held, None
        if held is not None:
            cut(held)
            held.close()

    def _open(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), self._seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return plain
        try:
            with within(self._seconds, plain):
                return self._context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise

    def _still_there(self, held: socket.socket) -> None:
        """Notice a receiver that has closed: what is written to it would be lost without an error."""
        held.setblocking(False)
        try:
            closed = held.recv(1) == b""
        except (BlockingIOError, OSError) as problem:
            closed = not isinstance(problem, BlockingIOError) and "want" not in type(problem).__name__.lower()
        finally:
            held.settimeout(self._seconds)
        if closed:
            raise ConnectionResetError(104, "it has closed the connection")

    def _acknowledged(self, held: socket.socket) -> None:
        """Wait until the other side's TCP has taken every byte (tcp(7), SIOCOUTQ)."""
        until = time.monotonic() + self._seconds
        while struct.unpack("i", fcntl.ioctl(held.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]:
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(POLL)
