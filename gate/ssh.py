"""
The only SSH client of the gate: one connection to one target, one command at a time.

`connect` raises; after it nothing that a device does raises: `Session.run` and `Session.send` return a Reply whose
state says how the asking ended. A command whose end was not seen is `lost` or `timed_out` and may have happened, or
still go on: killing a connection stops nothing on the target. `unreachable` means that nothing was sent. Any state but
`answered` ends the connection; the caller connects again. No pty, no agent, no keys from the home directory.
"""

import base64
import hashlib
import io
import logging
import re
import select
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificate,
    load_ssh_private_key,
    load_ssh_public_identity,
)
from paramiko.message import Message

from gate.errors import BadInput, HostKeyRefused, Outside, Refused
from gate.evidence import Reply, ReplyState
from gate.hostkeys import HostKey, HostKeys, parse
from gate.inventory import Ssh

Clock = Callable[[], datetime]

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEY_TYPES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
HANDSHAKE_LIMIT = 256 * 1024
"""Bytes that a peer may send before the login is done: a banner and key exchange need a few kilobytes."""

REPLY_LIMIT = 1024 * 1024
CHUNK = 32 * 1024
SCP_DIRECTORY = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")
SCP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_log = logging.getLogger("gate.ssh")
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Timeouts:
    """Bounds of every wait that is not a command's own, in seconds."""

    connect_s: float = 5.0
    banner_s: float = 5.0
    login_s: float = 10.0
    channel_s: float = 5.0
    dead_peer_s: float = 10.0
    """TCP_USER_TIMEOUT: unacknowledged bytes end the connection. Keepalives alone never noticed a dead peer."""


class _Over(Exception):
    """An exchange ended without an answer; never leaves this module."""

    def __init__(self, state: ReplyState, problem: str) -> None:
        super().__init__(problem)
        self.state = state
        self.problem = problem


class _Wire:
    """The TCP socket under Paramiko: quick acknowledgements (116 → 32 ms a command), and a limit before login."""

    def __init__(self, sock: socket.socket, dead_peer_s: float) -> None:
        self._sock = sock
        self._closed = False  # read by Paramiko when it stops its thread
        self._budget: int | None = HANDSHAKE_LIMIT
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(dead_peer_s * 1000))

    def trust(self) -> None:
        self._budget = None

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._budget is not None:
            self._budget -= len(data)
            if self._budget < 0:
                raise EOFError(f"more than {HANDSHAKE_LIMIT} bytes before the login")
        return data

    def send(self, data: bytes) -> int:
        return self._sock.send(data)

    def settimeout(self, seconds: float | None) -> None:
        self._sock.settimeout(seconds)

    def getpeername(self) -> object:
        return self._sock.getpeername()

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._closed = True
        self._sock.close()

    def abort(self) -> None:
        """Close with a reset: bytes still in the send buffer must not arrive after their time."""
        with suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.shutdown(socket.SHUT_RD)  # wakes the reader without saying goodbye
        self._closed = True
        self._sock.close()


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(tz=UTC)


