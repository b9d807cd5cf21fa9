"""
Initiator for iSCSI (RFC 7143): one connection, one command at a time, no digests; CHAP where a target wants it.

The gate uses it to ask a LUN who it is and to write and read back known data on scratch objects. What the target
sends is hostile: every length is bounded before bytes are taken in, every wait ends. Blocks are counted in the
LUN's own block size; times are seconds.
"""

import secrets
import socket
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gate.chap import CHALLENGE_BYTES, OFFER, Chap, ChapError, answer, check, read_challenge
from gate.errors import Outside
from gate.families.vpd import DeviceIdentification, decode_device_identification

SEGMENT = 262_144  # data bytes per PDU that we declare and accept; also the most one READ or WRITE moves
FIRST_BURST = 65_536
LONGEST_TRANSFER = 64 << 20  # bytes per call of read() or write(): scratch objects are a few MiB
ATTENTIONS = 4  # unit attentions taken in a row: reset, INQUIRY changed, capacity changed, and one to spare
NO_TASK = 0xFFFFFFFF
UNIT_ATTENTION = 6
CHECK_CONDITION = 2
STATUS_WORDS = {0x08: "busy", 0x18: "reservation conflict", 0x28: "task set full", 0x30: "ACA active", 0x40: "aborted"}
AUTHENTICATION = 0x0201
LOGIN_REFUSALS = {
    0x0101: "the target has moved for now",
    0x0102: "the target has moved for good",
    AUTHENTICATION: "it demands CHAP, or the name or secret is not the one it knows",
    0x0202: "this initiator is not allowed",
    0x0203: "no such target",
    0x0301: "the service is unavailable",
    0x0302: "it is out of resources",
}  # RFC 7143 section 11.13.5


class IscsiError(Outside):
    """The target could not be asked, or what it answered cannot be used."""


class Silent(IscsiError):
    """A wait has ended before the target answered; what a write did is unknown."""


