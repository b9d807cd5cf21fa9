"""
Verify what `ssh-keygen -Y sign` made (the SSHSIG format, PROTOCOL.sshsig of OpenSSH).

Ed25519 keys only, also those of a FIDO authenticator refused: the auditor's stand-alone verifier must be able to
check what was counted. Nothing here knows whose key it is; the caller compares it with the enrolled ones.
"""

import base64
import binascii
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAGIC = b"SSHSIG"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
LONGEST = 4096
"""Characters of armour; an Ed25519 signature needs about 300."""

SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""
Every encoding, without its sign bit, of a point of order 1, 2, 4 or 8 (RFC 8032 section 5.1.3 reads them all).

Under such a key anybody can make a signature that fits many messages, so it shows nothing about who signed.
"""


def verify(message: bytes, armour: str, namespace: str) -> str:
    """Return the OpenSSH public key (`ssh-ed25519 base64`) that signed `message`; ValueError says what is wrong."""
    blob = _dearmour(armour)
    if blob[:6] != MAGIC or blob[6:10] != struct.pack(">I", 1):
        raise ValueError("not an SSH signature of version 1")
    key, rest = _string(blob[10:])
    named, rest = _string(rest)
    reserved, rest = _string(rest)
    algorithm, rest = _string(rest)
    signature, rest = _string(rest)
    if rest or reserved:
        raise ValueError("the signature has more in it than belongs there")
    if named != namespace.encode():
        raise ValueError(f"the signature was made for {named.decode(errors='replace')!r}, not for {namespace!r}")
    if algorithm not in HASHES:
        raise ValueError("the signature uses an unknown hash")
    signed = MAGIC + b"".join(
        struct.pack(">I", len(part)) + part
        for part in (named, reserved, algorithm, HASHES[algorithm](message).digest())
    )
    raw = _inner(signature, "signature", 64)
    point = _inner(key, "key", 32)
    if point[:31] + bytes([point[31] & 0x7F]) in SMALL_ORDER:
        raise ValueError("under this key anybody could have signed")
    public = Ed25519PublicKey.from_public_bytes(point)
    try:
        public.verify(raw, signed)
    except InvalidSignature:
        raise ValueError("the signature does not fit the statement") from None
    return "ssh-ed25519 " + base64.b64encode(key).decode()


def _dearmour(armour: str) -> bytes:
    lines = armour.strip().splitlines()
    if len(armour) > LONGEST or len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise ValueError("not an armoured SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise ValueError("the armour is not base64") from None


def _string(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < 4:
        raise ValueError("the signature is cut short")
    size = struct.unpack(">I", data[:4])[0]
    if len(data) < 4 + size:
        raise ValueError("the signature is cut short")
    return data[4 : 4 + size], data[4 + size :]


def _inner(blob: bytes, what: str, size: int) -> bytes:
    kind, rest = _string(blob)
    value, rest = _string(rest)
    if kind != b"ssh-ed25519" or len(value) != size or rest:
        raise ValueError(f"the {what} is not of the kind ssh-ed25519")
    return value


def fingerprint(line: str) -> str:
    """Return the SHA-256 fingerprint of an OpenSSH public key line; ValueError unless it is an Ed25519 key's."""
    words = line.split()
    try:
        blob = base64.b64decode(words[1], validate=True) if words[0] == "ssh-ed25519" else b""
    except (binascii.Error, IndexError):
        blob = b""
    if len(blob) != 51 or blob[:19] != struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32):
        raise ValueError("not an Ed25519 OpenSSH public key")
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