def read_host_keys(path: Path) -> HostKeys:
    """Return the keys pinned in a known_hosts file; BadInput when it cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the pinned host keys cannot be read: {_reason(error)}", place=str(path)) from None


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return an unencrypted Ed25519 key in OpenSSH format; BadInput when others may read the file."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadInput("other users may read this private key", place=str(path), hint=f"chmod 600 {path}")
        key = load_ssh_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BadInput(f"the private key cannot be read: {_reason(error)}", place=str(path)) from None
    except (ValueError, TypeError):
        raise BadInput("this is not an unencrypted OpenSSH private key", place=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput("the private key is not an Ed25519 key", place=str(path), hint="ssh-keygen -t ed25519")
    return key


def connect(
    target: str,
    endpoint: Ssh,
    *,
    user: str,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    certificate: str = "",
    timeouts: Timeouts = Timeouts(),
    not_after: datetime | None = None,
    clock: Clock = utc_now,
) -> "Session":
    """
    Log in and return the session.

    The host key is compared before anything of ours is shown. `certificate` is one line as ssh-keygen writes it;
    `not_after` bounds the session, since a certificate's end does not close a connection.
    Errors: HostKeyRefused; Refused when our own certificate cannot be used; Outside for everything that the target did.
    """
    login = _login_key(target, key, certificate, clock)
    known = pinned.pinned(endpoint.host, endpoint.port)
    if not known:
        raise HostKeyRefused(
            f"no host key is pinned for {target} ({endpoint.host}:{endpoint.port})",
            hint="has somebody compared its fingerprint on the console? then add its line to known_hosts",
        )
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), timeout=timeouts.connect_s)
    except OSError as error:
        raise Outside(f"{target} cannot be reached at {endpoint.host}:{endpoint.port}: {_reason(error)}") from None
    wire = _Wire(sock, timeouts.dead_peer_s)
    transport = paramiko.Transport(wire)  # type: ignore[arg-type]  # a socket-like object is documented
    try:
        with _guard(timeouts.banner_s + timeouts.login_s, wire.abort):
            _handshake(transport, target, known, timeouts)
            _authenticate(transport, target, user, login)
    except BaseException:
        wire.close()
        transport.close()
        raise
    wire.trust()
    return Session(target, transport, wire, timeouts, not_after, clock)


def _login_key(target: str, key: Ed25519PrivateKey, certificate: str, clock: Clock) -> paramiko.PKey:
    """Return Paramiko's key; a server only says "failed", so what is wrong with our certificate is said here."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    login = paramiko.Ed25519Key.from_private_key(io.StringIO(pem))
    if not certificate:
        return login
    try:
        identity = load_ssh_public_identity(certificate.encode())
    except ValueError:
        raise Refused(f"the certificate for {target} cannot be read") from None
    if not isinstance(identity, SSHCertificate):
        raise Refused(f"what was given as certificate for {target} is a plain key")
    raw = (Encoding.Raw, PublicFormat.Raw)
    public = identity.public_key()
    if not hasattr(public, "public_bytes_raw") or public.public_bytes_raw() != key.public_key().public_bytes(*raw):
        raise Refused(f"the certificate for {target} belongs to another key")
    now = clock().timestamp()
    if not identity.valid_after <= now < identity.valid_before:
        raise Refused(f"the certificate for {target} is not valid now")
    # As a message: a str would be tried as a file name first. Paramiko compares no keys; that was done above.
    login.load_certificate(Message(base64.b64decode(certificate.split()[1])))
    return login


