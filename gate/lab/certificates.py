"""
Who may log in where: plain keys by user, and certificates checked as an SSH daemon checks them.

The rules are those of sshd's TrustedUserCAKeys, RevokedKeys and AuthorizedPrincipalsFile (PROTOCOL.certkeys), plus one
of the array's own: a certificate must carry the plan digest it was made for.
"""

import base64
import re
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
    load_ssh_public_key,
)

from gate.lab.revoked import revoked_problem

PLAN_DIGEST = b"plan-digest@sangate"
KNOWN_OPTIONS = {b"source-address"}
CERTIFICATE_TYPE = "ssh-ed25519-cert-v01@openssh.com"


@dataclass(frozen=True)
class Keys:
    """Public OpenSSH lines that a listener trusts; user → its plain key, and the CA for `certificate_user`."""

    plain: dict[str, str]
    ca: str = ""
    certificate_user: str = ""
    principal: str = ""
    revoked: Path | None = None
    """The list of what is revoked; None where the listener was told of none."""


def plain_allowed(keys: Keys, user: str, blob: bytes) -> bool:
    """Whether a plain public key logs this user in."""
    line = keys.plain.get(user)
    return line is not None and blob == _blob(line)


def certificate_problem(keys: Keys, user: str, blob: bytes, client: str, now: float | None = None) -> str:
    """Return why a certificate does not log this user in; '' when it does. `now` is seconds since 1970."""
    moment = time.time() if now is None else now
    if user != keys.certificate_user or not keys.ca:
        return "no certificates for this user"
    try:
        loaded = load_ssh_public_identity(CERTIFICATE_TYPE.encode() + b" " + base64.b64encode(blob))
    except ValueError:
        return "unreadable certificate"
    if not isinstance(loaded, SSHCertificate):
        return "not a certificate"
    signer = loaded.signature_key()
    if not isinstance(signer, Ed25519PublicKey) or _same(signer, keys.ca) is False:
        return "signed by an unknown authority"
    try:
        loaded.verify_cert_signature()
    except InvalidSignature:
        return "bad signature"
    revoked = revoked_problem(keys.revoked, keys.ca, loaded.serial) if keys.revoked else ""
    return revoked or _content_problem(loaded, keys.principal, client, moment)


def _content_problem(certificate: SSHCertificate, principal: str, client: str, moment: float) -> str:
    if certificate.type is not SSHCertificateType.USER:
        return "not a user certificate"
    if moment < certificate.valid_after:
        return "not yet valid"
    if moment >= certificate.valid_before:
        return "expired"
    if principal.encode() not in certificate.valid_principals:
        return "no authorized principal"
    options = certificate.critical_options
    if not set(options) <= KNOWN_OPTIONS:
        return "unsupported critical option"
    addresses = options.get(b"source-address", b"").decode("ascii", "replace").split(",")
    if b"source-address" in options and not any(client == address.removesuffix("/32") for address in addresses):
        return "not a permitted source address"
    if not re.fullmatch(rb"sha256:[0-9a-f]{64}", certificate.extensions.get(PLAN_DIGEST, b"")):
        return "no plan digest"
    return ""


def _same(signer: Ed25519PublicKey, line: str) -> bool:
    return signer.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1] == line.encode().split()[1]


def _blob(line: str) -> bytes:
    load_ssh_public_key(line.encode())  # ValueError now rather than a login that can never succeed
    return base64.b64decode(line.split()[1])
