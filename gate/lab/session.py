"""
One iSCSI session of the lab's target (RFC 7143: one connection, no digests, error recovery level 0).

The order of a write: immediate data, then R2T by R2T until min(expected length, what the CDB moves) has come.
Residuals compare what the initiator expected with what the CDB asked for (RFC 7143 11.4.5).
"""

import asyncio
import struct
from collections import deque
from dataclasses import dataclass

from gate.lab.scsi import CHECK, GOOD, CheckCondition, Controller, Nexus, execute, transfer_length

SEGMENT = 262_144
WINDOW = 64  # commands that an initiator may have open; those outside are ignored (RFC 7143 4.2.2.1)
LONGEST_WRITE = 32 << 20
NO_TASK = b"\xff\xff\xff\xff"
NUMBERED = (0x00, 0x01, 0x02, 0x04, 0x06)  # requests that carry a CmdSN which counts unless marked immediate
FIXED = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "InitialR2T": "Yes",
    "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": str(SEGMENT),
    "MaxBurstLength": str(SEGMENT),
    "FirstBurstLength": "65536",
    "DefaultTime2Wait": "2",
    "DefaultTime2Retain": "0",
    "MaxOutstandingR2T": "1",
    "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes",
    "ErrorRecoveryLevel": "0",
    "MaxConnections": "1",
    "IFMarker": "No",
    "OFMarker": "No",
}


class Ended(Exception):
    """The initiator broke the protocol or logged out: the connection is closed."""


@dataclass(frozen=True)
class Request:
    """One PDU from the initiator."""

    head: bytes
    data: bytes

    @property
    def opcode(self) -> int:
        """Request code without the immediate flag."""
        return self.head[0] & 0x3F

    @property
    def task(self) -> bytes:
        """Initiator task tag."""
        return self.head[16:20]

    def word(self, at: int) -> int:
        """Four bytes of the header as a number."""
        return int.from_bytes(self.head[at : at + 4], "big")


def residual_flag(residual: int) -> int:
    """Overflow and underflow bits: positive means the initiator expected more than there was."""
    return 0x02 if residual > 0 else 0x04 if residual < 0 else 0


def lun_of(field: bytes) -> int:
    """LUN from the eight-byte form: peripheral or flat addressing (SAM-5 4.7); -1 for anything else."""
    if any(field[2:]):
        return -1
    if field[0] >> 6 == 0:
        return field[1] if field[0] == 0 else -1
    return (field[0] & 0x3F) << 8 | field[1] if field[0] >> 6 == 1 else -1


