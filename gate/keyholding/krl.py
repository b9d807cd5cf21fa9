"""
Key revocation lists as OpenSSH reads them (PROTOCOL.krl): serial numbers of certificates that one CA has signed.

For `RevokedKeys` of arrays and bastions that run OpenSSH. Signatures inside the list are not part of what sshd checks
any more, so there are none.
"""

import base64
import struct
from collections.abc import Iterable

MAGIC = 0x5353484B524C0A00
VERSION = 1
CERTIFICATES, SERIALS = 1, 0x20


def write(ca: str, serials: Iterable[int], number: int, at: int, comment: str = "sangate") -> bytes:
    """Return the list; `ca` is the authority's public line, `number` grows, `at` is POSIX seconds."""
    revoked = b"".join(struct.pack(">Q", serial) for serial in sorted(set(serials)))
    made = struct.pack(">QIQQQ", MAGIC, VERSION, number, at, 0) + _string(b"") + _string(comment.encode())
    if not revoked:
        return made
    section = _string(base64.b64decode(ca.split()[1])) + _string(b"") + struct.pack(">B", SERIALS) + _string(revoked)
    return made + struct.pack(">B", CERTIFICATES) + _string(section)


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
