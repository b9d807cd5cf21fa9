"""The ledger's signing key in a file that only its owner may read, and the memory of what it has signed beside it."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import BadInput, LedgerUnavailable
from gate.ledger.note import VerifierKey, named

LARGEST_KEY_FILE = 16 * 1024


class FileKey:
    """An Ed25519 key from a file (PKCS8 PEM, or the raw 32-byte seed). Used for the ledger and for nothing else."""

    def __init__(self, name: str, key: Ed25519PrivateKey, path: Path) -> None:
        if not named(name):
            raise BadInput(f'"{name}" cannot name a ledger', hint="no spaces, no plus sign: gate.example.com/ledger/1")
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self._key = key
        self.path = path
        self.vkey = VerifierKey(name, public)

    @property
    def seen(self) -> Path:
        """Where the last head is remembered."""
        return self.path.with_name(self.path.name + ".seen")

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self._key.sign(message)


def create(path: Path, name: str) -> FileKey:
    """Make a new key file, 0600; BadInput when there is one already."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = FileKey(name, key, path)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BadInput(f"{path} is there already; a ledger key is never overwritten") from None
    except OSError as problem:
        raise LedgerUnavailable(f"cannot make the ledger key {path}: {problem.strerror}") from None
    with os.fdopen(file, "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    return made


def load(path: Path, name: str) -> FileKey:
    """Read the key; LedgerUnavailable when it cannot be read, is not Ed25519, or others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            material = file.read(LARGEST_KEY_FILE)
    except OSError as problem:
        raise LedgerUnavailable(f"cannot read the ledger key {path}: {problem.strerror}") from None
    if mode & 0o077:
        raise LedgerUnavailable(
            f"the ledger key {path} may be read or written by others (mode {mode & 0o777:04o})",
            hint=f"chmod 600 {path}",
        )
    try:
        key = (
            Ed25519PrivateKey.from_private_bytes(material)
            if len(material) == 32
            else serialization.load_pem_private_key(material, password=None)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise LedgerUnavailable(f"the ledger key {path} is not a private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerUnavailable(f"the ledger key {path} is not an Ed25519 key")
    return FileKey(name, key, path)
