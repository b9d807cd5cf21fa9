"""One command's bytes, both ways, under a deadline and a limit."""

import select
import time
from collections.abc import Callable

import paramiko

from gate.evidence import ReplyState

REPLY_LIMIT = 1024 * 1024
CHUNK = 32 * 1024


class Over(Exception):
    """An exchange ended without an answer; never leaves this module."""

    def __init__(self, state: ReplyState, problem: str) -> None:
        super().__init__(problem)
        self.state = state
        self.problem = problem


class Talk:
    """One channel's bytes under a deadline and a limit; both streams are read together, so neither blocks the other."""

    def __init__(self, channel: paramiko.Channel, transport: paramiko.Transport, deadline: float, limit: int) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self.channel = channel
        self._transport = transport
        self._deadline = deadline
        self._limit = limit
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)

    def left(self) -> float:
        """Return the seconds left; Over when there are none."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise Over(ReplyState.TIMED_OUT, "no answer within the deadline; it may still be running")
        return seconds

    def pump(self) -> bool:
        """Wait for bytes and take them; False at the end of both streams."""
        self._poll.poll(min(self.left(), 0.5) * 1000)
        ended = self.channel.eof_received or self.channel.closed  # before taking: bytes may come between the two
        took = self._take(self.channel.recv_ready, self.channel.recv, self.out)
        took = self._take(self.channel.recv_stderr_ready, self.channel.recv_stderr, self.err) or took
        return took or not ended

    def type(self, data: bytes) -> None:
        """Send bytes to the command's input."""
        self.channel.settimeout(self.left())
        self.channel.sendall(data)

    def _take(self, ready: Callable[[], bool], read: Callable[[int], bytes], into: bytearray) -> bool:
        took = False
        while ready():
            took = True
            into += read(CHUNK)
            excess = len(self.out) + len(self.err) - self._limit
            if excess > 0:
                del into[-excess:]
                raise Over(ReplyState.TOO_LONG, f"more than {self._limit} bytes")
            self.left()
        return took

    def finish(self, heed: Callable[["Talk"], None] | None = None) -> int:
        """
        Read to the end and return the exit status; `heed` is asked after each wait whether anything is to be typed.

        A status that came before the connection broke says nothing about the bytes after it, so the end of the
        stream must have been seen too; -1 is Paramiko's word for "never told".
        """
        while self.pump():
            if heed is not None:
                heed(self)
        if not self.channel.status_event.wait(self.left()):
            self.left()
            raise Over(ReplyState.TIMED_OUT, "the output ended but no exit status came within the deadline")
        status = self.channel.exit_status
        if status < 0 or not (self.channel.eof_received or self._transport.is_active()):
            raise Over(ReplyState.LOST, "the connection or the command ended without an exit status")
        return status
