"""
One SCSI command against one logical unit: what SPC-4 and SBC-3 ask of a disk, with the faults of the array's code.

Pure but for the bytes of the units. `pause` in an answer is what the caller has to wait (seconds) before it sends it.
"""

import struct
from dataclasses import dataclass, field

from gate.lab.identity import Identity, standard, vital

BLOCK = 512
GOOD, CHECK = 0, 2
NO_SENSE, NOT_READY, MEDIUM_ERROR, ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT = 0, 2, 3, 5, 6, 7
FLIP_EVERY = 16  # of each sixteen blocks one is damaged by code that flips bits: 8 KiB are enough to see it
EIO_EVERY = 8

READS = {0x28: 10, 0xA8: 12, 0x88: 16}
WRITES = {0x2A: 10, 0xAA: 12, 0x8A: 16}


class CheckCondition(Exception):
    """The command ends with sense data (SPC-4 4.5)."""

    def __init__(self, key: int, asc: int, ascq: int = 0) -> None:
        super().__init__(f"sense {key:x}/{asc:02x}/{ascq:02x}")
        self.sense = sense(key, asc, ascq)


def sense(key: int, asc: int, ascq: int) -> bytes:
    """Return fixed-format sense data."""
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0])


@dataclass
class Faults:
    """What the running code does to data. All off is good code."""

    flips_bits: bool = False
    loses_writes: bool = False
    eio: bool = False
    slow_s: float = 0.0
    offline: bool = False
    """LUNs answer NOT READY; INQUIRY still works."""

    read_only: bool = False


@dataclass
class Unit:
    """One LUN: its bytes and the initiators that may see it."""

    number: int
    data: bytearray
    masked_to: frozenset[str]

    @property
    def blocks(self) -> int:
        """Length in blocks."""
        return len(self.data) // BLOCK


@dataclass
class Controller:
    """The SCSI face of one array: identity, units, and what its code does to them."""

    identity: Identity
    units: dict[int, Unit] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    generation: int = 0
    """Grows when INQUIRY data change; sessions then owe a unit attention."""

    def visible(self, initiator: str) -> list[int]:
        """LUNs that exist for this initiator."""
        return sorted(number for number, unit in self.units.items() if initiator in unit.masked_to)

    def revise(self, revision: str) -> None:
        """Run other code: INQUIRY tells the new revision."""
        if revision != self.identity.revision:
            self.identity = self.identity.revised(revision)
            self.generation += 1

    def damage(self) -> None:
        """What code that flips bits does to data that already lie there: one bit in one of sixteen blocks."""
        for unit in self.units.values():
            for block in range(flip_phase(self.identity.serial, unit.number), unit.blocks, FLIP_EVERY):
                unit.data[block * BLOCK + block % BLOCK] ^= 1 << block % 8


@dataclass
class Nexus:
    """One initiator's session: who it is and which unit attentions it has had."""

    initiator: str
    seen: dict[int, int] = field(default_factory=dict)
    born: int = 0


@dataclass(frozen=True)
class Answer:
    """Data for the initiator (empty for writes), and how long the array takes."""

    data: bytes = b""
    pause: float = 0.0
    reads: bool = False
    """The command has a data-in phase, even when nothing is in it."""


def flip_phase(serial: str, lun: int) -> int:
    """First block of a unit that code which flips bits damages."""
    return (sum(serial.encode()) * 7 + lun * 5) % FLIP_EVERY


def transfer_length(cdb: bytes) -> int | None:
    """Bytes that a READ or WRITE moves; None for other commands."""
    width = READS.get(cdb[0]) or WRITES.get(cdb[0])
    return None if width is None else _extent(cdb, width)[1] * BLOCK


def execute(controller: Controller, nexus: Nexus, lun: int, cdb: bytes, data: bytes = b"") -> Answer:
    """Run one command for one initiator; CheckCondition is the SCSI way to say no."""
    unit = controller.units.get(lun) if lun in controller.visible(nexus.initiator) else None
    operation = cdb[0]
    if operation == 0x12:
        return Answer(_inquiry(controller, unit, lun, cdb), reads=True)
    if operation == 0xA0:
        return Answer(_report_luns(controller, nexus, cdb), reads=True)
    if unit is None:
        raise CheckCondition(ILLEGAL_REQUEST, 0x25)
    if nexus.seen.get(lun, nexus.born) != controller.generation:
        nexus.seen[lun] = controller.generation
        raise CheckCondition(UNIT_ATTENTION, 0x3F, 0x03)  # INQUIRY DATA HAS CHANGED
    if operation == 0x03:
        return Answer(sense(NO_SENSE, 0, 0)[: cdb[4]], reads=True)
    if controller.faults.offline:
        raise CheckCondition(NOT_READY, 0x04, 0x01)
    if operation in READS or operation in WRITES:
        return _move(controller, unit, cdb, data)
    return _manage(controller, unit, cdb)


