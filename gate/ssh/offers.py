"""
What an SSH server offers, read from its first words without logging in (RFC 4253, sections 4.2 and 7.1).

Old array firmware knows SHA-1 alone, and Paramiko 5 does not. A refusal by a library says little; both lists say all.
"""

import struct
import time
from dataclasses import dataclass

import paramiko

from gate.errors import Outside
from gate.ssh.tunnel import Tunnel
from gate.ssh.wire import Wire, printable, reason

OURS = b"SSH-2.0-sangate\r\n"
KEXINIT = 20
LONGEST = 35000
"""Bytes of a packet (RFC 4253 section 6.1)."""

MOST_LINES, LINE_MAX = 50, 1024
"""Lines that a server may say before its version, and bytes of each (our choice)."""

PARTS = ("key exchange", "host key", "cipher", "integrity")
SIGNATURES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512",
              "rsa-sha2-256")  # fmt: skip
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
WITH_OWN_INTEGRITY = "gcm"


@dataclass(frozen=True)
class Offers:
    """One side's lists, in its order of preference."""

    banner: str
    lists: tuple[tuple[str, ...], ...]
    """Of each of PARTS; what the server sends, where the two directions differ."""


def ours() -> Offers:
    """Return what this program offers."""
    kex = tuple(str(name) for name in vars(paramiko.Transport)["_preferred_kex"])
    return Offers(printable(OURS.decode()), (kex, SIGNATURES, CIPHERS, MACS))


def ask_offers(target: str, wire: Wire | Tunnel, seconds: float) -> Offers:
    """Return what the server at the other end of a new connection offers; Outside when it does not say."""
    until = time.monotonic() + seconds
    try:
        wire.send(OURS)
        banner = ""
        for _ in range(MOST_LINES):
            banner = _line(wire, until)
            if banner.startswith("SSH-"):
                break
        size, padding = struct.unpack(">IB", _exactly(wire, 5, until))
        if not banner.startswith("SSH-") or not 2 <= size <= LONGEST or padding >= size:
            raise ValueError("it does not speak SSH 2")
        payload = _exactly(wire, size - 1, until)[: size - 1 - padding]
        return Offers(printable(banner), _lists(payload))
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise Outside(f"{target} did not say what it offers: {reason(error)}") from None
    finally:
        wire.close()


def _lists(payload: bytes) -> tuple[tuple[str, ...], ...]:
    if payload[:1] != bytes([KEXINIT]):
        raise ValueError("its first packet is no offer")
    rest, found = payload[17:], list[tuple[str, ...]]()
    for _ in range(6):
        (length,) = struct.unpack(">I", rest[:4])
        text, rest = rest[4 : 4 + length], rest[4 + length :]
        if len(text) != length:
            raise ValueError("its offer is cut short")
        found.append(tuple(printable(name) for name in text.decode("ascii").split(",") if name))
    kex, host_keys, _, ciphers, _, macs = found
    return kex, host_keys, ciphers, macs


def _line(wire: Wire | Tunnel, until: float) -> str:
    found = bytearray()
    while not found.endswith(b"\n"):
        found += _exactly(wire, 1, until)
        if len(found) > LINE_MAX:
            raise ValueError("it says a line without end")
    return found.decode("utf-8", "replace").rstrip("\r\n")


def _exactly(wire: Wire | Tunnel, size: int, until: float) -> bytes:
    found = b""
    while len(found) < size:
        if time.monotonic() >= until:
            raise TimeoutError("it took too long")
        wire.settimeout(until - time.monotonic())
        part = wire.recv(size - len(found))
        if not part:
            raise EOFError("it ended the connection")
        found += part
    return found


def clash(theirs: Offers, mine: Offers | None = None) -> tuple[str, ...]:
    """Say for each part in which the two have nothing in common what both offer; () when they can talk."""
    mine = mine or ours()
    found = []
    for name, offered, known in zip(PARTS, theirs.lists, mine.lists, strict=True):
        if name == "integrity" and any(WITH_OWN_INTEGRITY in one for one in _common(theirs.lists[2], mine.lists[2])):
            continue
        if not _common(offered, known):
            found.append(f"{name}: it offers {', '.join(offered) or 'nothing'}; the gate {', '.join(known)}")
    return tuple(found)


def _common(offered: tuple[str, ...], known: tuple[str, ...]) -> list[str]:
    return [name for name in known if name in offered]
