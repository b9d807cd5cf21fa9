"""A real restic repository whose key opens at once: the same key, kept under a password that is cheap to derive."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128, AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.poly1305 import Poly1305

PASSWORD = b"open sesame"
CHEAP = {"N": 16, "r": 1, "p": 1}
"""Parameters of scrypt (RFC 7914); restic's own take half a second each time a repository is opened."""


def restic(repository: Path, *words: str, program: str = "restic") -> str:
    """Run restic as the backup's owner does, with locks; return what it printed."""
    secret = repository.parent / "password"
    secret.write_bytes(PASSWORD + b"\n")
    started = [program, "-r", str(repository), "--password-file", str(secret), "--no-cache", *words]
    return subprocess.run(started, check=True, capture_output=True, text=True).stdout


def make(repository: Path, program: str = "restic") -> Path:
    """Make an empty repository."""
    restic(repository, "init", program=program)
    key_file = next((repository / "keys").iterdir())
    kept = json.loads(key_file.read_bytes())
    mac, encrypt = _derived(kept)
    data = base64.b64decode(kept["data"])
    plain = _crypt(encrypt, data[:16], data[16:-16])
    assert data[-16:] == _mac(mac, data[:16], data[16:-16])
    kept |= CHEAP
    mac, encrypt = _derived(kept)
    cipher = _crypt(encrypt, data[:16], plain)
    kept["data"] = base64.b64encode(data[:16] + cipher + _mac(mac, data[:16], cipher)).decode()
    written = json.dumps(kept).encode()
    key_file.unlink()
    (repository / "keys" / hashlib.sha256(written).hexdigest()).write_bytes(written)
    return repository


def _derived(kept: dict[str, object]) -> tuple[bytes, bytes]:
    """Return the keys for the MAC and for the cipher (restic's design document, section Keys)."""
    salt = base64.b64decode(str(kept["salt"]))
    n, r, p = (int(str(kept[name])) for name in ("N", "r", "p"))
    both = hashlib.scrypt(PASSWORD, salt=salt, n=n, r=r, p=p, maxmem=2**28, dklen=64)
    return both[32:], both[:32]


def _crypt(key: bytes, nonce: bytes, data: bytes) -> bytes:
    return Cipher(AES256(key), CTR(nonce)).encryptor().update(data)


def _mac(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Return Poly1305-AES: one half of the key clamps the message, the other encrypts the nonce."""
    pad = Cipher(AES128(key[:16]), ECB()).encryptor().update(nonce)
    return Poly1305.generate_tag(key[16:] + pad, data)


def packs(repository: Path) -> list[Path]:
    """Return the pack files, the largest first."""
    return sorted((path for path in (repository / "data").glob("*/*")), key=lambda path: -path.stat().st_size)


def flip(path: Path, at: float = 0.5) -> None:
    """Turn one bit of a file."""
    change(path, lambda data: _flipped(data, int(len(data) * at)))


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    path.chmod(0o600)
    path.write_bytes(how(path.read_bytes()))


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
