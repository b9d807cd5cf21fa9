"""
Which certificates an array refuses before their end: the file behind sshd's RevokedKeys (PROTOCOL.krl), read anew at
each login.

As there, a file that is missing or broken refuses everybody. Only lists of serial numbers are known; what else such a
file may hold counts as broken.
"""

import base64
import io
import struct
from pathlib import Path

HEADER = struct.Struct(">8sIQQQ")
MAGIC, VERSION, CERTIFICATES, SERIAL_LIST = b"SSHKRL\n\0", 1, 1, 0x20


def revoked_problem(file: Path, ca: str, serial: int) -> str:
    """Return why a serial number that the CA (a public line) has signed is not taken; '' when it is."""
    try:
        listed = _serials(io.BytesIO(file.read_bytes()), base64.b64decode(ca.split()[1]))
    except (OSError, ValueError, struct.error):
        return "no list of revoked keys"
    return "revoked by file" if serial in listed else ""


def _serials(krl: io.BytesIO, ca: bytes) -> set[int]:
    magic, version, *_ = HEADER.unpack(krl.read(HEADER.size))
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError("not a list of revoked keys")
    _string(krl), _string(krl)  # reserved, comment
    found: set[int] = set()
    while kind := krl.read(1):
        if kind[0] != CERTIFICATES:
            raise ValueError("an unknown section")
        section = io.BytesIO(_string(krl))
        signer, _ = _string(section), _string(section)
        while kind := section.read(1):
            if kind[0] != SERIAL_LIST:
                raise ValueError("an unknown section of certificates")
            content = _string(section)
            found |= {serial for (serial,) in struct.iter_unpack(">Q", content)} if signer == ca else set()
    return found


def _string(source: io.BytesIO) -> bytes:
    (size,) = struct.unpack(">I", source.read(4))
    content = source.read(size)
    if len(content) != size:
        raise ValueError("cut short")
    return content
