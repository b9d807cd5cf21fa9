"""
Permits: SSH user certificates for one array, one stage, one purpose, for minutes; and the office in this process.

A permit is as narrow as an SSH certificate can say it: the principal is the array's id, the key id the change's, the
plan's digest and the purpose are extensions (a custom critical option would be refused by every sshd). Whether it may
be made is decided elsewhere, by a pure rule that yields the Grant; here it is only made. Arrays trust the CA key's
public half. The key pair of each permit is new, lives in memory and is never written.

Whoever holds `PermitOffice` holds the CA key. An installation whose serving process should not uses the keyholder.
"""

import secrets
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)

from gate.change import Grant, Phase, Plan
from gate.errors import Refused
from gate.evidence import Reply
from gate.keys import own
from gate.permits.register import Register

PLAN_DIGEST = b"plan-digest@sangate"
PURPOSE = b"purpose@sangate"
STAGE = b"stage@sangate"

SKEW = timedelta(seconds=60)
"""How far an array's clock may be behind ours; a permit begins so much sooner, and stays on a list so much longer."""


@dataclass(frozen=True)
class Wanted:
    """The step for which a permit is asked."""

    plan: Plan
    phase: Phase
    number: int


@dataclass(frozen=True)
class Narrowing:
    """What else binds a certificate, where an installation has it so."""

    source_address: str = ""
    """Addresses and networks, comma separated, from which alone it may be used; empty for any."""

    command: str = ""
    """The exact words that it may run (`force-command`); empty for any."""

    forwarding: bool = False
    """It may open a way through a bastion, which says for each principal to where."""


Carry = Callable[[socket.socket, Path | None, str, float], Reply]
"""
What has one step sent by whoever kept its permit: over a connection, with the image of an upload, in these words.

The last is how many seconds to wait for what came of it. GateError: nothing was sent.
"""


@dataclass(frozen=True)
class Permit:
    """What opens one array until `expires`: a key and its certificate, or a credential that was sealed for it."""

    array: str
    serial: int
    expires: datetime
    certificate: str = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)
    user: str = ""
    """Who it logs in as, where that is not the installation's own user for changes."""

    password: str = field(default="", repr=False)
    pem: str = field(default="", repr=False)
    """A private key for an array that knows no certificates; `key` and certificate then open the bastion alone."""

    carry: Carry | None = field(default=None, repr=False)
    """Sends the step where the permit stayed with the keyholder; `key` and certificate then open the bastion alone."""


class PermitOffice:
    """Holds the CA key. Open it with `PermitOffice.open`."""

    def __init__(
        self,
        ca: Ed25519PrivateKey,
        lifetime: timedelta,
        through: Collection[str] = (),
        register: Register | None = None,
    ) -> None:
        """`through` are the arrays that are reached through a bastion; `register` knows what is issued here."""
        self._ca = ca
        self._lifetime = lifetime
        self._through = frozenset(through)
        self._register = register

    def __repr__(self) -> str:
        return "PermitOffice()"

    @classmethod
    def open(
        cls, path: Path, lifetime: timedelta, through: Collection[str] = (), register: Register | None = None
    ) -> Self:
        """
        Return the office whose CA key lies at `path`, made on first use with mode 0600.

        Errors are those of `gate.keys.own`.
        """
        return cls(own(path), lifetime, through, register)

    def public_line(self) -> str:
        """Return the CA's public key as arrays and bastions want it (TrustedUserCAKeys)."""
        line = self._ca.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return line.decode() + " sangate-ca"

    def issue(self, grant: Grant, now: datetime, wanted: Wanted | None = None) -> Permit:
        """Return a permit for exactly what was granted, ending with the grant or the lifetime, whichever is sooner."""
        if wanted is not None and wanted.plan.digest != grant.plan_digest:
            raise Refused(f"the grant for {grant.array} is of another plan")
        key = Ed25519PrivateKey.generate()
        narrowing = Narrowing(forwarding=grant.array in self._through)
        serial, expires, certificate = self.certify(grant, now, key.public_key(), narrowing)
        if self._register is not None:
            self._register.enter(serial, grant.change, expires + SKEW)
        return Permit(grant.array, serial, expires, certificate, key)

    def attend(self, grant: Grant, now: datetime, wanted: Wanted) -> None:
        """A step that people do by hand needs nothing of this office: whether it may begin was decided."""

    def over(self, permit: Permit) -> None:
        """Revoke a permit that is not needed any more; without a register it ends by itself, its key forgotten."""
        if self._register is not None:
            self._register.over(permit.serial)

    def stopped(self, change: str) -> None:
        """Revoke what was made for a change whose contractor was stopped."""
        if self._register is not None:
            self._register.stop(change)

    def certify(
        self, grant: Grant, now: datetime, public: Ed25519PublicKey, narrowing: Narrowing, serial: int | None = None
    ) -> tuple[int, datetime, str]:
        """
        Return serial, end and certificate for somebody's public key; Refused when the grant is over.

        A second certificate of one permit has its `serial`, so that they are revoked together.
        """
        if now >= grant.expires:
            raise Refused(f"the grant for {grant.array} is over")
        expires = min(grant.expires, now + self._lifetime)
        serial = secrets.randbits(63) if serial is None else serial
        builder = (
            SSHCertificateBuilder()
            .public_key(public)
            .serial(serial)
            .type(SSHCertificateType.USER)
            .key_id(grant.change.encode())
            .valid_principals([grant.array.encode()])
            .valid_after(int((now - SKEW).timestamp()))
            .valid_before(int(expires.timestamp()))
            .add_extension(PLAN_DIGEST, grant.plan_digest.encode())
            .add_extension(PURPOSE, grant.purpose.value.encode())
            .add_extension(STAGE, grant.stage.encode())
        )
        if narrowing.source_address:
            builder = builder.add_critical_option(b"source-address", narrowing.source_address.encode())
        if narrowing.command:
            builder = builder.add_critical_option(b"force-command", narrowing.command.encode())
        if narrowing.forwarding:
            builder = builder.add_extension(b"permit-port-forwarding", b"")
        return serial, expires, builder.sign(self._ca).public_bytes().decode()
