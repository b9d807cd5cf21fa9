"""
Sign as `ssh-keygen -Y sign` does, without it: the demo's people need nothing but this package.

The format is SSHSIG (PROTOCOL.sshsig of OpenSSH), Ed25519 over SHA-512.
"""

import base64
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import NAMESPACE
from gate.keys import public_line
from gate.sshsig import BEGIN, END, MAGIC


def sign(statement: str, key: Ed25519PrivateKey, namespace: str = NAMESPACE) -> str:
    """Return the armoured signature of a statement."""
    blob = base64.b64decode(public_line(key, "").split()[1])
    hashed = hashlib.sha512(statement.encode()).digest()
    named = _string(namespace.encode()) + _string(b"") + _string(b"sha512")
    raw = key.sign(MAGIC + named + _string(hashed))
    signature = _string(b"ssh-ed25519") + _string(raw)
    whole = MAGIC + struct.pack(">I", 1) + _string(blob) + named + _string(signature)
    text = base64.b64encode(whole).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join((BEGIN, *lines, END)) + "\n"


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
