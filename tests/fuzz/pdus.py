"""
Whatever an iSCSI target may say, in bytes as they come off the wire, from its login on.

What is provable of a liar: the initiator ends with a value or with its own error; the values are printable, whole and
within what was asked; and nothing leaves but well-formed PDUs that hold the data to be written, each at its place.
"""

import base64
import socket
import struct
from collections.abc import Callable, Iterator
from typing import cast

from gate.chap import Account, Chap
from gate.iscsi import ATTENTIONS, SEGMENT, IscsiError, Lun
from tests.families.linux_words import page
from tests.fuzz.target import Target, take

OURS, TARGET_SIDE = Account("gate", "what-the-gate-knows"), Account("array", "what-the-array-knows")
LOGINS = (None, Chap(OURS), Chap(OURS, TARGET_SIDE))
PIECES = (65_536, 48, 7, 1)
"""Bytes that one read of the socket brings at most."""

BLOCKS = 24
WRITTEN = b"".join(struct.pack(">I", number) * 128 for number in range(BLOCKS))
"""Of blocks of 512 bytes; more than goes with the command before the target has declared its segments."""


class Wire:
    """A connection on which everything that the target will ever say has arrived."""

    def __init__(self, said: bytes, piece: int, *, silent: bool) -> None:
        self._said, self._at, self._piece, self._silent = said, 0, piece, silent
        self.sent: list[tuple[bytes, bytes]] = []
        """Head and data of each PDU that left."""

        self._open = True

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def sendall(self, packet: bytes) -> None:
        head, length = packet[:48], int.from_bytes(packet[5:8], "big")
        assert len(packet) == 48 + length + -length % 4, "a PDU of ours claims another length than it has"
        assert length <= SEGMENT
        self.sent.append((head, packet[48 : 48 + length]))

    def recv(self, most: int) -> bytes:
        assert 0 < most <= 65_536
        part = self._said[self._at : self._at + min(most, self._piece)]
        self._at += len(part)
        if not part and self._silent:
            raise TimeoutError
        return part

    def fileno(self) -> int:
        return 0 if self._open else -1

    def close(self) -> None:
        self._open = False


class Told(Lun):
    """A LUN over such a connection."""

    def __init__(self, wire: Wire, chap: Chap | None) -> None:
        self._wire = wire
        super().__init__("a", 1, "iqn.2026-11.example:x", 0, initiator="iqn.2026-11.example:gate", chap=chap)

    def _connected(self, host: str, port: int) -> socket.socket:
        return cast(socket.socket, self._wire)


def who(lun: Lun) -> None:
    """Everything that names it."""
    asked = lun.inquiry()
    for said, most in ((asked.vendor, 8), (asked.product, 16), (asked.revision, 4)):
        assert len(said) <= most
        assert said.isascii()
        assert said == "" or said.isprintable(), said
    lun.ready()
    assert lun.serial().isascii()
    named = lun.identification()
    assert all(port.isprintable() for port in named.target_ports), named


def content(lun: Lun) -> None:
    """How large it is, and what stands in it."""
    size = lun.capacity()
    assert size.block_bytes in (512, 520, 4096)
    assert 0 < size.blocks <= 2**48
    assert len(lun.read(0, BLOCKS)) == BLOCKS * size.block_bytes
    assert len(lun.identification_page()) >= 4


def writing(lun: Lun) -> None:
    """Write, and make it stay; only where blocks are as large as ours."""
    if lun.capacity().block_bytes == 512:
        lun.write(0, WRITTEN)
        lun.flush()


ASKED: tuple[Callable[[Lun], None], ...] = (who, content, writing)


