"""Logging in: one key, a key with its certificate, or a password; whatever is wrong with ours is said here."""

import base64
import io
from functools import lru_cache

import paramiko
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificate,
    load_ssh_private_key,
    load_ssh_public_identity,
)
from paramiko.message import Message

from gate.errors import Outside, Refused
from gate.ssh.wire import Clock, reason

KINDS: tuple[tuple[type, type[paramiko.PKey]], ...] = (
    (Ed25519PrivateKey, paramiko.Ed25519Key),
    (RSAPrivateKey, paramiko.RSAKey),
    (EllipticCurvePrivateKey, paramiko.ECDSAKey),
)


def login_key(target: str, key: Ed25519PrivateKey, certificate: str, clock: Clock) -> paramiko.PKey:
    """Return Paramiko's key; a server only says "failed", so what is wrong with our certificate is said here."""
    if not certificate:
        return plain(key)
    login = _paramiko(key)
    try:
        identity = load_ssh_public_identity(certificate.encode())
    except ValueError:
        raise Refused(f"the certificate for {target} cannot be read") from None
    if not isinstance(identity, SSHCertificate):
        raise Refused(f"what was given as certificate for {target} is a plain key")
    raw = (Encoding.Raw, PublicFormat.Raw)
    public = identity.public_key()
    if not hasattr(public, "public_bytes_raw") or public.public_bytes_raw() != key.public_key().public_bytes(*raw):
        raise Refused(f"the certificate for {target} belongs to another key")
    now = clock().timestamp()
    if not identity.valid_after <= now < identity.valid_before:
        raise Refused(f"the certificate for {target} is not valid now")
    # As a message: a str would be tried as a file name first. Paramiko compares no keys; that was done above.
    login.load_certificate(Message(base64.b64decode(certificate.split()[1])))
    return login


@lru_cache(maxsize=4)
def plain(key: Ed25519PrivateKey) -> paramiko.PKey:
    """
    Return Paramiko's key of one of the installation's few plain ones, which live as long as the process.

    It has no certificate, and signing changes nothing in it. Keys of permits come with one, and are not kept.
    """
    return _paramiko(key)


def _paramiko(key: Ed25519PrivateKey) -> paramiko.PKey:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key.from_private_key(io.StringIO(pem))


def login_pem(target: str, pem: str) -> paramiko.PKey:
    """Return Paramiko's key of an unencrypted OpenSSH private key; Refused when it is none that can log in."""
    try:
        kind = next(kind for made, kind in KINDS if isinstance(load_ssh_private_key(pem.encode(), None), made))
        return kind.from_private_key(io.StringIO(pem))
    except (StopIteration, ValueError, TypeError, paramiko.SSHException):
        raise Refused(f"the private key that was sealed for {target} cannot be used") from None


def authenticate(transport: paramiko.Transport, target: str, user: str, login: paramiko.PKey | str) -> None:
    """Log in with one key, or with a password; Outside says what the target held against it."""
    try:
        if isinstance(login, str):
            transport.auth_password(user, login)
        else:
            _oldest_signature(transport, login)
            transport.auth_publickey(user, login)
        if not transport.is_authenticated():
            raise paramiko.AuthenticationException("it asks for more than a key")
    except paramiko.AuthenticationException as error:
        raise Outside(
            f"{target} refused the login of {user}: {reason(error)}",
            hint="does it trust our key or CA, is the principal its own id, and is its clock right?",
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise Outside(f"{target} closed the connection during the login: {reason(error)}") from None
    transport.set_keepalive(5)


def _oldest_signature(transport: paramiko.Transport, login: paramiko.PKey) -> None:
    """
    Have an RSA key sign with SHA-1 where the target itself has just done so, though it was asked for better first.

    What a server says of signatures (RFC 8308) comes when it comes, and the oldest say nothing. In the gate's own
    process no target signs so: Paramiko 5 has no such signature, and this is of the legacy runner alone.
    """
    if getattr(transport, "host_key_type", "") == "ssh-rsa" and isinstance(login, paramiko.RSAKey):
        transport.disabled_algorithms = {"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]}