class Session:
    """Serves one connection until it ends."""

    def __init__(
        self, controller: Controller, portal: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.controller = controller
        self.portal = portal
        self.reader = reader
        self.writer = writer
        self.nexus: Nexus | None = None
        self.discovery = False
        self.full_feature = False
        self.status_sn = 1
        self.command_sn = 1
        self.send_segment = 8192
        self.waiting: deque[Request] = deque()

    async def serve(self) -> None:
        """Read and answer requests; returns when the connection is over."""
        try:
            while True:
                request = self.waiting.popleft() if self.waiting else await self._receive()
                if self._outside_window(request):
                    continue
                await self._answer(request)
                await self.writer.drain()
        except (Ended, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.writer.close()

    async def _answer(self, request: Request) -> None:
        if request.opcode == 0x03:
            self._login(request)
        elif not self.full_feature:
            raise Ended
        elif request.opcode == 0x01:
            await self._scsi(request)
        elif request.opcode == 0x00:
            self._ping(request)
        elif request.opcode == 0x04:
            self._text(request)
        elif request.opcode == 0x02:  # task management: commands are run one by one, so the task is done or unknown
            self._send(b"\x22\x80" + bytes(14) + request.task + bytes(4) + self._numbers() + bytes(12))
        elif request.opcode == 0x06:
            self._send(b"\x26\x80" + bytes(14) + request.task + bytes(4) + self._numbers() + bytes(12))
            await self.writer.drain()
            raise Ended
        elif request.opcode != 0x05:  # stray Data-Out belongs to a command that has ended
            raise Ended

    def _outside_window(self, request: Request) -> bool:
        if request.opcode not in NUMBERED or request.head[0] & 0x40:
            return False
        number = request.word(24)
        if (number - self.command_sn) & 0xFFFFFFFF > WINDOW:
            return True
        self.command_sn = (number + 1) & 0xFFFFFFFF
        return False

    # Below: login, text, ping.

    def _login(self, request: Request) -> None:
        pairs = dict(part.split("=", 1) for part in request.data.decode("utf-8", "replace").split("\0") if "=" in part)
        transit, here, there = request.head[1] & 0x80, request.head[1] >> 2 & 3, request.head[1] & 3
        status = b"\0\0"
        if self.nexus is None:
            self.command_sn = request.word(24)
            self.nexus = Nexus(pairs.get("InitiatorName", ""), born=self.controller.generation)
            self.discovery = pairs.get("SessionType") == "Discovery"
            if not self.nexus.initiator:
                status = b"\x02\x07"  # missing parameter
            elif not self.discovery and pairs.get("TargetName") != self.controller.identity.target:
                status = b"\x02\x03"  # not found
        length = pairs.get("MaxRecvDataSegmentLength", "")
        if length.isdecimal() and len(length) < 9:
            self.send_segment = max(512, min(int(length), SEGMENT))
        body = "".join(f"{key}={value}\0" for key, value in self._declare(pairs, here).items()).encode()
        self.full_feature = bool(transit) and there == 3 and status == b"\0\0"
        handle = b"\0\1" if self.full_feature else request.head[14:16]
        stage = transit | here << 2 | (there if transit else 0)
        head = bytes([0x23, stage, 0, 0]) + bytes(4) + request.head[8:14] + handle + request.task + bytes(4)
        self._send(head + self._numbers() + status + bytes(10), b"" if any(status) else body)
        if any(status):
            self.nexus = None

    def _declare(self, pairs: dict[str, str], here: int) -> dict[str, str]:
        declared = {"AuthMethod": "None"} if "AuthMethod" in pairs else {}
        if here == 0 and not self.discovery:
            declared["TargetPortalGroupTag"] = "1"
        declared.update({key: FIXED[key] for key in pairs if key in FIXED})
        return declared

    def _text(self, request: Request) -> None:
        body = b""
        if b"SendTargets" in request.data:
            body = f"TargetName={self.controller.identity.target}\0TargetAddress={self.portal},1\0".encode()
        head = b"\x24\x80" + bytes(14) + request.task + NO_TASK
        self._send(head + self._numbers() + bytes(12), body)

    def _ping(self, request: Request) -> None:
        if request.task != NO_TASK:
            head = b"\x20\x80" + bytes(6) + request.head[8:16] + request.task + NO_TASK
            self._send(head + self._numbers() + bytes(12), request.data)

    # Below: SCSI.

    async def _scsi(self, request: Request) -> None:
        if self.nexus is None or self.discovery:
            raise Ended
        cdb, expected = request.head[32:48], request.word(20)
        asked = transfer_length(cdb)
        residual = 0
        try:
            data = b""
            if request.head[1] & 0x20:
                needed = min(expected, asked) if asked is not None else expected
                collected = await self._collect(request, needed)
                if collected is None:
                    return
                data = collected
            if asked is not None:
                residual = expected - asked if request.head[1] & 0x60 else -asked
            answer = execute(self.controller, self.nexus, lun_of(request.head[8:16]), cdb, data)
        except CheckCondition as refusal:
            self._respond(request, CHECK, refusal.sense, residual)
            return
        if answer.pause:
            await asyncio.sleep(answer.pause)
        if answer.reads:
            residual = expected - len(answer.data)
        if request.head[1] & 0x40 and answer.data and expected:
            self._send_data(request, answer.data[:expected], residual)
        else:
            self._respond(request, GOOD, b"", residual)

    async def _collect(self, request: Request, needed: int) -> bytes | None:
        """Return the data of a write; None when its task was aborted while we waited for them."""
        if needed > LONGEST_WRITE:
            raise Ended
        data = bytearray(needed)
        have = min(len(request.data), needed)
        data[:have] = request.data[:have]
        ready = 0
        while have < needed:
            length = min(SEGMENT, needed - have)
            head = b"\x31\x80" + bytes(6) + request.head[8:16] + request.task + b"\0\0\0\1"
            self._send(head + self._numbers(advance=False) + struct.pack(">III", ready, have, length))
            await self.writer.drain()
            ready, end = ready + 1, have + length
            while have < end:
                part = await self._receive()
                if part.opcode != 0x05:
                    self.waiting.append(part)
                    if _aborts(part, request):
                        return None
                    if len(self.waiting) > WINDOW:
                        raise Ended
                elif part.task == request.task:
                    offset = part.word(40)
                    if offset != have or not part.data or offset + len(part.data) > end:
                        raise Ended
                    data[offset : offset + len(part.data)] = part.data
                    have += len(part.data)
        return bytes(data)

    def _send_data(self, request: Request, data: bytes, residual: int) -> None:
        for number, at in enumerate(range(0, len(data), self.send_segment)):
            part = data[at : at + self.send_segment]
            last = at + len(part) == len(data)
            flags = 0x81 | residual_flag(residual) if last else 0
            head = bytes([0x25, flags, 0, GOOD]) + bytes(4) + request.head[8:16] + request.task + NO_TASK
            numbers = struct.pack(">III", number, at, abs(residual) if last else 0)
            self._send(head + self._numbers(advance=last) + numbers, part)

    def _respond(self, request: Request, status: int, sense: bytes, residual: int) -> None:
        head = bytes([0x21, 0x80 | residual_flag(residual), 0, status]) + bytes(12) + request.task + bytes(4)
        data = struct.pack(">H", len(sense)) + sense if sense else b""
        self._send(head + self._numbers() + bytes(8) + struct.pack(">I", abs(residual)), data)

    # Below: PDUs.

    def _numbers(self, *, advance: bool = True) -> bytes:
        numbers = struct.pack(">III", self.status_sn, self.command_sn, (self.command_sn + WINDOW) & 0xFFFFFFFF)
        if advance:
            self.status_sn = (self.status_sn + 1) & 0xFFFFFFFF
        return numbers

    def _send(self, head: bytes, data: bytes = b"") -> None:
        self.writer.write(head[:5] + len(data).to_bytes(3, "big") + head[8:] + data + bytes(-len(data) % 4))

    async def _receive(self) -> Request:
        head = await self.reader.readexactly(48)
        length = int.from_bytes(head[5:8], "big")
        if length > SEGMENT:
            raise Ended
        await self.reader.readexactly(head[4] * 4)
        data = (await self.reader.readexactly(length + -length % 4))[:length]
        return Request(head, data)


def _aborts(part: Request, request: Request) -> bool:
    """Whether a PDU is task management that ends the task: abort (of this one), abort set, LUN or target reset."""
    function = part.head[1] & 0x7F
    return part.opcode == 0x02 and (function in (2, 5, 6, 7) or (function == 1 and part.head[20:24] == request.task))
