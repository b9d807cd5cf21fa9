"""The initiator against the lab's target, and against targets that break the protocol."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from gate.iscsi import (
    CheckCondition,
    Inquiry,
    IscsiError,
    LoginRefused,
    Lun,
    ProtocolBroken,
    Silent,
)
from gate.lab.array import Array
from tests.lab.fleets import GATE, HOST, lone_array, target_name
from tests.places import network

PORTAL = network(21)


@pytest.fixture
def array() -> Iterator[Array]:
    with lone_array(PORTAL) as made:
        yield made


def scratch(initiator: str = GATE, lun: int = 9, target: str = "west-2") -> Lun:
    return Lun(PORTAL, 3260, target_name(target), lun, initiator=initiator, timeout_s=5, within_s=30)


def test_a_lun_says_who_it_is(array: Array) -> None:
    with scratch() as lun:
        assert lun.inquiry() == Inquiry("SANGATE", "LAB-FS5", "8603")
        assert lun.serial() == "0000020420E0002209"
        assert lun.identification().target_ports == ("iqn.1986-03.com.ibm:2145.west-2.node1,t,0x0001",)
        assert lun.identification().naa == "600507680000020420e0002200000009"
        assert (lun.capacity().blocks, lun.capacity().block_bytes) == (4096, 512)


@pytest.mark.parametrize("size", [512, 4096, 65_536, 66_048, 262_144, 262_656, 2 << 20])
def test_what_is_written_is_read_back_whatever_its_length(array: Array, size: int) -> None:
    data = os.urandom(size)
    with scratch() as lun:
        lun.write(0, data)
        lun.flush()
        assert lun.read(0, size // 512) == data
    assert bytes(array.controller.units[9].data[:size]) == data


def test_nothing_beside_the_range_is_written(array: Array) -> None:
    with scratch() as lun:
        lun.write(100, b"\xa5" * 1024)
        assert lun.read(99, 1) == bytes(512)
        assert lun.read(102, 1) == bytes(512)


def test_a_lun_masked_to_somebody_else_does_not_exist(array: Array) -> None:
    with scratch(lun=1) as lun, pytest.raises(IscsiError, match="no such LUN"):
        lun.inquiry()
    with scratch(lun=1) as lun, pytest.raises(CheckCondition) as refusal:
        lun.read(0, 1)
    assert (refusal.value.key, refusal.value.asc) == (5, 0x25)
    with scratch(initiator=HOST, lun=1) as lun:
        assert len(lun.read(0, 1)) == 512


def test_a_target_of_another_name_is_refused_at_login(array: Array) -> None:
    with pytest.raises(LoginRefused, match="no such target"):
        scratch(target="west-3")


def test_blocks_beyond_the_end_are_refused_by_the_lun(array: Array) -> None:
    with scratch() as lun, pytest.raises(CheckCondition) as refusal:
        lun.read(4095, 2)
    assert (refusal.value.key, refusal.value.asc) == (5, 0x21)


def test_a_unit_attention_is_noted_and_the_command_asked_again(array: Array) -> None:
    with scratch() as lun:
        lun.read(0, 1)
        array.controller.revise("8704")
        assert lun.read(0, 1) == bytes(512)
        assert lun.attentions == [(0x3F, 0x03)]
        assert lun.inquiry().revision == "8704"


def test_nobody_listening_is_an_error_with_the_place() -> None:
    with pytest.raises(IscsiError, match=rf"iscsi://{PORTAL}:3260/"):
        scratch()


def test_half_blocks_and_absurd_lengths_are_never_sent(array: Array) -> None:
    with scratch() as lun:
        with pytest.raises(ValueError, match="whole blocks"):
            lun.write(0, b"x")
        with pytest.raises(ValueError, match="one call"):
            lun.read(0, 1 << 30)


# Targets that break the protocol: a script answers each PDU it gets.

Answer = Callable[[bytes], bytes]


def pdu(head: bytes, data: bytes = b"", claim: int | None = None) -> bytes:
    head = head.ljust(48, b"\0")
    length = len(data) if claim is None else claim
    return head[:5] + length.to_bytes(3, "big") + head[8:] + data + bytes(-len(data) % 4)


def login_answer(request: bytes, status: int = 0, text: bytes = b"") -> bytes:
    return pdu(bytes([0x23, request[1]]) + bytes(14) + request[16:20] + bytes(16) + status.to_bytes(2, "big"), text)


def check(request: bytes, key: int, asc: int) -> bytes:
    sense = bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, 0, 0, 0, 0, 0])
    return pdu(bytes([0x21, 0x80, 0, 2]) + bytes(12) + request[16:20], struct.pack(">H", len(sense)) + sense)


def _script(server: socket.socket, answer: Answer) -> None:
    connection, _ = server.accept()
    with connection, suppress(OSError):  # the initiator hangs up on a target like this
        while True:
            head = connection.recv(48, socket.MSG_WAITALL)
            if len(head) < 48:
                return
            length = int.from_bytes(head[5:8], "big")
            connection.recv(length + -length % 4, socket.MSG_WAITALL)
            reply = answer(head)
            if reply == b"hang up":
                return
            if reply:
                connection.sendall(reply)


def ask_hostile(answer: Answer, ask: Callable[[Lun], object] = Lun.inquiry, timeout_s: float = 60) -> None:
    """Ask one question of a scripted target."""
    with socket.create_server((PORTAL, 0)) as server:
        thread = threading.Thread(target=_script, args=(server, answer), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        try:
            with Lun(PORTAL, port, "iqn.2026-11.example:x", 0, initiator=GATE, timeout_s=timeout_s, within_s=60) as lun:
                ask(lun)
        finally:
            thread.join()


def after_login(answer: Answer) -> Answer:
    return lambda head: login_answer(head) if head[0] & 0x3F == 0x03 else answer(head)


def data_in(request: bytes, data: bytes, *, offset: int = 0, status: int = 0, claim: int | None = None) -> bytes:
    head = bytes([0x25, 0x81, 0, status]) + bytes(12) + request[16:20] + bytes(20) + offset.to_bytes(4, "big")
    return pdu(head, data, claim)


def test_a_silent_target_costs_a_bounded_wait() -> None:
    with pytest.raises(Silent):
        ask_hostile(lambda _: b"", timeout_s=0.2)


def test_a_target_that_hangs_up_is_told_so() -> None:
    with pytest.raises(IscsiError, match="closed the connection"):
        ask_hostile(after_login(lambda _: b"hang up"))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (after_login(lambda head: data_in(head, b"", claim=0xFFFFFF)), "16777215 bytes, more than"),
        (after_login(lambda head: data_in(head, bytes(96), offset=1 << 31)), "expected at 0"),
        (after_login(lambda head: data_in(head, bytes(200))), "data at byte 0 of 96"),
        (after_login(lambda head: data_in(head, bytes(40), offset=8)), "data at byte 8 of 96, expected at 0"),
        (after_login(lambda head: data_in(head, b"short")), "INQUIRY of 5 bytes"),
        (after_login(lambda head: data_in(head, b"\0" * 8 + b"\x1b[2J" * 22)), "not ASCII"),
        (after_login(lambda head: pdu(b"\x25\x81" + bytes(14) + b"\xee\xee\xee\xee")), "answer to task 4008636142"),
        (after_login(lambda head: pdu(b"\x3f\x80\x04")), "rejected"),
        (after_login(lambda head: pdu(b"\x2d\x80" + bytes(14) + head[16:20])), "unexpected PDU 0x2d"),
        (after_login(lambda head: pdu(b"\x31\x80" + bytes(14) + head[16:20] + bytes(24) + b"\0\0\xff\xff")), "R2T"),
        (after_login(lambda head: check(head, 6, 0x29)), "4 unit attentions in a row"),
        (lambda head: pdu(b"\x21"), "PDU 0x21 in answer to a login"),
        (lambda head: login_answer(head, text=b"MaxRecvDataSegmentLength=99999999999\0"), "MaxRecvDataSegmentLength"),
        (lambda head: login_answer(head, text=b"DataDigest=CRC32C\0"), "answered otherwise"),
        (lambda head: login_answer(head, text=b"\xff=\xff\0"), "not ASCII"),
        (lambda head: login_answer(head[:1] + b"\0" + head[2:]), "login without end"),
    ],
)
def test_what_the_protocol_does_not_allow_is_named(answer: Answer, sentence: str) -> None:
    with pytest.raises(ProtocolBroken, match=sentence):
        ask_hostile(answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda head: login_answer(head, status=0x0202), "not allowed"),
        (lambda head: login_answer(head, status=0x0101), "moved for now"),
        (lambda head: login_answer(head, text=b"AuthMethod=CHAP\0"), "CHAP"),
    ],
)
def test_a_refused_login_says_why(answer: Answer, sentence: str) -> None:
    with pytest.raises(LoginRefused, match=sentence):
        ask_hostile(answer)


def test_a_target_that_pings_without_end_is_left() -> None:
    ping = pdu(b"\x20\x80" + bytes(14) + b"\xff" * 8)
    with pytest.raises(ProtocolBroken, match="without end"):
        ask_hostile(after_login(lambda head: ping * 2000))


def test_a_busy_lun_is_an_error_and_not_an_answer() -> None:
    busy = after_login(lambda head: pdu(bytes([0x21, 0x80, 0, 8]) + bytes(12) + head[16:20]))
    with pytest.raises(IscsiError, match="busy"):
        ask_hostile(busy)


def test_a_lun_with_a_mad_capacity_is_not_believed() -> None:
    mad = after_login(lambda head: data_in(head, b"\xff" * 32))
    with pytest.raises(ProtocolBroken, match="READ CAPACITY says"):
        ask_hostile(mad, Lun.capacity)