def _handshake(transport: paramiko.Transport, target: str, known: tuple[HostKey, ...], timeouts: Timeouts) -> None:
    """Exchange keys and compare the host key with the pinned ones."""
    transport.set_log_channel("gate.ssh")
    transport.banner_timeout = timeouts.banner_s
    transport.handshake_timeout = timeouts.banner_s
    transport.auth_timeout = timeouts.login_s
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    first = [name for pin in known for name in KEY_TYPES.get(pin.type, ())]
    rest = [name for names in KEY_TYPES.values() for name in names]
    options.key_types = tuple(dict.fromkeys(first + rest))
    try:
        transport.start_client(timeout=timeouts.banner_s)
        offered = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise Outside(
            f"{target} is an IncompatiblePeer: {_reason(error)}",
            hint="does its firmware still insist on SHA-1, CBC or MD5? the gate no longer speaks those",
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        silent = str(error) == "No existing session"  # Paramiko's answer when its own timeout has run out
        why = f"silent for {timeouts.banner_s:g} s" if silent else _reason(error)
        raise Outside(f"{target} did not finish the SSH greeting: {why}") from None
    key = HostKey(offered.get_name(), offered.asbytes())
    if key not in known:
        expected = ", ".join(f"{pin.type} {pin.fingerprint}" for pin in known)
        raise HostKeyRefused(
            f"{target} shows another host key than the pinned one; nothing was sent",
            hint=f"pinned {expected}; shown {key.type} {key.fingerprint}. Was its controller or address replaced?",
        )


def _authenticate(transport: paramiko.Transport, target: str, user: str, login: paramiko.PKey) -> None:
    try:
        transport.auth_publickey(user, login)
        if not transport.is_authenticated():
            raise paramiko.AuthenticationException("it asks for more than a key")
    except paramiko.AuthenticationException as error:
        raise Outside(
            f"{target} refused the login of {user}: {_reason(error)}",
            hint="does it trust our key or CA, is the principal its own id, and is its clock right?",
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise Outside(f"{target} closed the connection during the login: {_reason(error)}") from None
    transport.set_keepalive(5)


class Session:
    """One open connection. Not for use by two threads at once."""

    def __init__(
        self,
        target: str,
        transport: paramiko.Transport,
        wire: _Wire,
        timeouts: Timeouts,
        not_after: datetime | None,
        clock: Clock,
    ) -> None:
        self.target = target
        self.not_after = not_after
        self._transport = transport
        self._wire = wire
        self._timeouts = timeouts
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """False once the connection has ended; then every further reply is `unreachable`."""
        return self._transport.is_active()

    def close(self) -> None:
        """End the connection; a command still running on the target goes on."""
        self._wire.close()
        self._transport.close()

    def run(
        self, command: str, *, deadline_s: float, limit_bytes: int = REPLY_LIMIT, act_before: datetime | None = None
    ) -> Reply:
        """
        Send one command and return what came of it.

        `limit_bytes` bounds standard output and error together. Refused, before anything is sent, when `act_before`
        or the session's `not_after` has passed; when that moment comes while the request is still unconfirmed,
        unsent bytes are thrown away and the state is `lost`.
        """
        if not command.isprintable() or not command.isascii():
            raise BadInput("a command is printable ASCII on one line")
        return self._exchange(command, command, deadline_s, limit_bytes, act_before, None)

    def send(
        self,
        source: bytes | Path,
        directory: str,
        name: str,
        *,
        deadline_s: float,
        sha256: str = "",
        act_before: datetime | None = None,
    ) -> Reply:
        """
        Copy bytes or a file to `directory/name` with the classic SCP protocol (`scp -t`).

        With `sha256` (`sha256:<hex>`) the content is hashed first and Refused when it differs; bytes that change while
        they are sent leave the copy unfinished and the state `lost`. The last byte is sent before `act_before`.
        """
        if not SCP_DIRECTORY.fullmatch(directory) or not SCP_NAME.fullmatch(name):
            raise BadInput("a file is sent to a plain directory under a plain name")
        try:
            with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
                before = hashlib.file_digest(stream, "sha256").hexdigest()
                if sha256 and sha256 != f"sha256:{before}":
                    raise Refused(f"{name} is not the approved image: its digest is sha256:{before}; nothing was sent")
                upload = _Upload(stream, stream.seek(0, io.SEEK_END), name, before)
                words = f"scp -t {directory} < {name}"
                return self._exchange(f"scp -t {directory}", words, deadline_s, REPLY_LIMIT, act_before, upload)
        except OSError as error:
            raise Outside(f"{name} cannot be read: {_reason(error)}; nothing was sent") from None

    def _exchange(
        self,
        command: str,
        words: str,
        deadline_s: float,
        limit: int,
        act_before: datetime | None,
        upload: "_Upload | None",
    ) -> Reply:
        began = time.monotonic()
        started_at = self._clock()
        send_s = self._seconds_to_act(act_before, started_at, deadline_s)
        channel, problem = self._open(min(send_s, self._timeouts.channel_s))
        if channel is None:
            return Reply(self.target, words, ReplyState.UNREACHABLE, started_at, self._clock(), problem=problem)
        talk = _Talk(channel, self._transport, began + deadline_s, limit)
        state, status, problem = ReplyState.ANSWERED, None, ""
        try:
            send_s = self._seconds_to_act(act_before, self._clock(), began + deadline_s - time.monotonic())
            with _guard(send_s, self._wire.abort):
                channel.exec_command(command)
                if upload is not None:
                    upload.give(talk)
            with _guard(began + deadline_s - time.monotonic() + 1, self._wire.abort):
                status = talk.finish()
                if upload is not None:
                    upload.judge(status)
        except Refused:
            self.close()
            raise
        except _Over as over:
            state, problem = over.state, over.problem
        except (paramiko.SSHException, EOFError, OSError) as error:
            late = time.monotonic() >= began + deadline_s
            state = ReplyState.TIMED_OUT if late else ReplyState.LOST
            problem = f"no answer within {deadline_s:g} s" if late else f"the connection ended: {_reason(error)}"
        if state is ReplyState.ANSWERED:
            with _guard(self._timeouts.channel_s, self._wire.abort):
                channel.close()
        else:
            status = None
            self._wire.abort()
            self._transport.close()
        return Reply(
            self.target, words, state, started_at, self._clock(), status, bytes(talk.out), bytes(talk.err), problem
        )

    def _seconds_to_act(self, act_before: datetime | None, now: datetime, at_most: float) -> float:
        for limit, what in ((act_before, "the time to act"), (self.not_after, "the time of this connection")):
            if limit is not None and now >= limit:
                raise Refused(f"{what} on {self.target} is over; nothing was sent")
        left = [(limit - now).total_seconds() for limit in (act_before, self.not_after) if limit is not None]
        return max(0.0, min([at_most, *left]))

    def _open(self, seconds: float) -> tuple[paramiko.Channel | None, str]:
        if not self.alive:
            return None, "the connection had ended; nothing was sent"
        try:
            with _guard(seconds + 1, self._wire.abort):
                return self._transport.open_session(window_size=256 * 1024, timeout=seconds), ""
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._wire.abort()
            self._transport.close()
            return None, f"no channel could be opened: {_reason(error)}; nothing was sent"


class _Talk:
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
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise _Over(ReplyState.TIMED_OUT, "no answer within the deadline; it may still be running")
        return seconds

    def pump(self) -> bool:
        """Wait for bytes and take them; False at the end of both streams."""
        self._poll.poll(min(self.left(), 0.5) * 1000)
        ended = self.channel.eof_received or self.channel.closed  # before taking: bytes may come between the two
        took = self._take(self.channel.recv_ready, self.channel.recv, self.out)
        took = self._take(self.channel.recv_stderr_ready, self.channel.recv_stderr, self.err) or took
        return took or not ended

    def _take(self, ready: Callable[[], bool], read: Callable[[int], bytes], into: bytearray) -> bool:
        took = False
        while ready():
            took = True
            into += read(CHUNK)
            excess = len(self.out) + len(self.err) - self._limit
            if excess > 0:
                del into[-excess:]
                raise _Over(ReplyState.TOO_LONG, f"more than {self._limit} bytes")
            self.left()
        return took

    def finish(self) -> int:
        """
        Read to the end and return the exit status.

        A status that came before the connection broke says nothing about the bytes after it, so the end of the
        stream must have been seen too; -1 is Paramiko's word for "never told".
        """
        while self.pump():
            pass
        if not self.channel.status_event.wait(self.left()):
            self.left()
            raise _Over(ReplyState.TIMED_OUT, "the output ended but no exit status came within the deadline")
        status = self.channel.exit_status
        if status < 0 or not (self.channel.eof_received or self._transport.is_active()):
            raise _Over(ReplyState.LOST, "the connection or the command ended without an exit status")
        return status


class _Upload:
    """The source side of the classic SCP protocol: `C<mode> <size> <name>`, the bytes, a zero; each acknowledged."""

    def __init__(self, stream: BinaryIO, size: int, name: str, digest: str) -> None:
        self._stream, self._size, self._name, self._digest = stream, size, name, digest
        self._read = 0
        self._refusal = ""

    def give(self, talk: _Talk) -> None:
        """Send the file; what the sink objects to is kept for `judge`."""
        if not self._accepted(talk):
            return
        self._put(talk, f"C0644 {self._size} {self._name}\n".encode())
        if not self._accepted(talk):
            return
        self._stream.seek(0)
        hashed = hashlib.sha256()
        sent = 0
        while sent < self._size:
            chunk = self._stream.read(min(CHUNK, self._size - sent))
            if not chunk:
                break
            hashed.update(chunk)
            self._put(talk, chunk)
            sent += len(chunk)
        if hashed.hexdigest() != self._digest:
            raise _Over(ReplyState.LOST, f"{self._name} changed while it was sent; the copy is unfinished")
        self._put(talk, b"\0")
        if self._accepted(talk):
            talk.channel.shutdown_write()

    def judge(self, status: int) -> None:
        """Refuse a zero exit status after an objection: it would read as success."""
        if self._refusal and status == 0:
            raise _Over(ReplyState.LOST, f"the target objected ({self._refusal}) and yet ended with status 0")

    def _put(self, talk: _Talk, data: bytes) -> None:
        talk.channel.settimeout(talk.left())
        talk.channel.sendall(data)

    def _accepted(self, talk: _Talk) -> bool:
        while len(talk.out) <= self._read:
            if not talk.pump():
                raise _Over(ReplyState.LOST, "the target ended the copy without a word")
        if talk.out[self._read] == 0:
            self._read += 1
            return True
        self._refusal = _printable(bytes(talk.out[self._read + 1 :]).decode("utf-8", "replace")) or "no reason given"
        talk.channel.shutdown_write()
        return False


@contextmanager
def _guard(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Run `act` after `seconds` unless the block has ended: some of Paramiko's waits know no timeout (issue 1815)."""
    timer = threading.Timer(max(0.0, seconds), act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _printable(text: str) -> str:
    """A device's words, safe on a terminal and short."""
    return "".join(char if char.isprintable() else "?" for char in text.strip())[:200]


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _printable(str(text))
