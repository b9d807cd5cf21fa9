"""The client and the permits against Debian's OpenSSH server on loopback, started and ended by these tests."""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.change import Grant, Purpose
from gate.errors import HostKeyRefused, Outside, Refused
from gate.evidence import ReplyState
from gate.hostkeys import HostKeys, parse
from gate.permits.office import Permit, PermitOffice
from tests.parts import need
from tests.real.sshd import Server, public, servers


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers."""
    with servers(tmp_path) as begin:
        yield begin


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start()


def test_a_command_answers_with_both_streams_and_its_status(server: Server) -> None:
    with server.connect() as session:
        reply = session.run("echo out; echo err >&2; exit 3", deadline_s=60)
        again = session.run("echo again", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.ANSWERED, 3)
    assert (reply.stdout, reply.stderr) == (b"out\n", b"err\n")
    assert again.stdout == b"again\n"


def test_megabytes_on_both_streams_do_not_block_each_other(server: Server) -> None:
    with server.connect() as session:
        both = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"
        reply = session.run(both, deadline_s=60, limit_bytes=8_000_000)
    assert reply.state is ReplyState.ANSWERED
    assert (len(reply.stdout), len(reply.stderr)) == (3_000_000, 3_000_000)


def test_an_endless_reply_is_cut_at_its_limit_and_the_connection_ended(server: Server) -> None:
    with server.connect() as session:
        reply = session.run("cat /dev/zero", deadline_s=60, limit_bytes=100_000)
        after = session.run("echo still", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.TOO_LONG, None)
    assert len(reply.stdout) == 100_000
    assert after.state is ReplyState.UNREACHABLE


def test_a_command_that_never_ends_is_timed_out(server: Server) -> None:
    with server.connect() as session:
        reply = session.run("echo begun; sleep 60", deadline_s=1)
    assert (reply.state, reply.exit_status) == (ReplyState.TIMED_OUT, None)
    assert reply.stdout in {b"", b"begun\n"}


def test_a_server_process_killed_in_mid_command_is_lost_and_has_no_status(server: Server) -> None:
    with server.connect() as session:
        reply = session.run("echo begun; sleep 0.5; kill -9 $PPID; sleep 60", deadline_s=50)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)
    assert reply.stdout in {b"", b"begun\n"}


def test_a_command_killed_by_a_signal_has_no_status(server: Server) -> None:
    with server.connect() as session:
        reply = session.run("kill -9 $$", deadline_s=60)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)


def test_a_changed_host_key_is_refused_before_any_login(server: Server) -> None:
    other = parse(f"[127.0.0.1]:{server.port} {public(Ed25519PrivateKey.generate())}\n", "known_hosts")
    with pytest.raises(HostKeyRefused) as refused:
        server.connect(pinned=other)
    blob = base64.b64decode(server.host_line.split()[1])
    shown = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    assert f"SHA256:{shown}" in refused.value.hint
    log = server.log.read_text()
    assert "Accepted" not in log
    assert "publickey" not in log


def test_an_unknown_host_key_is_refused_without_a_connection(server: Server) -> None:
    before = server.log.read_text().count("Connection from")
    with pytest.raises(HostKeyRefused):
        server.connect(pinned=HostKeys())
    assert server.log.read_text().count("Connection from") == before


def test_a_key_that_the_server_does_not_know_is_refused(server: Server) -> None:
    with pytest.raises(Outside, match="refused the login"):
        server.connect(key=Ed25519PrivateKey.generate())


def test_a_server_with_only_old_ciphers_is_named_incompatible(start: Callable[..., Server]) -> None:
    with pytest.raises(Outside, match="IncompatiblePeer"):
        start(more="Ciphers aes128-cbc\n").connect()


def test_nothing_is_sent_after_the_time_to_act(server: Server) -> None:
    mark = server.home / "mark"
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    with server.connect() as session, pytest.raises(Refused, match="nothing was sent"):
        session.run(f"touch {mark}", deadline_s=60, act_before=past)
    with server.connect(not_after=past) as session, pytest.raises(Refused, match="nothing was sent"):
        session.run(f"touch {mark}", deadline_s=60)
    assert not mark.exists()


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_is_copied_to_the_real_scp_sink(server: Server, size: int) -> None:
    need("ssh")  # scp comes in the same package
    content = os.urandom(size)
    image = server.home / "image"
    image.write_bytes(content)
    upload = server.home / "upgrade"
    upload.mkdir()
    with server.connect() as session:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        reply = session.send(image, str(upload), "lab.img", deadline_s=60, sha256=digest)
    assert (reply.state, reply.exit_status, reply.stdout) == (ReplyState.ANSWERED, 0, b"\0\0\0")
    assert (upload / "lab.img").read_bytes() == content


def test_the_sinks_objection_is_kept(server: Server) -> None:
    need("ssh")  # scp comes in the same package
    with server.connect() as session:
        reply = session.send(b"content", f"{server.home}/nowhere/deeper", "lab.img", deadline_s=60)
    assert reply.state is ReplyState.ANSWERED
    assert reply.exit_status == 1
    assert b"nowhere" in reply.stdout + reply.stderr


def test_an_image_with_another_digest_is_not_sent(server: Server) -> None:
    with server.connect() as session, pytest.raises(Refused, match="not the approved image"):
        session.send(b"content", str(server.home), "lab.img", deadline_s=60, sha256=f"sha256:{'0' * 64}")
    assert not (server.home / "lab.img").exists()


@pytest.fixture
def office(tmp_path: Path) -> PermitOffice:
    return PermitOffice.open(tmp_path / "ca" / "key", timedelta(minutes=10))


def permit(office: PermitOffice, array: str = "west-2", *, now: datetime | None = None) -> Permit:
    now = now or datetime.now(tz=UTC)
    grant = Grant("chg-0001", "canary", array, Purpose.FORWARD, f"sha256:{'a' * 64}", now + timedelta(minutes=5))
    return office.issue(grant, now)


def test_a_permit_opens_its_array_and_the_array_logs_the_change(
    office: PermitOffice, start: Callable[..., Server]
) -> None:
    server, given = start(ca=office.public_line()), permit(office)
    with server.connect(key=given.key, certificate=given.certificate, not_after=given.expires) as session:
        assert session.run("echo in", deadline_s=60).stdout == b"in\n"
    assert f'Accepted certificate ID "chg-0001" (serial {given.serial})' in server.log.read_text()


def test_a_permit_for_another_array_is_refused(office: PermitOffice, start: Callable[..., Server]) -> None:
    server, given = start(ca=office.public_line()), permit(office, "west-3")
    with pytest.raises(Outside, match="refused the login"):
        server.connect(key=given.key, certificate=given.certificate)
    assert "does not contain an authorized principal" in server.log.read_text()


def test_a_permit_of_another_authority_is_refused(
    office: PermitOffice, start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(ca=office.public_line())
    given = permit(PermitOffice.open(tmp_path / "rogue", timedelta(minutes=10)))
    with pytest.raises(Outside, match="refused the login"):
        server.connect(key=given.key, certificate=given.certificate)


def test_an_expired_permit_is_refused_by_the_array_and_by_ourselves(
    office: PermitOffice, start: Callable[..., Server]
) -> None:
    server = start(ca=office.public_line())
    then = datetime.now(tz=UTC) - timedelta(hours=1)
    given = permit(office, now=then)
    with pytest.raises(Outside, match="refused the login"):
        server.connect(key=given.key, certificate=given.certificate, clock=lambda: then)
    assert "Certificate invalid: expired" in server.log.read_text()
    with pytest.raises(Refused, match="not valid now"):
        server.connect(key=given.key, certificate=given.certificate)


def test_the_key_of_a_permit_alone_opens_nothing(office: PermitOffice, start: Callable[..., Server]) -> None:
    server, given = start(ca=office.public_line()), permit(office)
    with pytest.raises(Outside, match="refused the login"):
        server.connect(key=given.key)
