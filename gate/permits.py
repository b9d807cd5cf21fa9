"""
The office that makes permits: SSH user certificates for one array, one stage, one purpose, for minutes.

A permit is as narrow as an SSH certificate can say it: the principal is the array's id, the key id the change's, the
plan's digest and the purpose are extensions (a custom critical option would be refused by every sshd). Whether it may
be made is decided elsewhere, by a pure rule that yields the Grant; here it is only made. Arrays trust the CA key's
public half. The key pair of each permit is new, lives in memory and is never written.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)

from gate.change import Grant
from gate.errors import Refused
from gate.keys import own

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

        Errors are those of `gate.keys.own`.
        """
        return cls(own(path), lifetime)

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
