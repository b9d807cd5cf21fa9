"""Copying one file to a device with the classic SCP protocol."""

import hashlib
import re
from typing import BinaryIO

from gate.evidence import ReplyState
from gate.ssh.talk import CHUNK, Over, Talk
from gate.ssh.wire import printable

SCP_DIRECTORY = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")
SCP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Upload:
    """The source side of the classic SCP protocol: `C<mode> <size> <name>`, the bytes, a zero; each acknowledged."""

    def __init__(self, stream: BinaryIO, size: int, name: str, digest: str) -> None:
        self._stream, self._size, self._name, self._digest = stream, size, name, digest
        self._read = 0
        self._refusal = ""

    def give(self, talk: Talk) -> None:
        """Send the file; what the sink objects to is kept for `judge`."""
        if not self._accepted(talk):
            return
        talk.type(f"C0644 {self._size} {self._name}\n".encode())
        if not self._accepted(talk):
            return
        hashed = hashlib.sha256()
        sent = 0
        while sent < self._size:
            chunk = self._stream.read(min(CHUNK, self._size - sent))
            if not chunk:
                break
            hashed.update(chunk)
            talk.type(chunk)
            sent += len(chunk)
        if hashed.hexdigest() != self._digest:
            raise Over(ReplyState.LOST, f"{self._name} changed while it was sent; the copy is unfinished")
        talk.type(b"\0")
        if self._accepted(talk):
            talk.channel.shutdown_write()

    def judge(self, status: int) -> None:
        """Refuse a zero exit status after an objection: it would read as success."""
        if self._refusal and status == 0:
            raise Over(ReplyState.LOST, f"the target objected ({self._refusal}) and yet ended with status 0")

    def _accepted(self, talk: Talk) -> bool:
        while len(talk.out) <= self._read:
            if not talk.pump():
                raise Over(ReplyState.LOST, "the target ended the copy without a word")
        if talk.out[self._read] == 0:
            self._read += 1
            return True
        self._refusal = printable(bytes(talk.out[self._read + 1 :]).decode("utf-8", "replace")) or "no reason given"
        talk.channel.shutdown_write()
        return False
