"""
The office that makes permits: SSH user certificates for one array, one stage, one purpose, for minutes.

A permit is as narrow as an SSH certificate can say it: the principal is the array's id, the key id the change's, the
plan's digest and the purpose are extensions (a custom critical option would be refused by every sshd). Whether it may
be made is decided elsewhere, by a pure rule that yields the Grant; here it is only made. Arrays trust the CA key's
public half. The key pair of each permit is new, lives in memory and is never written.
"""

import os
import secrets
import stat
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
)

from gate.change import Grant
from gate.errors import BadInput, Outside, Refused

PLAN_DIGEST = b"plan-digest@sangate"
PURPOSE = b"purpose@sangate"
STAGE = b"stage@sangate"

SKEW = timedelta(seconds=60)
"""How far an array's clock may be behind ours when the permit is first used."""


@dataclass(frozen=True)
class Permit:
    """A key and its certificate; whoever holds both may touch one array until `expires`."""

    array: str
    serial: int
    expires: datetime
    certificate: str = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)


class PermitOffice:
    """Holds the CA key. Open it with `PermitOffice.open`."""

    def __init__(self, ca: Ed25519PrivateKey, lifetime: timedelta) -> None:
        self._ca = ca
        self._lifetime = lifetime

    def __repr__(self) -> str:
        return "PermitOffice()"

    @classmethod
    def open(cls, path: Path, lifetime: timedelta) -> Self:
        """
        Return the office whose CA key lies at `path`, made on first use with mode 0600.

        BadInput when other users may read the key or it is no Ed25519 key; Outside when it cannot be read or made.
        """
        try:
            _create(path)
            with path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise BadInput("other users may read the CA key", place=str(path), hint=f"chmod 600 {path}")
                key = load_ssh_private_key(file.read(), password=None)
        except OSError as error:
            raise Outside(f"the CA key cannot be read or made: {error.strerror}", hint=str(path)) from None
        except (ValueError, TypeError):
            raise BadInput("this is not an unencrypted OpenSSH private key", place=str(path)) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadInput("the CA key is not an Ed25519 key", place=str(path))
        return cls(key, lifetime)

    def public_line(self) -> str:
        """Return the CA's public key as arrays and bastions want it (TrustedUserCAKeys)."""
        line = self._ca.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return line.decode() + " sangate-ca"

    def issue(self, grant: Grant, now: datetime) -> Permit:
        """Return a permit for exactly what was granted, ending with the grant or the lifetime, whichever is sooner."""
        if now >= grant.expires:
            raise Refused(f"the grant for {grant.array} is over")
        expires = min(grant.expires, now + self._lifetime)
        key, serial = Ed25519PrivateKey.generate(), secrets.randbits(63)
        certificate = (
            SSHCertificateBuilder()
            .public_key(key.public_key())
            .serial(serial)
            .type(SSHCertificateType.USER)
            .key_id(grant.change.encode())
            .valid_principals([grant.array.encode()])
            .valid_after(int((now - SKEW).timestamp()))
            .valid_before(int(expires.timestamp()))
            .add_extension(PLAN_DIGEST, grant.plan_digest.encode())
            .add_extension(PURPOSE, grant.purpose.value.encode())
            .add_extension(STAGE, grant.stage.encode())
            .sign(self._ca)
        )
        return Permit(grant.array, serial, expires, certificate.public_bytes().decode(), key)


def _create(path: Path) -> None:
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
