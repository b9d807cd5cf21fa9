"""
Decoder for SCSI VPD page 0x83, device identification (SPC-4 7.8.6).

The page tells which LUN a disk is (NAA) and through which target ports of which array it is seen. The same bytes
come from a host's `/sys/block/*/device/vpd_pg83` and from an INQUIRY of our own.
"""

from dataclasses import dataclass
from enum import IntEnum

DEVICE_IDENTIFICATION = 0x83
LONGEST_PAGE = 4096  # real pages are below 300 bytes; Linux keeps at most one memory page of it
TYPE_T10_VENDOR_ID = 1
TYPE_NAA = 3
TYPE_RELATIVE_PORT = 4
TYPE_SCSI_NAME = 8
CODE_SET_BINARY = 1
NAA_LENGTHS = {2: 8, 3: 8, 5: 8, 6: 16}  # SPC-4 7.8.6.6.1: format nibble → bytes


class Association(IntEnum):
    """What a designator names (SPC-4 table 593)."""

    LUN = 0
    TARGET_PORT = 1
    TARGET_DEVICE = 2


@dataclass(frozen=True)
class Designator:
    """One designation descriptor as it stands in the page."""

    code_set: int
    association: int
    kind: int
    """Designator type: 1 T10 vendor, 3 NAA, 4 relative target port, 8 SCSI name string; others are kept unread."""

    value: bytes


@dataclass(frozen=True)
class DeviceIdentification:
    """What page 0x83 says."""

    naa: str | None
    """NAA designator of the LUN, lower-case hexadecimal without prefix; None when the page has none."""

    target_ports: tuple[str, ...]
    """Names of the target ports: `iqn...,t,0x0001` (SCSI name string) or `naa.5...`."""

    target_devices: tuple[str, ...]
    """Names of the target device as a whole, in the same spellings."""

    designators: tuple[Designator, ...]


def decode_device_identification(page: bytes) -> DeviceIdentification:
    """
    Return what page 0x83 says; ValueError when the bytes are no such page.

    Bytes after the page's own end are ignored: sysfs and INQUIRY may pad.
    """
    if len(page) < 4:
        raise ValueError(f"VPD page of {len(page)} bytes has no header")
    if page[1] != DEVICE_IDENTIFICATION:
        raise ValueError(f"VPD page 0x{page[1]:02x} is not 0x83")
    length = int.from_bytes(page[2:4], "big")
    if length > LONGEST_PAGE:
        raise ValueError(f"VPD page 0x83 claims {length} bytes, more than {LONGEST_PAGE}")
    if len(page) < 4 + length:
        raise ValueError(f"VPD page 0x83 claims {length} bytes and holds {len(page) - 4}")
    designators = _designators(page[4 : 4 + length])
    luns = [_naa(each) for each in designators if each.association == Association.LUN and each.kind == TYPE_NAA]
    if len(set(luns)) > 1:
        # A LUN may carry an NAA 5 and an NAA 6 name; the longer one is the one that multipath and udev use.
        luns.sort(key=len, reverse=True)
    return DeviceIdentification(
        naa=luns[0] if luns else None,
        target_ports=_names(designators, Association.TARGET_PORT),
        target_devices=_names(designators, Association.TARGET_DEVICE),
        designators=designators,
    )


def _designators(body: bytes) -> tuple[Designator, ...]:
    found: list[Designator] = []
    at = 0
    while at < len(body):
        if len(body) - at < 4:
            raise ValueError(f"VPD page 0x83: {len(body) - at} stray bytes at its end")
        length = body[at + 3]
        value = body[at + 4 : at + 4 + length]
        if len(value) != length:
            raise ValueError(f"VPD page 0x83: designator at byte {at + 4} runs past the end of the page")
        second = body[at + 1]
        found.append(Designator(body[at] & 0x0F, (second >> 4) & 0x03, second & 0x0F, value))
        at += 4 + length
    return tuple(found)


def _names(designators: tuple[Designator, ...], association: Association) -> tuple[str, ...]:
    names: list[str] = []
    for each in designators:
        if each.association != association:
            continue
        if each.kind == TYPE_SCSI_NAME:
            names.append(_scsi_name(each.value))
        elif each.kind == TYPE_NAA:
            names.append("naa." + _naa(each))
    return tuple(dict.fromkeys(names))


def _naa(designator: Designator) -> str:
    value = designator.value
    if designator.code_set != CODE_SET_BINARY or not value:
        raise ValueError("VPD page 0x83: NAA designator is not binary or is empty")
    expected = NAA_LENGTHS.get(value[0] >> 4)
    if expected != len(value):
        raise ValueError(f"VPD page 0x83: NAA designator of format {value[0] >> 4} has {len(value)} bytes")
    return value.hex()


def _scsi_name(value: bytes) -> str:
    # SPC-4 7.8.6.11: UTF-8, closed with one to four NULs so that the length divides by four.
    try:
        name = value.rstrip(b"\0").decode("ascii", errors="strict")
    except UnicodeDecodeError:
        raise ValueError("VPD page 0x83: SCSI name string is not ASCII") from None
    if not name or any(not 0x20 < ord(char) < 0x7F for char in name):
        raise ValueError("VPD page 0x83: SCSI name string is empty or holds blanks or control characters")
    return name
