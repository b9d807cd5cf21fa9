"""
Credentials of arrays that know no certificates: sealed with ChaCha20-Poly1305 under a key file of the keyholder's own.

A box is bound to its array: moved to another row of the file it does not open. The key file lies beside the memory
with mode 0600; under systemd it may be handed in as a credential instead (docs/operations.md).
"""

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from gate.canonical import encode
from gate.errors import BadInput, CannotTell, Outside

NONCE = 12
KEY = 32
LONGEST = 16 * 1024
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----"


@dataclass(frozen=True)
class Credential:
    """What opens one array: a password, or an unencrypted OpenSSH private key."""

    user: str
    password: str = field(default="", repr=False)
    pem: str = field(default="", repr=False)


def read_secret(user: str, text: str) -> Credential:
    """Return the credential that somebody has typed or piped in; BadInput when it can be none."""
    if len(text) > LONGEST:
        raise BadInput("a password or private key is shorter than that")
    if text.lstrip().startswith(PRIVATE):
        pem = text.strip() + "\n"
        try:
            load_ssh_private_key(pem.encode(), password=None)
        except (ValueError, TypeError):
            raise BadInput("this is not an unencrypted OpenSSH private key") from None
        return Credential(user, pem=pem)
    word = text.rstrip("\n")
    if not word or not word.isprintable() or len(word) > 256:
        raise BadInput("a password is one line of at most 256 printable characters")
    return Credential(user, password=word)


class Seal:
    """The key under which credentials are sealed."""

    def __init__(self, key: bytes) -> None:
        self._box = ChaCha20Poly1305(key)

    def __repr__(self) -> str:
        return "Seal()"

    def close(self, array: str, credential: Credential) -> bytes:
        """Seal a credential for one array."""
        nonce = secrets.token_bytes(NONCE)
        fields = {"user": credential.user, "password": credential.password, "pem": credential.pem}
        return nonce + self._box.encrypt(nonce, encode(fields), _bound(array))

    def open(self, array: str, box: bytes) -> Credential:
        """Open it again; CannotTell when it was sealed for another array, with another key, or was altered."""
        try:
            told = json.loads(self._box.decrypt(box[:NONCE], box[NONCE:], _bound(array)))
            return Credential(str(told["user"]), str(told["password"]), str(told["pem"]))
        except (InvalidTag, ValueError, KeyError, TypeError):
            raise CannotTell(f"the sealed credential of {array} does not open", hint="seal it again") from None


def _bound(array: str) -> bytes:
    return b"sangate keyholder v1 " + array.encode()


def open_seal(path: Path) -> Seal:
    """Return the seal whose key lies at `path`, made on first use with mode 0600."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(ChaCha20Poly1305.generate_key())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    except OSError as error:
        raise Outside(f"the sealing key cannot be made: {error.strerror}", place=str(path)) from None
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise BadInput("other users may read this key", place=str(path), hint=f"chmod 600 {path}")
            key = file.read(KEY + 1)
    except OSError as error:
        raise BadInput(f"the sealing key cannot be read: {error.strerror}", place=str(path)) from None
    if len(key) != KEY:
        raise BadInput(f"a sealing key has {KEY} bytes", place=str(path))
    return Seal(key)
