"""
The gate's own secrets in files that nobody else may read.

SSH keys: Ed25519, in OpenSSH format, made on first use. Secrets that somebody else made, such as those of CHAP, are
one line of text, put there by people.
"""

import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from gate.errors import BadInput, Outside

LARGEST_SECRET = 1024


def own(path: Path) -> Ed25519PrivateKey:
    """Return the key at `path`, made there with mode 0600 when there is none; Outside when it cannot be made."""
    try:
        _make(path)
    except OSError as error:
        raise Outside(f"the private key cannot be made: {error.strerror}", place=str(path)) from None
    return read(path)


def read(path: Path) -> Ed25519PrivateKey:
    """Return the key at `path`; BadInput when it cannot be read, others may read it, or it is no plain Ed25519 key."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise BadInput("other users may read this private key", place=str(path), hint=f"chmod 600 {path}")
            key = load_ssh_private_key(file.read(), password=None)
    except OSError as error:
        raise BadInput(f"the private key cannot be read: {error.strerror}", place=str(path)) from None
    except (ValueError, TypeError):
        raise BadInput("this is not an unencrypted OpenSSH private key", place=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput("the private key is not an Ed25519 key", place=str(path), hint="ssh-keygen -t ed25519")
    return key


def legacy_pem(path: Path) -> str:
    """
    Return the text of a private key of another kind, for arrays that know no Ed25519; empty when there is none.

    BadInput when it cannot be read or others may read it; what it is, whoever logs in with it says.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise BadInput("other users may read this private key", place=str(path), hint=f"chmod 600 {path}")
            return file.read(16 * LARGEST_SECRET).decode("ascii", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BadInput(f"the private key cannot be read: {error.strerror}", place=str(path)) from None


def secret_line(path: Path, pattern: re.Pattern[str]) -> str:
    """Return the one line of a secret's file; BadInput, without a word of it, when it is not to be relied on."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadInput("a secret is a plain file", place=str(path))
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise BadInput("other users may read this secret", place=str(path), hint=f"chmod 600 {path}")
            raw = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise BadInput(f"the secret cannot be read: {error.strerror}", place=str(path)) from None
    text = raw.decode("utf-8", errors="replace").removesuffix("\n")
    if len(raw) > LARGEST_SECRET or not pattern.fullmatch(text):
        raise BadInput("this is not such a secret", place=str(path), hint=f"one line that fits {pattern.pattern}")
    return text


def public_line(key: Ed25519PrivateKey, comment: str) -> str:
    """Return the public half as one OpenSSH line."""
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + f" {comment}"


def _make(path: Path) -> None:
    """Make the key unless there is one; two makers at once leave one whole key."""
    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            return
    finally:
        made.unlink(missing_ok=True)
