"""
Connecting: the host key is compared before anything of ours is shown, then one login.

No agent, no keys from the home directory, nothing that Paramiko would try by itself. Through a bastion the array's
own host key is compared and its own login made at the far end: the bastion sees neither.
"""

import logging
import socket
from datetime import datetime

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.packet import Packetizer

from gate.errors import HostKeyRefused, Outside
from gate.hostkeys import HostKey, HostKeys
from gate.inventory import Bastion, Ssh
from gate.ssh.login import authenticate, login_key, login_pem
from gate.ssh.pace import Pace
from gate.ssh.session import Session
from gate.ssh.suite import TODAY, Suite
from gate.ssh.tunnel import Tunnel
from gate.ssh.watch import guard
from gate.ssh.wire import Clock, Timeouts, Wire, reason, utc_now

USUAL = Timeouts()
PACE = Pace()
"""The one of this process: whoever connects to an endpoint, all of them together keep to it."""


class Guarded(Packetizer):
    """Without Paramiko's own timer for the handshake, a thread a connection: every handshake here is under `guard`."""

    def start_handshake(self, timeout: float) -> None:
        """Leave it to the guard."""

    def complete_handshake(self) -> None:
        """Likewise; Paramiko says so after every packet."""


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
    password: str = "",
    pem: str = "",
    via: Bastion | None = None,
    timeouts: Timeouts = USUAL,
    not_after: datetime | None = None,
    clock: Clock = utc_now,
    suite: Suite = TODAY,
) -> Session:
    """
    Log in and return the session.

    The host key is compared before anything of ours is shown. `certificate` is one line as ssh-keygen writes it;
    `not_after` bounds the session, since a certificate's end does not close a connection. With a password or another
    private key (`pem`) the target is given that, and key and certificate open the bastion alone.
    Errors: HostKeyRefused; Refused when our own certificate cannot be used; Outside for everything that the target did.
    """
    first = login_key(via.id if via else target, key, certificate, clock)
    last = login_pem(target, pem) if pem else password or first
    known = known_keys(target, endpoint, pinned)
    wire = open_way(target, endpoint, via, first, pinned, timeouts)
    return log_in(target, wire, known, user, last, timeouts, not_after, clock, suite)


def log_in(
    target: str,
    wire: Wire | Tunnel,
    known: tuple[HostKey, ...],
    user: str,
    login: paramiko.PKey | str,
    timeouts: Timeouts = USUAL,
    not_after: datetime | None = None,
    clock: Clock = utc_now,
    suite: Suite = TODAY,
) -> Session:
    """Greet a target over an open wire, compare its host key, log in and return the session; errors as `connect`."""
    transport = carried(wire)
    try:
        with guard(timeouts.banner_s + timeouts.login_s, wire.abort):
            handshake(transport, target, known, timeouts, suite)
            authenticate(transport, target, user, login)
    except BaseException:
        wire.close()
        transport.close()
        raise
    wire.trust()
    return Session(target, transport, wire, timeouts, not_after, clock)


def carried(wire: Wire | Tunnel) -> paramiko.Transport:
    """Return SSH over a wire; whoever begins its handshake guards it."""
    return paramiko.Transport(wire, packetizer_class=Guarded)  # type: ignore[arg-type]  # a socket-like object


def open_way(
    target: str, endpoint: Ssh, via: Bastion | None, login: paramiko.PKey, pinned: HostKeys, timeouts: Timeouts
) -> Wire | Tunnel:
    """Open the way to a target, directly or through its bastion; nothing was said to the target yet."""
    if via is None:
        return reach(target, endpoint, timeouts)
    name = f"the bastion {via.id}"
    keys = known_keys(name, via.ssh, pinned)
    return _through(via, reach(name, via.ssh, timeouts), keys, login, target, endpoint, timeouts)


def known_keys(target: str, endpoint: Ssh, pinned: HostKeys) -> tuple[HostKey, ...]:
    """Return the keys pinned for an endpoint; HostKeyRefused when there is none."""
    known = pinned.pinned(endpoint.host, endpoint.port)
    if not known:
        raise HostKeyRefused(
            f"no host key is pinned for {target} ({endpoint.host}:{endpoint.port})",
            hint="has somebody compared its fingerprint on the console? then sangate inventory pin adds it",
        )
    return known


def reach(target: str, endpoint: Ssh, timeouts: Timeouts) -> Wire:
    """Open a TCP connection and put it under the bounds of a wire."""
    return Wire(dial(target, endpoint, timeouts), timeouts.dead_peer_s)


