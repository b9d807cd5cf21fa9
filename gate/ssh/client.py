"""
Connecting: the host key is compared before anything of ours is shown, then one key logs in.

No agent, no keys from the home directory, nothing that Paramiko would try by itself.
"""

import base64
import io
import logging
import socket
from datetime import datetime

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from paramiko.message import Message

from gate.errors import HostKeyRefused, Outside, Refused
from gate.hostkeys import HostKey, HostKeys
from gate.inventory import Ssh
from gate.ssh.session import Session
from gate.ssh.watch import guard
from gate.ssh.wire import Clock, Timeouts, Wire, reason, utc_now

USUAL = Timeouts()
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEY_TYPES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}

_log = logging.getLogger("gate.ssh")
_log.addHandler(logging.NullHandler())


def connect(
    target: str,
    endpoint: Ssh,
    *,
    user: str,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    certificate: str = "",
    timeouts: Timeouts = USUAL,
    not_after: datetime | None = None,
    clock: Clock = utc_now,
) -> Session:
    """
    Log in and return the session.

    The host key is compared before anything of ours is shown. `certificate` is one line as ssh-keygen writes it;
    `not_after` bounds the session, since a certificate's end does not close a connection.
    Errors: HostKeyRefused; Refused when our own certificate cannot be used; Outside for everything that the target did.
    """
    login = login_key(target, key, certificate, clock)
    known = pinned.pinned(endpoint.host, endpoint.port)
    if not known:
        raise HostKeyRefused(
            f"no host key is pinned for {target} ({endpoint.host}:{endpoint.port})",
            hint="has somebody compared its fingerprint on the console? then add its line to known_hosts",
        )
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), timeout=timeouts.connect_s)
    except OSError as error:
        raise Outside(f"{target} cannot be reached at {endpoint.host}:{endpoint.port}: {reason(error)}") from None
    wire = Wire(sock, timeouts.dead_peer_s)
    transport = paramiko.Transport(wire)  # type: ignore[arg-type]  # a socket-like object is documented
    try:
        with guard(timeouts.banner_s + timeouts.login_s, wire.abort):
            handshake(transport, target, known, timeouts)
            authenticate(transport, target, user, login)
    except BaseException:
        wire.close()
        transport.close()
        raise
    wire.trust()
    return Session(target, transport, wire, timeouts, not_after, clock)


def login_key(target: str, key: Ed25519PrivateKey, certificate: str, clock: Clock) -> paramiko.PKey:
    """Return Paramiko's key; a server only says "failed", so what is wrong with our certificate is said here."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    login = paramiko.Ed25519Key.from_private_key(io.StringIO(pem))
    if not certificate:
        return login
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


def handshake(transport: paramiko.Transport, target: str, known: tuple[HostKey, ...], timeouts: Timeouts) -> None:
    """Exchange keys and compare the host key with the pinned ones."""
    transport.set_log_channel("gate.ssh")
    transport.banner_timeout = timeouts.banner_s
    transport.handshake_timeout = timeouts.banner_s
    transport.auth_timeout = timeouts.login_s
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    first = [name for pin in known for name in KEY_TYPES.get(pin.type, ())]
    rest = [name for names in KEY_TYPES.values() for name in names]
    options.key_types = tuple(dict.fromkeys(first + rest))
    try:
        transport.start_client(timeout=timeouts.banner_s)
        offered = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise Outside(
            f"{target} is an IncompatiblePeer: {reason(error)}",
            hint="does its firmware still insist on SHA-1, CBC or MD5? the gate no longer speaks those",
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        silent = str(error) == "No existing session"  # Paramiko's answer when its own timeout has run out
        why = f"silent for {timeouts.banner_s:g} s" if silent else reason(error)
        raise Outside(f"{target} did not finish the SSH greeting: {why}") from None
    key = HostKey(offered.get_name(), offered.asbytes())
    if key not in known:
        expected = ", ".join(f"{pin.type} {pin.fingerprint}" for pin in known)
        raise HostKeyRefused(
            f"{target} shows another host key than the pinned one; nothing was sent",
            hint=f"pinned {expected}; shown {key.type} {key.fingerprint}. Was its controller or address replaced?",
        )


def authenticate(transport: paramiko.Transport, target: str, user: str, login: paramiko.PKey) -> None:
    """Log in with one key; Outside says what the target held against it."""
    try:
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
