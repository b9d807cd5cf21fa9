"""Which algorithms are spoken: today's with everybody, and older ones besides with an array that knows no other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.ssh.offers import CIPHERS, MACS


@dataclass(frozen=True)
class Suite:
    """What one connection may agree on, the best first."""

    ciphers: tuple[str, ...] = CIPHERS
    macs: tuple[str, ...] = MACS
    signatures: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "ssh-ed25519": ("ssh-ed25519",),
            "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
            "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
            "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
            "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
        }
    )
    """Type of a host key → how it may sign."""

    old_exchanges: tuple[str, ...] = ()
    """Key exchanges besides today's, after them."""


TODAY = Suite()
OLDER = Suite(
    ciphers=(*CIPHERS, "aes128-cbc", "aes256-cbc", "3des-cbc"),
    macs=(*MACS, "hmac-sha1"),
    signatures={**TODAY.signatures, "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")},
    old_exchanges=(
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
    ),
)
"""For the runner of the legacy set alone: Paramiko 5 has none of these, and refuses to be told of them."""
