"""Who a lab array says it is over SCSI: standard INQUIRY data and the vital product data pages (SPC-4 6.6.2, 7.8)."""

import hashlib
import re
import struct
from dataclasses import dataclass, replace

VENDOR = "SANGATE"
PAGES = (0x00, 0x80, 0x83, 0xB0, 0xB1)
HITACHI = "60060e80"
AMS_DIGITS = 8


@dataclass(frozen=True)
class Identity:
    """
    `serial` is the array's, `target` the iSCSI name, `revision` four characters made from the firmware.

    `company` is how designators begin: NAA 6 and the maker's IEEE company id, the digit after it as on its arrays.
    """

    serial: str
    product: str
    target: str
    revision: str
    company: str = "60050768"

    def revised(self, revision: str) -> "Identity":
        """The same array running other code."""
        return replace(self, revision=revision)

    def naa(self, lun: int) -> bytes:
        """NAA 6 name of one LUN: company, then the system id (or what is made of it) and the LUN."""
        middle = self.serial.lower() if re.fullmatch(r"[0-9A-Fa-f]{16}", self.serial) else _short(self.serial)
        middle = f"{self.port_root}{self._numbered:08x}" if self.company == HITACHI else middle
        return bytes.fromhex(f"{self.company}{middle}{lun:08x}")

    @property
    def port_root(self) -> str:
        """
        Eight hexadecimal digits that the names of a Hitachi array's ports begin with, after the maker's; the last is 0.

        A serial of eight digits is of an AMS, one of six of a VSP Gx00, which has it in the names of its ports.
        """
        if len(self.serial) == AMS_DIGITS:
            return f"10{_short(self.serial)[:5]}0"
        number = int(self.serial) % 100_000
        return f"{0x12 + (number >> 16 << 4):02x}{number & 0xFFFF:04x}00"

    @property
    def _numbered(self) -> int:
        """The serial as it stands in the names of LUNs: as it is, or the last five digits of it with a mark."""
        number = int(self.serial)
        return number if len(self.serial) == AMS_DIGITS else 0x5040 << 16 | number % 100_000


def revision_of(version: str) -> str:
    """Four characters from the last four numbers of a version, 8704 for 8.7.0.4; numbers above 35 become '?'."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    parts = [int(part) for part in re.findall("[0-9]+", version)[-4:]]
    return "".join(digits[part] if part < len(digits) else "?" for part in parts).ljust(4, "0")


def standard(identity: Identity, device_type: int) -> bytes:
    """96 bytes: SPC-3 disk, command queueing, descriptors SAM-4, iSCSI, SBC-3, SPC-3... as initiators expect."""
    head = bytes([device_type, 0, 5, 2, 91, 0, 0, 2])
    names = _text(VENDOR, 8) + _text(identity.product, 16) + _text(identity.revision, 4)
    return head + names + bytes(22) + struct.pack(">HHH", 0x04C0, 0x0960, 0x0300) + bytes(32)


def vital(identity: Identity, lun: int, page: int) -> bytes | None:
    """Body of one vital product data page; None when the page does not exist."""
    if page == 0x00:
        return bytes(PAGES)
    if page == 0x80:
        return f"{identity.serial}{lun:02X}".encode()
    if page == 0x83:
        return _device_identification(identity, lun)
    if page == 0xB0:
        return bytes(60)
    if page == 0xB1:
        return bytes([0, 1]) + bytes(58)  # 0001h: medium does not rotate
    return None


def device_identification_page(identity: Identity, lun: int) -> bytes:
    """The whole page 0x83 with its header, as a host keeps it in sysfs."""
    body = _device_identification(identity, lun)
    return bytes([0, 0x83]) + struct.pack(">H", len(body)) + body


def _device_identification(identity: Identity, lun: int) -> bytes:
    iscsi = 0x5  # protocol identifier, valid for ports and devices (PIV)
    return b"".join(
        (
            _designator(1, 0, 3, identity.naa(lun)),
            _designator(2, 0, 1, _text(VENDOR, 8) + f"{identity.serial}{lun:02X}".encode()),
            _designator(iscsi << 4 | 3, 0x90, 8, _padded(f"{identity.target},t,0x0001")),
            _designator(iscsi << 4 | 1, 0x90, 4, bytes([0, 0, 0, 1])),
            _designator(iscsi << 4 | 3, 0xA0, 8, _padded(identity.target)),
        )
    )


def _designator(first: int, flags: int, kind: int, value: bytes) -> bytes:
    return bytes([first, flags | kind, 0, len(value)]) + value


def _padded(name: str) -> bytes:
    raw = name.encode() + b"\0"
    return raw + bytes(-len(raw) % 4)


def _text(value: str, width: int) -> bytes:
    return value.encode("ascii", "replace")[:width].ljust(width, b" ")


def _short(serial: str) -> str:
    return hashlib.sha256(serial.encode()).hexdigest()[:16]
