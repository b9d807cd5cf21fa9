"""
One command on one channel, from the granted request to the exit status, with the faults of a bad command line.

Paramiko tells the client that its request was granted after `check_channel_exec_request` returns, and output must not
overtake that message: so an exchange runs in a thread of its own and waits until the message is out.
"""

import contextlib
import hashlib
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

import paramiko
from paramiko.message import Message

from gate.lab.certificates import Keys
from gate.lab.said import Said

CHANNEL_SUCCESS = 99  # RFC 4254 section 9
GRANT_S = 5.0
LOOKING_UP_S = 0.05  # to whoever has gone meanwhile no message gets out; a command that has come is run all the same
SEND_S = 30.0  # a client that does not read is given up
LARGEST_UPLOAD = 64 << 20
HEADER = re.compile(r"C0[0-7]{3} (\d{1,12}) ([A-Za-z0-9][A-Za-z0-9._-]{0,99})")


@dataclass
class Service:
    """What stands behind one listener."""

    name: str
    keys: Keys
    faults: MutableMapping[str, str]
    say: Callable[[str, str], Said]
    """(user, command line) → answer."""

    receive: Callable[[str, str, str, bytes], str] | None = None
    """(user, directory, name, content) of an upload → '' or why not."""

    uploaders: frozenset[str] = frozenset()
    """Who may put a file by SFTP; it is handed on as one in the directory of its whole path, without a name."""

    connections_per_s: int = 0
    """More new connections in a second shut the door for `closed_s` seconds; 0: nobody counts."""

    closed_s: float = 60.0


class Transport(paramiko.Transport):
    """Tells when a channel request has been granted on the wire."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.granted: dict[int, threading.Event] = {}

    def _send_user_message(self, data: Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        raw = data.asbytes()
        if raw[0] == CHANNEL_SUCCESS:
            event = self.granted.get(int.from_bytes(raw[1:5], "big"))
            if event is not None:
                event.set()


@dataclass
class Exchange:
    """One command on one channel, from the granted request to the exit status."""

    service: Service
    transport: Transport
    channel: paramiko.Channel
    user: str
    command: bytes
    granted: threading.Event

    def run(self) -> None:
        """Answer; whatever breaks here only ends this channel."""
        until = time.monotonic() + GRANT_S
        while not self.granted.wait(LOOKING_UP_S) and self.transport.is_active() and time.monotonic() < until:
            pass
        self.channel.settimeout(SEND_S)
        try:
            self._answer()
        except (OSError, EOFError, paramiko.SSHException):
            pass
        finally:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                self.channel.close()
            self.transport.granted.pop(self.channel.remote_chanid, None)

    def _answer(self) -> None:
        try:
            line = self.command.decode("utf-8", errors="strict")
        except UnicodeDecodeError:
            self._reply(Said(err=b"not UTF-8\n", status=2))
            return
        if line.startswith("scp "):
            self._sink(line)
            return
        if "hangs" in self.service.faults:
            self.channel.recv(1)  # nobody answers; the client's own deadline ends this
            return
        if "other-prompt" in self.service.faults:
            self.channel.sendall(b"Your password expires in 3 days. Change it now (y/n)? ")
            self.channel.recv(1)  # nobody answers; the client's own deadline ends this
            return
        if delay := self.service.faults.get("slow"):
            time.sleep(float(delay))
        if "late" in self.service.faults and self.user == self.service.keys.certificate_user:
            self.transport.close()
            time.sleep(float(self.service.faults["late"] or 1))
        said = self.service.say(self.user, line)
        while said.then is not None:
            self.channel.sendall(said.out)
            said = said.then(self._line().strip())
        if said.mutates and said.status == 0 and self._loses_reply():
            self.transport.close()
            return
        self._reply(said)

    def _loses_reply(self) -> bool:
        left = self.service.faults.get("lose-reply")
        if left is None:
            return False
        if int(left or "1") > 1:
            self.service.faults["lose-reply"] = str(int(left) - 1)
        else:
            self.service.faults.pop("lose-reply", None)
        return True

    def _reply(self, said: Said) -> None:
        faults, out = self.service.faults, said.out
        if "flood" in faults:
            block = b"node!online!" * 5461
            for _ in range(int(float(faults["flood"] or "16") * 16)):
                self.channel.sendall(block)
        if "garbage" in faults:
            out = hashlib.shake_256(self.command).digest(4096)
        if "bad-utf8" in faults:
            out = out[: len(out) // 2] + b"\xff\xfe\xc3" + out[len(out) // 2 :]
        if "escapes" in faults:
            out = b"\x1b[2J\x1b]0;owned\x07" + out
        if "close-mid-reply" in faults:
            self.channel.sendall(out[: max(1, len(out) // 2)])
            self.transport.close()
            return
        if out:
            self.channel.sendall(out)
        if said.err:
            self.channel.sendall_stderr(said.err)
        self.channel.send_exit_status(said.status)

    def _sink(self, line: str) -> None:
        """The receiving end of classic SCP: `C0644 size name`, the bytes, a zero byte; each answered by a zero."""
        words = shlex.split(line)
        if self.service.receive is None or len(words) != 3 or words[1] != "-t":
            self._reply(Said(err=b"scp: not permitted\n", status=1))
            return
        self.channel.sendall(b"\0")
        header = HEADER.fullmatch(self._line())
        if header is None or int(header[1]) > LARGEST_UPLOAD:
            self._complain("protocol error or file too large")
            return
        self.channel.sendall(b"\0")
        content = self._exactly(int(header[1]))
        if content is None or self._exactly(1) != b"\0":
            return
        problem = self.service.receive(self.user, words[2], header[2], content)
        if problem:
            self._complain(problem)
            return
        if self._loses_reply():
            self.transport.close()
            return
        self.channel.sendall(b"\0")
        self.channel.send_exit_status(0)

    def _complain(self, problem: str) -> None:
        self.channel.sendall(b"\x01scp: " + problem.encode() + b"\n")
        self.channel.send_exit_status(1)

    def _line(self) -> str:
        text = bytearray()
        while len(text) < 256:
            byte = self.channel.recv(1)
            if byte in (b"", b"\n", b"\r"):
                break
            text += byte
        return text.decode("ascii", errors="replace")

    def _exactly(self, count: int) -> bytes | None:
        content = bytearray()
        while len(content) < count:
            part = self.channel.recv(min(65_536, count - len(content)))
            if not part:
                return None
            content += part
        return bytes(content)
