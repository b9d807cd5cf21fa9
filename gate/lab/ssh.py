"""
Real SSH servers in front of simulated arrays and hosts; one listener each.

A channel's reply is sent by a thread of its own, and only after the client has been told that its request was
granted: paramiko sends that message after `check_channel_exec_request` returns, and output must not overtake it.
"""

import contextlib
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.message import Message

from gate.lab.certificates import Keys, certificate_problem, plain_allowed
from gate.lab.speech import Said

CHANNEL_SUCCESS = 99  # RFC 4254 section 9
GRANT_S = 5.0
SEND_S = 30.0  # a client that does not read is given up
LARGEST_UPLOAD = 64 << 20
HEADER = re.compile(r"C0[0-7]{3} (\d{1,12}) ([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
BIND_TRIES = 50


@dataclass
class Service:
    """What stands behind one listener."""

    name: str
    keys: Keys
    faults: MutableMapping[str, str]
    say: Callable[[str, str], Said]
    """(user, command line) → answer."""

    receive: Callable[[str, str, str, bytes], str] | None = None
    """(user, directory, name, content) of an SCP upload → '' or why not."""


class _Transport(paramiko.Transport):
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


class _Server(paramiko.ServerInterface):
    """One connection: who logged in, and which commands it may run. Has no side effects before a login is proven."""

    def __init__(self, service: Service, transport: _Transport, client: str) -> None:
        self.service = service
        self.transport = transport
        self.client = client

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - the signature is paramiko's
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        certificate = getattr(key.public_blob, "key_blob", None)
        if "refuse" in self.service.faults:
            return AUTH_FAILED
        if certificate is not None:
            allowed = not certificate_problem(self.service.keys, username, bytes(certificate), self.client)
        else:
            allowed = plain_allowed(self.service.keys, username, key.asbytes())
        return AUTH_SUCCESSFUL if allowed else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - likewise
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        granted = threading.Event()
        self.transport.granted[channel.remote_chanid] = granted
        user = self.transport.get_username() or ""
        work = _Exchange(self.service, self.transport, channel, user, command, granted)
        threading.Thread(target=work.run, name=f"{self.service.name} channel", daemon=True).start()
        return True


@dataclass
class _Exchange:
    """One command on one channel, from the granted request to the exit status."""

    service: Service
    transport: _Transport
    channel: paramiko.Channel
    user: str
    command: bytes
    granted: threading.Event

    def run(self) -> None:
        """Answer; whatever breaks here only ends this channel."""
        self.granted.wait(GRANT_S)
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
        if "other-prompt" in self.service.faults:
            self.channel.sendall(b"Your password expires in 3 days. Change it now (y/n)? ")
            self.channel.recv(1)  # nobody answers; the client's own deadline ends this
            return
        if delay := self.service.faults.get("slow"):
            time.sleep(float(delay))
        said = self.service.say(self.user, line)
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
            if byte in (b"", b"\n"):
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


class Listener:
    """One address of the lab's command lines. `suspend` ends all connections and refuses new ones until `open`."""

    def __init__(
        self, service: Service, host: str, port: int, host_key: paramiko.PKey, other_host_key: paramiko.PKey
    ) -> None:
        self.service = service
        self.host = host
        self.port = port
        self._key = host_key
        self._other_key = other_host_key
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._open_connections: set[socket.socket] = set()
        self._hung: set[socket.socket] = set()

    def open(self) -> None:
        """Listen; does nothing when it listens already. OSError when the port cannot be had."""
        with self._lock:
            if self._socket is not None:
                return
            for attempt in range(BIND_TRIES):
                try:
                    self._socket = socket.create_server((self.host, self.port), backlog=128)
                    break
                except OSError:
                    if attempt == BIND_TRIES - 1:
                        raise
                    time.sleep(0.1)
            accept = threading.Thread(
                target=self._accept, args=(self._socket,), name=f"{self.service.name} ssh", daemon=True
            )
            accept.start()

    def suspend(self) -> None:
        """Stop listening and cut every connection at once."""
        with self._lock:
            if self._socket is not None:
                _wake(self._socket)
                self._socket.close()
                self._socket = None
            connections, self._open_connections = self._open_connections, set()
        for connection in connections:
            # A connection that has a transport is closed by it; one without hangs on purpose and is closed here.
            _wake(connection)
            if connection in self._hung:
                connection.close()
        self._hung.clear()

    def _accept(self, listening: socket.socket | None) -> None:
        while listening is not None:
            try:
                connection, client = listening.accept()
            except OSError:
                return
            with self._lock:
                if self._socket is not listening:
                    connection.close()
                    return
                self._open_connections = {each for each in self._open_connections if each.fileno() >= 0}
                self._open_connections.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if "hang-banner" in self.service.faults:
                self._hung.add(connection)
            else:
                self._start(connection, client[0])

    def _start(self, connection: socket.socket, client: str) -> None:
        try:
            transport = _Transport(connection)
            transport.add_server_key(self._other_key if "changed-host-key" in self.service.faults else self._key)
            transport.start_server(event=threading.Event(), server=_Server(self.service, transport, client))
        except (OSError, EOFError, paramiko.SSHException):
            connection.close()


def _wake(connection: socket.socket) -> None:
    # Whoever waits on a socket in another thread is woken by shutdown, not by close.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