def _manage(controller: Controller, unit: Unit, cdb: bytes) -> Answer:
    protect = 0x80 if controller.faults.read_only else 0
    if cdb[0] in (0x00, 0x35, 0x91):  # TEST UNIT READY, SYNCHRONIZE CACHE
        return Answer()
    if cdb[0] == 0x25:
        return Answer(struct.pack(">II", min(unit.blocks - 1, 0xFFFFFFFF), BLOCK), reads=True)
    if cdb[0] == 0x9E and cdb[1] & 0x1F == 0x10:
        allocation = int.from_bytes(cdb[10:14], "big")
        return Answer((struct.pack(">QI", unit.blocks - 1, BLOCK) + bytes(20))[:allocation], reads=True)
    if cdb[0] == 0x1A:
        return Answer(bytes([3, 0, 0x10 | protect, 0])[: cdb[4]], reads=True)
    if cdb[0] == 0x5A:
        allocation = int.from_bytes(cdb[7:9], "big")
        return Answer(bytes([0, 6, 0, 0x10 | protect, 0, 0, 0, 0])[:allocation], reads=True)
    raise CheckCondition(ILLEGAL_REQUEST, 0x20)


def _move(controller: Controller, unit: Unit, cdb: bytes, data: bytes) -> Answer:
    first, count = _extent(cdb, READS.get(cdb[0]) or WRITES[cdb[0]])
    if cdb[1] & 0xE0:
        raise CheckCondition(ILLEGAL_REQUEST, 0x24)  # RDPROTECT, WRPROTECT: no protection information here
    if first + count > unit.blocks:
        raise CheckCondition(ILLEGAL_REQUEST, 0x21)
    faults, low, high = controller.faults, first * BLOCK, (first + count) * BLOCK
    if cdb[0] in READS:
        if faults.eio and any(block % EIO_EVERY == EIO_EVERY - 1 for block in range(first, first + count)):
            raise CheckCondition(MEDIUM_ERROR, 0x11)
        return Answer(bytes(unit.data[low:high]), faults.slow_s, reads=True)
    if faults.read_only:
        raise CheckCondition(DATA_PROTECT, 0x27)
    if not faults.loses_writes:
        stored = bytearray(data[: high - low])
        if faults.flips_bits:
            _flip(stored, first, flip_phase(controller.identity.serial, unit.number))
        unit.data[low : low + len(stored)] = stored
    return Answer(pause=faults.slow_s)


def _flip(stored: bytearray, first: int, phase: int) -> None:
    for block in range(first, first + len(stored) // BLOCK):
        if block % FLIP_EVERY == phase:
            stored[(block - first) * BLOCK + block % BLOCK] ^= 1 << block % 8


def _extent(cdb: bytes, width: int) -> tuple[int, int]:
    if width == 10:
        return int.from_bytes(cdb[2:6], "big"), int.from_bytes(cdb[7:9], "big")
    if width == 12:
        return int.from_bytes(cdb[2:6], "big"), int.from_bytes(cdb[6:10], "big")
    return int.from_bytes(cdb[2:10], "big"), int.from_bytes(cdb[10:14], "big")


def _inquiry(controller: Controller, unit: Unit | None, lun: int, cdb: bytes) -> bytes:
    allocation = int.from_bytes(cdb[3:5], "big")
    device_type = 0x00 if unit is not None else 0x7F  # 7Fh: nothing there and nothing can be (SPC-4 6.6.2)
    if cdb[1] & 0x01:
        page = vital(controller.identity, lun, cdb[2])
        if page is None:
            raise CheckCondition(ILLEGAL_REQUEST, 0x24)
        return (bytes([device_type, cdb[2]]) + struct.pack(">H", len(page)) + page)[:allocation]
    if cdb[2]:
        raise CheckCondition(ILLEGAL_REQUEST, 0x24)
    return standard(controller.identity, device_type)[:allocation]


def _report_luns(controller: Controller, nexus: Nexus, cdb: bytes) -> bytes:
    if cdb[2] not in (0, 1, 2):
        raise CheckCondition(ILLEGAL_REQUEST, 0x24)
    luns = [] if cdb[2] == 1 else controller.visible(nexus.initiator)
    entries = b"".join(struct.pack(">BB6x", 0, lun) for lun in luns)
    return (struct.pack(">I4x", len(entries)) + entries)[: int.from_bytes(cdb[6:10], "big")]