class LoginRefused(IscsiError):
    """The target answered and does not let us in; `status` is class and detail, RFC 7143 11.13.5."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ProtocolBroken(IscsiError):
    """The target sent what the protocol does not allow here."""


class CheckCondition(IscsiError):
    """The LUN refused a command; `key`, `asc`, `ascq` as in SPC-4 tables 48 and F.1."""

    def __init__(self, message: str, *, key: int, asc: int, ascq: int) -> None:
        super().__init__(message)
        self.key = key
        self.asc = asc
        self.ascq = ascq


@dataclass(frozen=True)
class Inquiry:
    """Standard INQUIRY data, blanks stripped; `revision` has at most four characters (SPC-4 6.6.2)."""

    vendor: str
    product: str
    revision: str


@dataclass(frozen=True)
class Capacity:
    """READ CAPACITY(16): number of blocks and bytes per block."""

    blocks: int
    block_bytes: int


@dataclass(frozen=True)
class _Pdu:
    head: bytes
    data: bytes

    @property
    def opcode(self) -> int:
        return self.head[0] & 0x3F

    def word(self, at: int) -> int:
        return int.from_bytes(self.head[at : at + 4], "big")


class Lun:
    """
    One LUN over one session. Open it with `with Lun(...) as lun`.

    `timeout_s` bounds each operation (login, one SCSI command), `within_s` the life of the whole session.
    All methods raise IscsiError or one of its kinds. After any error but CheckCondition the session is of no use.
    """

    def __init__(
        self,
        host: str,
        port: int,
        target: str,
        lun: int,
        *,
        initiator: str,
        chap: Chap | None = None,
        timeout_s: float = 5.0,
        within_s: float = 60.0,
    ) -> None:
        self.place = f"iscsi://{host}:{port}/{target}/{lun}"
        self.attentions: list[tuple[int, int]] = []
        """Unit attentions met so far, as (asc, ascq): (0x3f, 0x03) is INQUIRY data has changed."""

        self._timeout_s = timeout_s
        self._end = time.monotonic() + within_s
        self._until = min(time.monotonic() + timeout_s, self._end)
        self._lun = struct.pack(">BB6x", 0, lun) if lun < 256 else struct.pack(">H6x", 0x4000 | lun)
        self._command_sn = 1
        self._expected_status_sn = 0
        self._task = 0
        self._send_segment = 8192  # RFC 7143 13.12: what holds until the target declares more
        self._burst = FIRST_BURST
        self._immediate = True
        self._block_bytes = 0
        self._socket = self._connected(host, port)
        try:
            self._login(target, initiator, chap)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(clean=error is None)

    def close(self, *, clean: bool = True) -> None:
        """End the session; with `clean` by a logout whose answer is awaited for half a second at most."""
        if clean and self._socket.fileno() >= 0:
            try:
                self._until = min(time.monotonic() + 0.5, self._end)
                head = struct.pack(">BB14xIIII16x", 0x46, 0x80, self._next_task(), 0, *self._numbers())
                self._send(head)
                self._receive()
            except IscsiError:
                pass  # the session is going away in any case
        self._socket.close()

    def inquiry(self) -> Inquiry:
        """Ask for the standard INQUIRY data."""
        data = self._ask(struct.pack(">BBBHB", 0x12, 0, 0, 96, 0), 96)
        if len(data) < 36:
            raise self._broken(f"INQUIRY of {len(data)} bytes")
        if data[0] >> 5:
            raise IscsiError(
                "there is no such LUN for this initiator", place=self.place, hint="Is the LUN masked to the gate?"
            )
        return Inquiry(*(self._ascii(data[low:high]) for low, high in ((8, 16), (16, 32), (32, 36))))

    def ready(self) -> None:
        """Ask TEST UNIT READY; CheckCondition where the LUN says that it is not; tgt serves reads all the same."""
        self._ask(bytes(6), 0)

    def serial(self) -> str:
        """Ask for VPD page 0x80, unit serial number."""
        page = self._vpd(0x80)
        return self._ascii(page[4:])

    def identification_page(self) -> bytes:
        """Ask for VPD page 0x83, raw: what a host has in `vpd_pg83`."""
        return self._vpd(0x83)

    def identification(self) -> DeviceIdentification:
        """Ask for VPD page 0x83, decoded."""
        try:
            return decode_device_identification(self._vpd(0x83))
        except ValueError as error:
            raise self._broken(str(error)) from None

    def capacity(self) -> Capacity:
        """Ask READ CAPACITY(16)."""
        data = self._ask(struct.pack(">BBQIBB", 0x9E, 0x10, 0, 32, 0, 0), 32)
        if len(data) < 12:
            raise self._broken(f"READ CAPACITY of {len(data)} bytes")
        last, block_bytes = struct.unpack(">QI", data[:12])
        if block_bytes not in (512, 520, 4096) or last >= 2**48:
            raise self._broken(f"READ CAPACITY says {last + 1} blocks of {block_bytes} bytes")
        self._block_bytes = block_bytes
        return Capacity(last + 1, block_bytes)

    def read(self, first: int, blocks: int) -> bytes:
        """Return `blocks` blocks from block `first`, all of them or an error."""
        size = self._block_size()
        self._check_range(first, blocks, blocks * size)
        step = SEGMENT // size
        parts: list[bytes] = []
        for at in range(first, first + blocks, step):
            count = min(step, first + blocks - at)
            data = self._ask(struct.pack(">BBQIBB", 0x88, 0, at, count, 0, 0), count * size)
            if len(data) != count * size:
                raise self._broken(f"READ of {count * size} bytes brought {len(data)}")
            parts.append(data)
        return b"".join(parts)

    def write(self, first: int, data: bytes) -> None:
        """Write whole blocks from block `first`; an error leaves unknown which of them were written."""
        size = self._block_size()
        if len(data) % size:
            raise ValueError(f"{len(data)} bytes are not whole blocks of {size}")
        self._check_range(first, len(data) // size, len(data))
        for at in range(0, len(data), SEGMENT):
            part = data[at : at + SEGMENT]
            cdb = struct.pack(">BBQIBB", 0x8A, 0, first + at // size, len(part) // size, 0, 0)
            self._ask(cdb, 0, part)

    def flush(self) -> None:
        """SYNCHRONIZE CACHE(16) over the whole LUN: what was written is on the medium when it returns."""
        self._ask(struct.pack(">BBQIBB", 0x91, 0, 0, 0, 0, 0), 0)

    def answer_within(self, seconds: float) -> None:
        """From now on bound each command by so many seconds, or by the session's own bound where that is tighter."""
        self._timeout_s = min(self._timeout_s, seconds)

    # Below: one SCSI command and its answer.

    def _ask(self, cdb: bytes, expected: int, data: bytes = b"") -> bytes:
        for _ in range(ATTENTIONS):
            self._until = min(time.monotonic() + self._timeout_s, self._end)
            try:
                return self._command(cdb, expected, data)
            except CheckCondition as error:
                if error.key != UNIT_ATTENTION:
                    raise
                self.attentions.append((error.asc, error.ascq))
        raise self._broken(f"{ATTENTIONS} unit attentions in a row")

    def _command(self, cdb: bytes, expected: int, data: bytes) -> bytes:
        task = self._next_task()
        immediate = data[: min(self._send_segment, self._burst)] if self._immediate else b""
        flags = 0x81 | (0x40 if expected else 0) | (0x20 if data else 0)  # final, simple queueing
        length = expected or len(data)
        head = struct.pack(
            ">BB6x8sIIII16s", 0x01, flags, self._lun, task, length, *self._numbers(), cdb.ljust(16, b"\0")
        )
        self._send(head, immediate)
        self._command_sn = (self._command_sn + 1) & 0xFFFFFFFF
        answer = bytearray(expected)
        filled = 0
        for _ in range(1024 + (expected + len(data)) // 512):  # bounds a target that talks without end
            pdu = self._receive()
            if pdu.opcode == 0x20:
                self._pong(pdu)
                continue
            if pdu.word(16) != task:
                raise self._broken(f"answer to task {pdu.word(16)}, not {task}")
            if pdu.opcode == 0x31:
                self._transmit(pdu, task, data)
            elif pdu.opcode == 0x25:
                offset = pdu.word(40)
                if offset != filled or offset + len(pdu.data) > expected:
                    raise self._broken(f"data at byte {offset} of {expected}, expected at {filled}")
                answer[offset : offset + len(pdu.data)] = pdu.data
                filled += len(pdu.data)
                if pdu.head[1] & 0x01:
                    self._judge(pdu.head[3], b"")
                    return bytes(answer[:filled])
            elif pdu.opcode == 0x21:
                if pdu.head[2]:
                    raise self._broken(f"command ended with iSCSI response 0x{pdu.head[2]:02x}")
                self._judge(pdu.head[3], pdu.data)
                return bytes(answer[:filled])
            else:
                raise self._broken(f"unexpected PDU 0x{pdu.opcode:02x}")
        raise self._broken("answer without end")

    def _transmit(self, ready: _Pdu, task: int, data: bytes) -> None:
        """Send what one R2T asks for."""
        start, length = ready.word(40), ready.word(44)
        if not length or start + length > len(data):
            raise self._broken(f"R2T for bytes {start} to {start + length} of {len(data)}")
        for number, at in enumerate(range(start, start + length, self._send_segment)):
            part = data[at : min(at + self._send_segment, start + length)]
            final = 0x80 if at + len(part) == start + length else 0
            head = struct.pack(
                ">BB6x8sI4s4xI4xII4x",
                0x05,
                final,
                self._lun,
                task,
                ready.head[20:24],
                self._expected_status_sn,
                number,
                at,
            )
            self._send(head, part)

    def _judge(self, status: int, segment: bytes) -> None:
        if status == 0:
            return
        if status != CHECK_CONDITION:
            word = STATUS_WORDS.get(status, f"status 0x{status:02x}")
            raise IscsiError(f"the LUN answers: {word}", place=self.place)
        key, asc, ascq = _sense(segment[2:])
        raise CheckCondition(
            f"the LUN refuses: sense {key:x}/{asc:02x}/{ascq:02x}", key=key, asc=asc, ascq=ascq
        ) from None

    def _pong(self, ping: _Pdu) -> None:
        if ping.word(20) != NO_TASK:
            head = struct.pack(
                ">BB6x8sI4sII16x", 0x40, 0x80, ping.head[8:16], NO_TASK, ping.head[20:24], *self._numbers()
            )
            self._send(head)

    # Below: login.

    def _login(self, target: str, initiator: str, chap: Chap | None) -> None:
        first = {"InitiatorName": initiator, "TargetName": target, "SessionType": "Normal"}
        if chap is None:
            self._stage(0, 1, first | {"AuthMethod": "None"})
        else:
            try:
                self._prove(first | {"AuthMethod": "CHAP"}, chap)
            except ChapError as error:
                raise LoginRefused(f"{self.place}: login refused: {error}", status=AUTHENTICATION) from None
        answers = self._stage(1, 3, _OPERATIONAL)
        self._send_segment = self._number(answers, "MaxRecvDataSegmentLength", 8192, SEGMENT)
        self._burst = self._number(answers, "FirstBurstLength", FIRST_BURST, FIRST_BURST)
        self._immediate = answers.get("ImmediateData", "Yes") == "Yes"
        for digest in ("HeaderDigest", "DataDigest"):
            if answers.get(digest, "None") != "None":
                raise self._broken(f"{digest} was offered as None and answered otherwise")

    def _prove(self, first: dict[str, str], chap: Chap) -> None:
        """Pass the security stage with CHAP; a target that would let us in without is not the one that was declared."""
        said, over = self._exchange(0, 1, first, transit=False)
        if over or said.get("AuthMethod") != "CHAP":
            raise ChapError("it does not ask for CHAP, and the inventory says that it does")
        said, over = self._exchange(0, 1, {"CHAP_A": OFFER}, transit=False)
        if over:
            raise ChapError("it lets the gate in without an answer")
        keys, asked = answer(read_challenge(said), chap, secrets.token_bytes(1 + CHALLENGE_BYTES))
        declared = self._stage(0, 1, keys)
        if asked is not None and chap.target is not None:
            check(declared, asked, chap.target)

    def _stage(self, here: int, there: int, offer: dict[str, str]) -> dict[str, str]:
        """Pass one login stage; return what the target declared in it."""
        declared: dict[str, str] = {}
        for _ in range(8):  # a target may take several exchanges for one stage
            said, over = self._exchange(here, there, offer, transit=True)
            declared.update(said)
            if declared.get("AuthMethod", "None") != "None":
                raise LoginRefused(
                    f"{self.place}: login refused: it demands CHAP, and the inventory says nothing of it",
                    status=AUTHENTICATION,
                )
            if over:
                return declared
            offer = {}
        raise self._broken("login without end")

    def _exchange(self, here: int, there: int, offer: dict[str, str], *, transit: bool) -> tuple[dict[str, str], bool]:
        """Send one login PDU; return what the target says to it, and whether it goes on to the next stage."""
        flags = (0x80 | there if transit else 0) | here << 2
        numbers = (1, 0, 0, *self._numbers())
        self._send(
            struct.pack(">BBBB4x6s2xIHHII16x", 0x43, flags, 0, 0, b"\x80gate\0", *numbers),
            "".join(f"{key}={value}\0" for key, value in offer.items()).encode(),
        )
        pdu = self._receive()
        if pdu.opcode != 0x23:
            raise self._broken(f"PDU 0x{pdu.opcode:02x} in answer to a login")
        status = int.from_bytes(pdu.head[36:38], "big")
        if status:
            why = LOGIN_REFUSALS.get(status, f"status {status:04x}")
            raise LoginRefused(f"{self.place}: login refused: {why}", status=status)
        if pdu.head[1] & 0x40:
            raise self._broken("login answer in pieces")
        return self._pairs(pdu.data), bool(pdu.head[1] & 0x80)

    def _pairs(self, data: bytes) -> dict[str, str]:
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            raise self._broken("login text is not ASCII") from None
        return dict(part.split("=", 1) for part in text.split("\0") if "=" in part)

    def _number(self, answers: dict[str, str], key: str, default: int, most: int) -> int:
        text = answers.get(key, str(default))
        if not text.isdecimal() or len(text) > 8 or int(text) < 512:
            raise self._broken(f"{key}={text[:20]!r}")
        return min(int(text), most)

    # Below: PDUs on the wire.

    def _connected(self, host: str, port: int) -> socket.socket:
        try:
            made = socket.create_connection((host, port), self._left())
        except OSError as error:
            raise self._failed(error, "connect") from None
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _numbers(self) -> tuple[int, int]:
        return self._command_sn, self._expected_status_sn

    def _next_task(self) -> int:
        self._task = (self._task + 1) & 0x7FFFFFFF
        return self._task

    def _send(self, head: bytes, data: bytes = b"") -> None:
        packet = head[:5] + len(data).to_bytes(3, "big") + head[8:] + data + bytes(-len(data) % 4)
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(packet)
        except OSError as error:
            raise self._failed(error, "send") from None

    def _receive(self) -> _Pdu:
        head = self._take(48)
        length = int.from_bytes(head[5:8], "big")
        if length > SEGMENT:
            raise self._broken(f"data segment of {length} bytes, more than the {SEGMENT} that were declared")
        self._take(head[4] * 4)
        data = self._take(length + -length % 4)[:length]
        pdu = _Pdu(head, data)
        if pdu.opcode == 0x32:
            raise IscsiError("the target ends the session", place=self.place)
        if pdu.opcode == 0x3F:
            raise self._broken(f"PDU rejected, reason 0x{head[2]:02x}")
        if pdu.opcode in (0x21, 0x23, 0x26) or (pdu.opcode == 0x25 and head[1] & 0x01):
            self._expected_status_sn = (pdu.word(24) + 1) & 0xFFFFFFFF
        return pdu

    def _take(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                self._socket.settimeout(self._left())
                part = self._socket.recv(min(count - len(parts), 65_536))
            except OSError as error:
                raise self._failed(error, "receive") from None
            if not part:
                raise IscsiError("the target closed the connection", place=self.place)
            parts += part
        return bytes(parts)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Silent("no answer in time", place=self.place)
        return left

    def _failed(self, error: OSError, doing: str) -> IscsiError:
        if isinstance(error, TimeoutError):
            return Silent("no answer in time", place=self.place)
        return IscsiError(f"cannot {doing}: {error.strerror or type(error).__name__}", place=self.place)

    def _broken(self, what: str) -> ProtocolBroken:
        return ProtocolBroken(what, place=self.place)

    # Below: small readings.

    def _vpd(self, page: int) -> bytes:
        data = self._ask(struct.pack(">BBBHB", 0x12, 1, page, 1024, 0), 1024)
        if len(data) < 4 or data[1] != page:
            raise self._broken(f"no VPD page 0x{page:02x} in the answer")
        length = 4 + int.from_bytes(data[2:4], "big")
        if length > len(data):
            raise self._broken(f"VPD page 0x{page:02x} claims {length} bytes and brought {len(data)}")
        return data[:length]

    def _ascii(self, data: bytes) -> str:
        if any(not 0x20 <= byte < 0x7F for byte in data.rstrip(b"\0")):
            raise self._broken("identity with characters that are not ASCII")
        return data.rstrip(b"\0").decode("ascii").strip()

    def _block_size(self) -> int:
        return self._block_bytes or self.capacity().block_bytes

    def _check_range(self, first: int, blocks: int, size: int) -> None:
        if first < 0 or blocks < 0 or size > LONGEST_TRANSFER:
            raise ValueError(f"{blocks} blocks from {first}: outside what one call may move")


def _sense(sense: bytes) -> tuple[int, int, int]:
    """Return key, asc, ascq from fixed or descriptor sense data (SPC-4 4.5); zeros when there is none."""
    sense = sense.ljust(14, b"\0")
    if sense[0] & 0x7F in (0x72, 0x73):
        return sense[1] & 0x0F, sense[2], sense[3]
    return sense[2] & 0x0F, sense[12], sense[13]


_OPERATIONAL = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": str(SEGMENT),
    "MaxBurstLength": str(SEGMENT),
    "FirstBurstLength": str(FIRST_BURST),
    "ErrorRecoveryLevel": "0",
    "MaxConnections": "1",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "0",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
}
