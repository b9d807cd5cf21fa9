"""Real SSH servers in front of simulated arrays and hosts; one listener each."""

import contextlib
import socket
import threading
import time
from collections import deque

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from gate.lab.certificates import certificate_problem, plain_allowed
from gate.lab.exchange import Exchange, Service, Transport
from gate.lab.putting import Putting

BIND_TRIES = 20  # a port just closed may need a moment; 20 × 0.1 s


class _Server(paramiko.ServerInterface):
    """One connection: who logged in, and which commands it may run. Has no side effects before a login is proven."""

    def __init__(self, service: Service, transport: Transport, client: str) -> None:
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
        work = Exchange(self.service, self.transport, channel, user, command, granted)
        threading.Thread(target=work.run, name=f"{self.service.name} channel", daemon=True).start()
        return True

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        """SFTP, where somebody may upload; paramiko's own server speaks it."""
        if name != "sftp" or not self.service.uploaders:
            return False
        work = paramiko.SFTPServer(channel, name, self, Putting, self.service, self.transport)
        work.start()
        return True


class Crowd:
    """Counts new connections; more than `limit` within a second are too many, and nobody is let in for `closed_s`."""

    def __init__(self, limit: int, closed_s: float) -> None:
        self._limit = limit
        self._closed_s = closed_s
        self._recent: deque[float] = deque()
        self._until = 0.0

    def refuses(self, now: float) -> bool:
        """Whether one who comes now is turned away; a limit of 0 turns nobody away."""
        if not self._limit or now < self._until:
            return now < self._until
        self._recent.append(now)
        while now - self._recent[0] > 1:
            self._recent.popleft()
        if len(self._recent) <= self._limit:
            return False
        self._recent.clear()
        self._until = now + self._closed_s
        return True


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
        self._crowd = Crowd(service.connections_per_s, service.closed_s)

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
            if self._crowd.refuses(time.monotonic()):
                connection.close()
            elif "hang-banner" in self.service.faults:
                self._hung.add(connection)
            else:
                self._start(connection, client[0])

    def _start(self, connection: socket.socket, client: str) -> None:
        try:
            transport = Transport(connection)
            transport.add_server_key(self._other_key if "changed-host-key" in self.service.faults else self._key)
            transport.start_server(event=threading.Event(), server=_Server(self.service, transport, client))
        except (OSError, EOFError, paramiko.SSHException):
            connection.close()


def _wake(connection: socket.socket) -> None:
    # Whoever waits on a socket in another thread is woken by shutdown, not by close.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
