"""Putting a file by SFTP: against paramiko's server over a real connection, and against answers that are none."""

import hashlib
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import paramiko
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import BadInput, Refused
from gate.evidence import ReplyState
from gate.hostkeys import parse
from gate.inventory import Ssh
from gate.lab.certificates import Keys
from gate.lab.exchange import Service
from gate.lab.said import Said
from gate.lab.ssh import Listener
from gate.ssh.client import connect
from gate.ssh.session import Session
from gate.ssh.sftp import AT_ONCE, Put
from gate.ssh.talk import CHUNK, Over, Talk
from gate.ssh.wire import Timeouts
from tests.lab.fleets import pair
from tests.places import network

MAY, MAY_NOT, HOST = pair(), pair(), pair()
PLACE = network(61)
CONTENT = bytes(range(256)) * (CHUNK // 256 * (AT_ONCE + 3)) + b"and a rest"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@contextmanager
def array(took: list[tuple[str, str, str, bytes]]) -> Iterator[int]:
    """A listener of the lab that lets one of two users upload."""

    def receive(user: str, directory: str, name: str, content: bytes) -> str:
        took.append((user, directory, name, content))
        return ""

    users = Keys({"fwadmin": MAY.line, "monitor": MAY_NOT.line})
    service = Service("a-1", users, {}, lambda *_: Said(), receive, frozenset({"fwadmin"}))
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(HOST.pem))
    listener = Listener(service, PLACE + ".1", 2223, key, key)
    listener.open()
    try:
        yield 2223
    finally:
        listener.suspend()


@contextmanager
def session(port: int, user: str = "fwadmin") -> Iterator[Session]:
    pinned = parse(f"[{PLACE}.1]:{port} {HOST.line}", "known_hosts")
    key = {"fwadmin": MAY, "monitor": MAY_NOT}[user].private
    with connect(
        "a-1", Ssh(host=PLACE + ".1", port=port), user=user, key=key, pinned=pinned, timeouts=Timeouts()
    ) as one:
        yield one


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.sfw"
    path.write_bytes(CONTENT)
    return path


def test_every_byte_arrives_and_the_reply_counts_them(image: Path) -> None:
    took: list[tuple[str, str, str, bytes]] = []
    with array(took) as port, session(port) as one:
        reply = one.put(image, "flash", deadline_s=60, sha256=DIGEST)
    assert (reply.state, reply.exit_status) == (ReplyState.ANSWERED, 0)
    assert reply.stdout == f"{len(CONTENT)} bytes were taken\n".encode()
    assert took == [("fwadmin", "flash", "", CONTENT)]


def test_who_may_not_upload_is_told_and_nothing_arrives(image: Path) -> None:
    took: list[tuple[str, str, str, bytes]] = []
    with array(took) as port, session(port, "monitor") as one:
        reply = one.put(image, "flash", deadline_s=60)
    assert reply.state is ReplyState.LOST or reply.state is ReplyState.UNREACHABLE
    assert reply.exit_status is None
    assert not took


def test_another_file_a_strange_name_or_a_time_that_is_over_send_nothing(image: Path) -> None:
    took: list[tuple[str, str, str, bytes]] = []
    late = datetime.now(UTC) - timedelta(seconds=1)
    with array(took) as port, session(port) as one:
        with pytest.raises(Refused, match="not the approved image"):
            one.put(image, "flash", deadline_s=60, sha256=f"sha256:{'0' * 64}")
        for name in ("../flash", "fl ash", "flash;x", "-flash", ""):
            with pytest.raises(BadInput):
                one.put(image, name, deadline_s=60)
        with pytest.raises(Refused, match="is over"):
            one.put(image, "flash", deadline_s=60, act_before=late)
    assert not took


class Script:
    """A channel's other end that answers each packet with the next bytes of a list."""

    def __init__(self, answers: list[bytes]) -> None:
        self.out = bytearray()
        self.typed: list[bytes] = []
        self._answers = answers
        self.channel = self

    def type(self, data: bytes) -> None:
        self.typed.append(data)
        self.out += self._answers.pop(0) if self._answers else b""

    def pump(self) -> bool:
        return False

    def shutdown_write(self) -> None:
        pass


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


VERSION = packet(2, struct.pack(">I", 3))
OPENED = packet(102, struct.pack(">II", 0, 4) + b"hand")
FINE = packet(101, struct.pack(">III", 0, 0, 0) + struct.pack(">I", 0))
FULL = packet(101, struct.pack(">III", 0, 4, 4) + b"full" + struct.pack(">I", 0))


def put(answers: list[bytes], content: bytes = b"abc", digest: str = "") -> Script:
    script = Script(answers)
    named = digest or hashlib.sha256(content).hexdigest()
    Put(io.BytesIO(content), len(content), "flash", named).give(cast(Talk, script))
    return script


def test_the_packets_are_those_of_version_3_of_the_draft() -> None:
    typed = put([VERSION, OPENED, FINE, FINE]).typed
    assert typed[0] == bytes.fromhex("00000005 01 00000003")
    assert typed[1] == bytes.fromhex("00000016 03 00000000 00000005") + b"flash" + bytes.fromhex("0000001a 00000000")
    assert typed[2] == packet(6, bytes.fromhex("00000002 00000004") + b"hand" + bytes(8) + bytes([0, 0, 0, 3]) + b"abc")
    assert typed[3] == packet(4, bytes.fromhex("00000001 00000004") + b"hand")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([], "without a word"),
        ([b"\0\0\0\0x"], "not SFTP"),
        ([b"SSH-2.0-no"], "not SFTP"),
        ([packet(101, bytes(8))], "does not speak SFTP"),
        ([VERSION, FULL], "did not open flash: full"),
        ([VERSION, OPENED, FULL], "did not take a part of the file: full"),
        ([VERSION, OPENED, FINE], "without a word"),
        ([VERSION, OPENED, FINE, FULL], "did not take the end of the file: full"),
    ],
)
def test_an_answer_that_is_no_yes_leaves_the_upload_lost(answers: list[bytes], why: str) -> None:
    with pytest.raises(Over, match=why) as over:
        put(answers)
    assert over.value.state is ReplyState.LOST


def test_a_file_that_changed_while_it_was_sent_is_not_closed() -> None:
    script = Script([VERSION, OPENED, FINE, FINE])
    with pytest.raises(Over, match="changed"):
        Put(io.BytesIO(b"abd"), 3, "flash", hashlib.sha256(b"abc").hexdigest()).give(cast(Talk, script))
    assert len(script.typed) == 3


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([VERSION, OPENED, FINE, FULL]) | st.binary(max_size=30), max_size=5))
def test_nothing_but_a_yes_to_each_packet_is_an_upload(answers: list[bytes]) -> None:
    given_answers = list(answers)
    try:
        put(answers)
    except Over:
        return
    assert given_answers[:4] == [VERSION, OPENED, FINE, FINE] or b"".join(given_answers).startswith(VERSION + OPENED)