def dial(target: str, endpoint: Ssh, timeouts: Timeouts) -> socket.socket:
    """Open a TCP connection, no more of them a second than the endpoint bears."""
    PACE.wait(endpoint.host, endpoint.port)
    try:
        return socket.create_connection((endpoint.host, endpoint.port), timeout=timeouts.connect_s)
    except OSError as error:
        raise Outside(f"{target} cannot be reached at {endpoint.host}:{endpoint.port}: {reason(error)}") from None


def _through(
    via: Bastion,
    wire: Wire,
    keys: tuple[HostKey, ...],
    login: paramiko.PKey,
    target: str,
    endpoint: Ssh,
    timeouts: Timeouts,
) -> Tunnel:
    """Log in to the bastion and have it open one way, to the target and nowhere else."""
    name = f"the bastion {via.id}"
    transport = carried(wire)
    try:
        with guard(timeouts.banner_s + timeouts.login_s, wire.abort):
            handshake(transport, name, keys, timeouts)
            authenticate(transport, name, via.user, login)
        wire.trust()
        with guard(timeouts.connect_s + 1, wire.abort):
            to = (endpoint.host, endpoint.port)
            channel = transport.open_channel("direct-tcpip", to, ("127.0.0.1", 0), timeout=timeouts.connect_s)
    except (paramiko.SSHException, EOFError, OSError) as error:
        wire.close()
        transport.close()
        raise Outside(
            f"{name} opens no way to {target} at {endpoint.host}:{endpoint.port}: {reason(error)}",
            hint="does its permitopen name exactly this address and port, and is the array up?",
        ) from None
    except BaseException:
        wire.close()
        transport.close()
        raise
    return Tunnel(channel, transport, wire)


def show_key(
    target: str,
    endpoint: Ssh,
    *,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    via: Bastion | None,
    timeouts: Timeouts,
    suite: Suite = TODAY,
) -> HostKey:
    """Return the host key that a target shows; nobody logs in there, the key opens the bastion in between."""
    wire = open_way(target, endpoint, via, login_key(target, key, "", utc_now), pinned, timeouts)
    transport = carried(wire)
    try:
        with guard(2 * timeouts.banner_s, wire.abort):
            return greet(transport, target, [], timeouts, suite)
    finally:
        wire.close()
        transport.close()


def handshake(
    transport: paramiko.Transport,
    target: str,
    known: tuple[HostKey, ...],
    timeouts: Timeouts,
    suite: Suite = TODAY,
) -> None:
    """Exchange keys and compare the host key with the pinned ones."""
    first = [name for pin in known for name in suite.signatures.get(pin.type, ())]
    key = greet(transport, target, first, timeouts, suite)
    if key not in known:
        expected = ", ".join(f"{pin.type} {pin.fingerprint}" for pin in known)
        raise HostKeyRefused(
            f"{target} shows another host key than the pinned one; nothing was sent",
            hint=f"pinned {expected}; shown {key.type} {key.fingerprint}. Was its controller or address replaced?",
        )


def greet(
    transport: paramiko.Transport, target: str, first: list[str], timeouts: Timeouts, suite: Suite = TODAY
) -> HostKey:
    """Exchange keys and return the host key that was shown and proven; `first` are the kinds that are preferred."""
    transport.set_log_channel("gate.ssh")
    transport.banner_timeout = timeouts.banner_s
    transport.handshake_timeout = timeouts.banner_s
    transport.auth_timeout = timeouts.login_s
    options = transport.get_security_options()
    options.ciphers = suite.ciphers
    options.digests = suite.macs
    options.kex = (*(name for name in options.kex if not name.endswith("-sha1")), *suite.old_exchanges)
    rest = [name for names in suite.signatures.values() for name in names]
    options.key_types = tuple(dict.fromkeys(first + rest))
    try:
        transport.start_client(timeout=timeouts.banner_s)
        offered = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise Outside(
            f"{target} is an IncompatiblePeer: {reason(error)}",
            hint="sangate inventory check says what both sides offer; SHA-1, CBC and MD5 are no longer spoken here",
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        silent = str(error) == "No existing session"  # Paramiko's answer when its own timeout has run out
        why = f"silent for {timeouts.banner_s:g} s" if silent else reason(error)
        raise Outside(f"{target} did not finish the SSH greeting: {why}") from None
    return HostKey(offered.get_name(), offered.asbytes())
