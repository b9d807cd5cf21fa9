"""What goes over the wire, against the lab's service and against peers that mean harm."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.backups.answers import Unread
from gate.backups.s3_words import Role, answered, spell
from gate.evidence import Reply, ReplyState
from tests.objects.shop import KEYS, OFFSITE, Shop, inventory_at, told, way_to


@contextmanager
def peer(answers: Callable[[socket.socket], None]) -> Iterator[str]:
    """A peer that does with each connection what the test says."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = door.accept()
                except OSError:
                    continue
                with connection:
                    try:
                        connection.settimeout(60)
                        connection.recv(65536)
                        answers(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


VERSIONING = spell(OFFSITE, Role.READ, "versioning")


def test_a_question_is_signed_answered_and_told_with_the_clock(store: Shop) -> None:
    reply = store.ask(VERSIONING)
    assert (reply.state, reply.exit_status, reply.command) == (ReplyState.ANSWERED, 0, VERSIONING)
    assert told(reply)["Status"] == "Enabled"
    assert str(told(reply)["Date"]).endswith("Z")


def test_a_wrong_secret_is_an_answer_and_no_pass(store: Shop) -> None:
    path = store.keys / "s3-sidekick-offsite-read"
    path.write_text(path.read_text().replace("readsecret", "othersecret"))
    reply = store.ask(VERSIONING)
    assert reply.exit_status == 1
    assert b"SignatureDoesNotMatch" in reply.stderr


def test_without_a_key_nothing_is_asked_and_the_sentence_says_so(store: Shop) -> None:
    (store.keys / "s3-sidekick-offsite-read").unlink()
    reply = store.ask(VERSIONING)
    assert reply.state is ReplyState.UNREACHABLE
    assert "cannot be read" in reply.problem


@pytest.mark.parametrize(
    "line",
    [
        spell(OFFSITE, Role.READ, "delete", key="sentinels/x"),
        spell(OFFSITE, Role.READ, "put", key="sentinels/x", text="x"),
        spell(OFFSITE, Role.SENTINEL, "delete", key="copies/x"),
        spell(OFFSITE, Role.SENTINEL, "put", key="sentinel", text="x"),
        spell(OFFSITE, Role.SENTINEL, "retain", key="copies/x", version="v", mode="GOVERNANCE", until="2030-01-01"),
        spell(OFFSITE, Role.PRODUCTION, "get", key="sentinels/x"),
        spell(OFFSITE, Role.PRODUCTION, "delete", key="copies/x"),
        spell(OFFSITE, Role.READ, "versioning", key="x"),
        spell(OFFSITE, Role.READ, "buckets"),
        spell("sidekick-nightly", Role.READ, "versioning"),
    ],
)
def test_what_a_role_may_never_do_is_refused_before_anything_is_sent(store: Shop, line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        store.ask(line)


def test_the_environment_and_the_home_directory_are_not_heard(
    store: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile other]\nregion = mars\n")
    strange = {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other-secret",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    for name, value in strange.items():
        monkeypatch.setitem(os.environ, name, value)
    assert store.ask(VERSIONING).exit_status == 0


def _reply(tmp_path: Path, endpoint: str, deadline_s: float = 60) -> Reply:
    return way_to(inventory_at(tmp_path, endpoint), tmp_path / "keys", KEYS).ask(VERSIONING, deadline_s=deadline_s)


def _asked(tmp_path: Path, endpoint: str, deadline_s: float = 60) -> tuple[ReplyState, str]:
    reply = _reply(tmp_path, endpoint, deadline_s)
    return reply.state, reply.problem


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    assert _asked(tmp_path, "http://127.0.0.1:1")[0] is ReplyState.UNREACHABLE


def test_a_peer_that_drips_is_cut_at_the_deadline(tmp_path: Path) -> None:
    def drip(connection: socket.socket) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)

    with peer(drip) as endpoint:
        state, problem = _asked(tmp_path, endpoint, deadline_s=0.5)
    assert (state, problem) == (ReplyState.TIMED_OUT, "no answer within 0.5 s")


def test_an_endless_answer_is_cut_short(tmp_path: Path) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"<a>" * 30000)

    with peer(flood) as endpoint:
        assert _asked(tmp_path, endpoint)[0] is ReplyState.TOO_LONG


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<VersioningConfiguration>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
    ids=["cut", "another protocol", "silence"],
)
def test_what_is_no_answer_is_lost_and_never_empty(tmp_path: Path, answer: bytes) -> None:
    with peer(lambda connection: connection.sendall(answer)) as endpoint:
        state, problem = _asked(tmp_path, endpoint)
    assert state is ReplyState.LOST
    assert problem


def test_a_redirect_is_not_followed_and_nothing_is_put_twice(tmp_path: Path) -> None:
    asked = []

    def elsewhere(connection: socket.socket) -> None:
        asked.append(1)
        body = b"<Error><Code>PermanentRedirect</Code><Endpoint>127.0.0.1:1</Endpoint></Error>"
        head = b"HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-1\r\nLocation: http://127.0.0.1:1/\r\n"
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    objects = None
    with peer(elsewhere) as endpoint:
        objects = way_to(inventory_at(tmp_path, endpoint), tmp_path / "keys", KEYS)
        reply = objects.ask(VERSIONING)
    assert len(asked) == 1
    assert reply.state is not ReplyState.ANSWERED or reply.exit_status == 1


def test_entities_of_hostile_xml_are_not_opened(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">'
    for number in range(20):
        bomb += b'<!ENTITY b%d "%s">' % (number, b"&b;" * 100 if not number else b"&b%d;" % (number - 1) * 100)
    bomb += b"]><VersioningConfiguration><Status>&b19;</Status></VersioningConfiguration>"

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)

    with peer(send) as endpoint:
        reply = _reply(tmp_path, endpoint)
    assert reply.exit_status != 0
    assert len(reply.stdout) < 1000


def test_bytes_that_are_no_xml_are_no_answer_that_could_pass(tmp_path: Path) -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x00\xff<broken"
    with peer(lambda connection: connection.sendall(broken)) as endpoint:
        reply = _reply(tmp_path, endpoint)
    with pytest.raises(Unread):
        answered(reply, "the versioning")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None)
    )
    (tmp_path / "cert").write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert")
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            connection, _ = door.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        state, problem = _asked(tmp_path, f"https://localhost:{door.getsockname()[1]}")
        thread.join()
    assert state is ReplyState.UNREACHABLE
    assert "certificate" in problem
