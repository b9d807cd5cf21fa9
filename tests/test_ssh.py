"""The client against peers that misbehave: plain sockets before the login, a hostile SSH server after it."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gate import keys
from gate.errors import BadInput, HostKeyRefused, Outside, Refused
from gate.evidence import ReplyState
from gate.hostkeys import HostKeys, parse
from gate.inventory import Ssh
from gate.ssh.client import connect
from gate.ssh.pins import read_host_keys
from gate.ssh.session import Session
from gate.ssh.wire import HANDSHAKE_LIMIT, Timeouts

PATIENT = Timeouts(connect_s=30, banner_s=30, login_s=60, channel_s=30)
QUICK = Timeouts(connect_s=30, banner_s=3, login_s=60, channel_s=30)
KEY = Ed25519PrivateKey.generate()
PASSWORD = "a word that was sealed"

Handler = Callable[[paramiko.Channel, str, paramiko.Transport], None]
Serve = Callable[[Callable[[socket.socket], None]], int]


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pins(port: int, key: Ed25519PrivateKey = KEY) -> HostKeys:
    return parse(f"[127.0.0.1]:{port} {public(key)}", "known_hosts")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Accept connections on a free port and hand each to a function, until the test ends."""
    listeners: list[socket.socket] = []
    peers: list[socket.socket] = []

    def begin(handle: Callable[[socket.socket], None]) -> int:
        def handled(peer: socket.socket) -> None:
            with suppress(OSError):
                handle(peer)

        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    peers.append(listener.accept()[0])
                    threading.Thread(target=handled, args=peers[-1:], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield begin
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
    for left in (*listeners, *peers):
        left.close()


class Peer(paramiko.ServerInterface):
    """Lets everybody in and hands each command to the test's own handler."""

    def __init__(self, handler: Handler, transport: paramiko.Transport) -> None:
        self._handler = handler
        self._transport = transport

    def get_allowed_auths(self, username: str) -> str:
        return "publickey" if username == "monitor" else "password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL if username == "monitor" else paramiko.common.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == ("fwadmin", PASSWORD)
        return paramiko.common.AUTH_SUCCESSFUL if good else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_pty_request(
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        self.terminal = True
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        accepted, wire = threading.Event(), cast(Any, self._transport)
        send = wire._send_user_message

        def accept(message: paramiko.Message) -> None:
            send(message)
            accepted.set()

        wire._send_user_message = accept

        def later() -> None:
            accepted.wait()
            with suppress(OSError, EOFError, paramiko.SSHException):
                self._handler(channel, command.decode(), self._transport)

        threading.Thread(target=later, daemon=True).start()
        return True


@pytest.fixture
def device(serve: Serve) -> Callable[..., Session]:
    """A session with a server whose commands are answered by the handler."""

    def begin(handler: Handler, **given: object) -> Session:
        host_key = paramiko.Ed25519Key.from_private_key(
            io.StringIO(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
        )

        def handle(sock: socket.socket) -> None:
            transport = paramiko.Transport(sock)
            transport.add_server_key(host_key)
            with suppress(OSError, EOFError, paramiko.SSHException):
                transport.start_server(event=threading.Event(), server=Peer(handler, transport))

        return login(serve(handle), **given)

    return begin


def login(port: int, **given: object) -> Session:
    wanted = {"user": "monitor", "key": KEY, "pinned": pins(port), "timeouts": PATIENT} | given
    return connect("west-2", Ssh(host="127.0.0.1", port=port), **wanted)  # type: ignore[arg-type]


def test_a_sealed_password_logs_in_and_a_wrong_one_is_not_told(device: Callable[..., Session]) -> None:
    def hello(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(command.encode())
        end(channel)

    with device(hello, user="fwadmin", password=PASSWORD) as session:
        assert session.run("hello", deadline_s=60).stdout == b"hello"
    with pytest.raises(Outside, match="refused the login of fwadmin") as refused:
        device(hello, user="fwadmin", password="another word")
    assert "another word" not in f"{refused.value} {refused.value.hint}"


def end(channel: paramiko.Channel, status: int = 0) -> None:
    channel.send_exit_status(status)
    channel.close()


def test_a_peer_that_hangs_before_its_banner_is_given_up(serve: Serve) -> None:
    with pytest.raises(Outside, match="did not finish the SSH greeting"):
        login(serve(lambda sock: time.sleep(20)), timeouts=QUICK)


def test_a_peer_that_hangs_after_its_banner_is_given_up(serve: Serve) -> None:
    def handle(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-lab\r\n")
        time.sleep(20)

    with pytest.raises(Outside, match="did not finish the SSH greeting"):
        login(serve(handle), timeouts=QUICK)


def test_a_flood_instead_of_a_banner_is_cut_off(serve: Serve) -> None:
    def handle(sock: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock.sendall(b"A" * 65536)

    with pytest.raises(Outside, match=f"more than {HANDSHAKE_LIMIT} bytes before the login"):
        login(serve(handle))


def test_another_protocol_is_named_without_its_control_characters(serve: Serve) -> None:
    def handle(sock: socket.socket) -> None:
        sock.sendall(b"\x1b[2J" + b"220 ftp\r\n" * 200)

    with pytest.raises(Outside) as failed:
        login(serve(handle))
    assert "\x1b" not in str(failed.value)


def test_a_closed_port_is_an_outside_failure() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and nobody listens there
        with pytest.raises(Outside, match="cannot be reached"):
            login(sock.getsockname()[1])


def test_nothing_of_ours_is_shown_to_a_peer_with_another_host_key(
    device: Callable[[Handler], Session], serve: Serve
) -> None:
    session = device(lambda channel, command, transport: end(channel))
    port = session._transport.getpeername()[1]
    with pytest.raises(HostKeyRefused, match="another host key"):
        login(port, pinned=pins(port, Ed25519PrivateKey.generate()))


def test_a_wrong_user_is_refused(device: Callable[[Handler], Session]) -> None:
    port = device(lambda channel, command, transport: end(channel))._transport.getpeername()[1]
    with pytest.raises(Outside, match="refused the login of nobody"):
        login(port, user="nobody")


def test_a_status_before_the_connection_broke_is_no_answer(device: Callable[[Handler], Session]) -> None:
    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(b"half a ta")
        channel.send_exit_status(0)
        time.sleep(0.2)
        transport.sock.close()

    with device(handle) as session:
        reply = session.run("lssystem", deadline_s=60)
    assert (reply.state, reply.exit_status, reply.stdout) == (ReplyState.LOST, None, b"half a ta")


def test_output_without_a_status_is_no_answer(device: Callable[[Handler], Session]) -> None:
    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(b"all\n")
        channel.close()

    with device(handle) as session:
        reply = session.run("lssystem", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)


def test_a_device_that_says_nothing_is_timed_out(device: Callable[[Handler], Session]) -> None:
    with device(lambda channel, command, transport: time.sleep(20)) as session:
        reply = session.run("lssystem", deadline_s=3)
        assert not session.alive
    assert reply.state is ReplyState.TIMED_OUT


def test_an_end_of_output_without_a_status_or_a_close_is_timed_out(device: Callable[[Handler], Session]) -> None:
    with device(lambda channel, command, transport: channel.shutdown_write()) as session:
        reply = session.run("lssystem", deadline_s=3)
    assert (reply.state, reply.exit_status) == (ReplyState.TIMED_OUT, None)


def test_a_flood_on_the_error_stream_counts_too(device: Callable[[Handler], Session]) -> None:
    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        while True:
            channel.sendall_stderr(b"x" * 30000)

    with device(handle) as session:
        reply = session.run("lssystem", deadline_s=60, limit_bytes=50_000)
    assert (reply.state, len(reply.stderr)) == (ReplyState.TOO_LONG, 50_000)


def test_bytes_that_are_no_text_are_kept_as_they_are(device: Callable[[Handler], Session]) -> None:
    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(b"\xff\x1b[31m")
        end(channel)

    with device(handle) as session:
        reply = session.run("lssystem", deadline_s=60)
    assert (reply.state, reply.stdout) == (ReplyState.ANSWERED, b"\xff\x1b[31m")
    with pytest.raises(ValueError):
        reply.text()


@pytest.mark.parametrize("command", ["ls\nrm", "ls\x00", "ls \u2028", "l\u00e4"])
def test_a_command_that_is_more_than_one_printable_line_is_not_sent(
    device: Callable[[Handler], Session], command: str
) -> None:
    heard: list[str] = []
    with device(lambda channel, command, transport: heard.append(command)) as session, pytest.raises(BadInput):
        session.run(command, deadline_s=60)
    assert heard == []


def test_the_time_to_act_is_asked_again_after_the_channel_was_opened(device: Callable[[Handler], Session]) -> None:
    heard: list[str] = []
    start = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    ticks = iter([start, start + timedelta(seconds=61)])
    with device(lambda channel, command, transport: heard.append(command)) as session:
        session._clock = lambda: next(ticks)
        with pytest.raises(Refused, match="nothing was sent"):
            session.run("applysoftware -file x", deadline_s=60, act_before=start + timedelta(seconds=60))
        assert not session.alive
    assert heard == []


def sink(*acks: bytes, status: int = 0) -> Handler:
    """A copy target that gives these acknowledgements, one for each message it takes."""

    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        for ack in acks:
            channel.sendall(ack)
            time.sleep(0.05)
        while channel.recv(65536):
            pass
        end(channel, status)

    return handle


def test_a_copy_is_acknowledged_three_times(device: Callable[[Handler], Session]) -> None:
    with device(sink(b"\0", b"\0", b"\0")) as session:
        reply = session.send(b"content", "/upgrade", "lab.img", deadline_s=60)
    assert (reply.state, reply.exit_status, reply.stdout) == (ReplyState.ANSWERED, 0, b"\0\0\0")
    assert reply.command == "scp -t /upgrade < lab.img"


def test_an_objection_with_a_good_status_is_no_answer(device: Callable[[Handler], Session]) -> None:
    with device(sink(b"\0", b"\1scp: disk full\n")) as session:
        reply = session.send(b"content", "/upgrade", "lab.img", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)
    assert "disk full" in reply.problem


def test_an_objection_with_a_bad_status_is_an_answer(device: Callable[[Handler], Session]) -> None:
    with device(sink(b"\0", b"\1scp: disk full\n", status=1)) as session:
        reply = session.send(b"content", "/upgrade", "lab.img", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.ANSWERED, 1)


def test_a_copy_to_a_sink_that_stops_reading_is_timed_out(device: Callable[[Handler], Session]) -> None:
    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(b"\0\0")
        time.sleep(20)

    with device(handle) as session:
        reply = session.send(bytes(8_000_000), "/upgrade", "lab.img", deadline_s=3)
    assert reply.state is ReplyState.TIMED_OUT


def test_a_file_that_changes_while_it_is_sent_is_left_unfinished(
    device: Callable[[Handler], Session], tmp_path: Path
) -> None:
    image = tmp_path / "lab.img"
    image.write_bytes(bytes(300_000))
    heard = bytearray()

    def handle(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        channel.sendall(b"\0")
        channel.recv(1000)
        image.write_bytes(b"x" * 300_000)
        channel.sendall(b"\0")
        while part := channel.recv(65536):
            heard.extend(part)

    with device(handle) as session:
        reply = session.send(image, "/upgrade", "lab.img", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)
    assert "changed while it was sent" in reply.problem
    assert len(heard) <= 300_000


@pytest.mark.parametrize(("directory", "name"), [("/up grade", "x"), ("upgrade", "x"), ("/upgrade", "../x")])
def test_a_copy_goes_only_to_plain_places(device: Callable[[Handler], Session], directory: str, name: str) -> None:
    with device(sink()) as session, pytest.raises(BadInput):
        session.send(b"", directory, name, deadline_s=60)


def test_our_own_certificate_is_examined_before_a_login() -> None:
    with pytest.raises(Refused, match="plain key"):
        login(1, certificate=public(KEY))
    with pytest.raises(Refused, match="cannot be read"):
        login(1, certificate="rubbish")


def test_a_private_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o644)
    with pytest.raises(BadInput, match="other users"):
        keys.read(path)
    path.chmod(0o600)
    assert keys.read(path).public_key() == KEY.public_key()


def test_pinned_keys_that_cannot_be_read_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_host_keys(tmp_path / "known_hosts")
