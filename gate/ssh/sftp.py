"""
Putting one file on a device with SFTP version 3 (draft-ietf-secsh-filexfer-02): open, write, close, nothing else.

Arrays that take firmware so give the name a meaning of their own (`flash`), list nothing and may end the channel
without an exit status; what counts is that every write and the close were acknowledged.
"""

import hashlib
import re
import struct
from typing import BinaryIO

from gate.evidence import ReplyState
from gate.ssh.talk import CHUNK, Over, Talk
from gate.ssh.wire import printable

SFTP_PATH = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
INIT, VERSION, OPEN, CLOSE, WRITE, STATUS, HANDLE = 1, 2, 3, 4, 6, 101, 102
OK = 0
WRITE_CREATE_TRUNCATE = 0x02 | 0x08 | 0x10
LARGEST_ANSWER = 4096
AT_ONCE = 16
"""Writes that may wait for their answers, as OpenSSH's client has several (our choice)."""


class Put:
    """The client's side of one upload."""

    def __init__(self, stream: BinaryIO, size: int, path: str, digest: str) -> None:
        self._stream, self._size, self._path, self._digest = stream, size, path, digest

    def give(self, talk: Talk) -> None:
        """Send the file; Over says where it ended, and then nothing is known but that it is not whole."""
        talk.type(_packet(INIT, struct.pack(">I", 3)))
        if self._answer(talk)[0] != VERSION:
            raise Over(ReplyState.LOST, "the target does not speak SFTP")
        attributes = struct.pack(">I", 0)
        flags = struct.pack(">I", WRITE_CREATE_TRUNCATE)
        talk.type(_packet(OPEN, struct.pack(">I", 0) + _text(self._path.encode()) + flags + attributes))
        kind, body = self._answer(talk)
        if kind != HANDLE or len(body) < 8:
            raise Over(ReplyState.LOST, f"the target did not open {self._path}: {_why(kind, body)}")
        handle = body[4 : 8 + int.from_bytes(body[4:8], "big")]
        self._content(talk, handle)
        talk.type(_packet(CLOSE, struct.pack(">I", 1) + handle))
        self._acknowledged(talk, "the end of the file")
        talk.out[:] = f"{self._size} bytes were taken\n".encode()
        talk.channel.shutdown_write()

    def _content(self, talk: Talk, handle: bytes) -> None:
        hashed, sent, waiting = hashlib.sha256(), 0, 0
        while sent < self._size and (chunk := self._stream.read(min(CHUNK, self._size - sent))):
            hashed.update(chunk)
            talk.type(_packet(WRITE, struct.pack(">I", 2) + handle + struct.pack(">Q", sent) + _text(chunk)))
            sent, waiting = sent + len(chunk), waiting + 1
            if waiting == AT_ONCE:
                self._acknowledged(talk, "a part of the file")
                waiting -= 1
        for _ in range(waiting):
            self._acknowledged(talk, "a part of the file")
        if hashed.hexdigest() != self._digest:
            raise Over(ReplyState.LOST, f"{self._path}: the file changed while it was sent; the upload is not closed")

    def _acknowledged(self, talk: Talk, what: str) -> None:
        kind, body = self._answer(talk)
        if kind != STATUS or body[4:8] != struct.pack(">I", OK):
            raise Over(ReplyState.LOST, f"the target did not take {what}: {_why(kind, body)}")

    def _answer(self, talk: Talk) -> tuple[int, bytes]:
        """Take one packet; the bytes before it in the reply are those of earlier packets and are gone."""
        while len(talk.out) < 5 or len(talk.out) < 4 + int.from_bytes(talk.out[:4], "big"):
            if int.from_bytes(talk.out[:4].ljust(4, b"\0"), "big") > LARGEST_ANSWER and len(talk.out) >= 4:
                raise Over(ReplyState.LOST, "the target answers with something that is not SFTP")
            if not talk.pump():
                raise Over(ReplyState.LOST, "the target ended the upload without a word")
        length = int.from_bytes(talk.out[:4], "big")
        packet = bytes(talk.out[4 : 4 + length])
        del talk.out[: 4 + length]
        if not packet:
            raise Over(ReplyState.LOST, "the target answers with something that is not SFTP")
        return packet[0], packet[1:]


def _packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _why(kind: int, body: bytes) -> str:
    if kind != STATUS or len(body) < 12:
        return "no reason given"
    said = body[12 : 12 + int.from_bytes(body[8:12], "big")].decode("utf-8", "replace")
    return printable(said)[:120] or f"status {int.from_bytes(body[4:8], 'big')}"
