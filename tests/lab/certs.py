"""SSH certificates for the lab's tests, good and bad."""

import io
import time

import paramiko
from cryptography.hazmat.primitives.serialization import SSHCertificateBuilder, SSHCertificateType

from tests.lab.fleets import Pair

DIGEST = b"sha256:" + b"0" * 64


def certify(
    authority: Pair,
    holder: Pair,
    principal: str,
    *,
    after_s: int = -60,
    before_s: int = 300,
    kind: SSHCertificateType = SSHCertificateType.USER,
    options: dict[bytes, bytes] | None = None,
    digest: bytes | None = DIGEST,
) -> str:
    """A certificate line; times are seconds from now."""
    now = int(time.time())
    builder = (
        SSHCertificateBuilder()
        .public_key(holder.private.public_key())
        .serial(1)
        .type(kind)
        .key_id(b"chg-0001")
        .valid_principals([principal.encode()])
        .valid_after(now + after_s)
        .valid_before(now + before_s)
    )
    for name, value in (options or {}).items():
        builder = builder.add_critical_option(name, value)
    if digest is not None:
        builder = builder.add_extension(b"plan-digest@sangate", digest)
    return builder.sign(authority.private).public_bytes().decode()


def loaded(line: str, holder: Pair) -> paramiko.PKey:
    """The holder's key with the certificate on it."""
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(holder.pem))
    key.load_certificate(line)
    return key