def run(data: bytes) -> None:
    """(login, what is asked, how it arrives, what the target says)."""
    login, data = take(data, len(LOGINS))
    asked, data = take(data, len(ASKED))
    how, said = take(data, 2 * len(PIECES))
    wire = Wire(said, PIECES[how // 2], silent=bool(how % 2))
    refused = ""
    try:
        with Told(wire, LOGINS[login]) as lun:
            ASKED[asked](lun)
            assert len(lun.attentions) < ATTENTIONS * 8
    except IscsiError as error:
        refused = str(error)
    assert refused == "" or refused.isprintable(), refused
    assert wire.fileno() == -1, "a connection is left open"
    leaves_nothing_else(wire)


def leaves_nothing_else(wire: Wire) -> None:
    """Data go out with a WRITE or as asked for, each byte at its place; no other PDU but a login carries any."""
    for head, data in wire.sent:
        kind = head[0] & 0x3F
        if kind == 0x05:
            at = int.from_bytes(head[40:44], "big")
            assert data == WRITTEN[at : at + len(data)], at
        elif kind == 0x01 and head[32] == 0x8A:
            assert data == WRITTEN[: len(data)]
        elif kind != 0x03:
            assert not data, f"PDU 0x{kind:02x} carries data"


# Below: what targets say when all is well, and in common trouble, to begin with.


def pdu(head: bytes, data: bytes = b"") -> bytes:
    head = head.ljust(48, b"\0")
    return head[:5] + len(data).to_bytes(3, "big") + head[8:] + data + bytes(-len(data) % 4)


def login(*pairs: str, here: int = 1, there: int = 3, status: int = 0, goes_on: bool = True) -> bytes:
    flags = (0x80 | there if goes_on else 0) | here << 2
    text = "".join(f"{pair}\0" for pair in pairs).encode()
    return pdu(bytes([0x23, flags]) + bytes(34) + status.to_bytes(2, "big"), text)


def data_in(task: int, data: bytes, *, last: bool = True, offset: int = 0) -> bytes:
    """Data of an answer; `last` brings its status too."""
    head = bytes([0x25, 0x81 if last else 0, 0, 0]) + bytes(12) + struct.pack(">I", task)
    return pdu(head + bytes(20) + struct.pack(">I", offset), data)


def response(task: int, status: int = 0, sense: bytes = b"") -> bytes:
    head = bytes([0x21, 0x80, 0, status]) + bytes(12) + struct.pack(">I", task)
    return pdu(head, struct.pack(">H", len(sense)) + sense if sense else b"")


def ready_to_transfer(task: int, start: int, length: int) -> bytes:
    head = bytes([0x31, 0x80]) + bytes(14) + struct.pack(">II", task, 7) + bytes(16)
    return pdu(head + struct.pack(">II", start, length))


def sense(key: int, asc: int) -> bytes:
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, 0, 0, 0, 0, 0])


def vpd(number: int, content: bytes) -> bytes:
    return bytes([0, number]) + len(content).to_bytes(2, "big") + content


INQUIRY = bytes([0, 0, 6, 2, 91, 0, 0, 0]) + b"IBM     2145            8603".ljust(88, b"\0")
NAMES = base64.b64decode(page())
CAPACITY = struct.pack(">QI20x", 4095, 512)
PING = pdu(b"\x20\x80" + bytes(14) + b"\xff" * 4 + b"\0\0\0\x09")
ASYNC = pdu(b"\x32\x80" + bytes(34) + b"\1")
REJECT = pdu(b"\x3f\x80\x04")
LOGOUT = pdu(b"\x26\x80")
IN = login(here=0, there=1) + login("MaxRecvDataSegmentLength=8192", "FirstBurstLength=4096", "ImmediateData=Yes")
CHALLENGE = login("AuthMethod=CHAP", here=0, goes_on=False) + login(
    "CHAP_A=5", "CHAP_I=7", "CHAP_C=0x" + "5a" * 16, here=0, goes_on=False
)
PROVEN = login("CHAP_N=array", "CHAP_R=0x" + "00" * 16, here=0, there=1)
FULL = BLOCKS * 512


def seeds() -> Iterator[bytes]:
    """(login, asked, how) and the words of a target."""
    whole = IN + data_in(1, INQUIRY) + response(2) + data_in(3, vpd(0x80, b"0000020420E0002209")) + data_in(4, NAMES)
    yield bytes([0, 0, 0]) + whole + LOGOUT
    yield bytes([0, 0, 2]) + IN + PING + data_in(1, INQUIRY, last=False) + response(1) + LOGOUT
    yield bytes([0, 0, 3]) + IN + response(1, 2, sense(6, 0x29)) + data_in(2, INQUIRY) + ASYNC
    read = data_in(2, bytes(FULL // 2), last=False) + data_in(2, bytes(FULL // 2), offset=FULL // 2)
    yield bytes([0, 1, 0]) + IN + data_in(1, CAPACITY) + read + data_in(3, NAMES) + LOGOUT
    asks = b"".join(ready_to_transfer(2, at, 4096) for at in range(4096, FULL, 4096))
    yield bytes([0, 2, 0]) + IN + data_in(1, CAPACITY) + asks + response(2) + response(3) + LOGOUT
    yield bytes([0, 2, 4]) + IN + data_in(1, CAPACITY) + response(2, 2, sense(3, 0x0C)) + REJECT
    yield bytes([0, 0, 0]) + login(here=0, status=0x0203)
    yield bytes([1, 0, 0]) + CHALLENGE + login(here=0, there=1) + IN.partition(login(here=0, there=1))[2] + REJECT
    yield bytes([2, 0, 0]) + CHALLENGE + PROVEN + login()


TARGET = Target("iscsi", seeds, run)
