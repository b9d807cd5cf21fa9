"""
Pinned host keys: the lines of a known_hosts file, read by ourselves.

Only plain keys pin an array. A `@cert-authority` line would trust every key that the authority signs, a
`@revoked` line and a pattern with `*`, `?` or `!` say less than one name: all of them are refused with the line.
Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gate.errors import BadInput

SSH_PORT = 22
HASHED = "|1|"


@dataclass(frozen=True)
class HostKey:
    """One public key as it goes over the wire."""

    type: str
    """Such as `ssh-ed25519`."""

    blob: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and unpadded base64, as ssh-keygen -l prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def line(self, host: str, port: int) -> str:
        """Return the line that pins it for an endpoint."""
        return f"{endpoint(host, port)} {self.type} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class HostKeys:
    """Which keys are pinned for which host and port."""

    entries: tuple[tuple[str, HostKey], ...] = ()
    """Name as the file spells it (`host`, `[host]:port` or `|1|salt|hash`) and the key."""

    def pinned(self, host: str, port: int) -> tuple[HostKey, ...]:
        """Return the keys pinned for that endpoint; () when there is none, and then nobody may log in."""
        name = endpoint(host, port)
        plain, hashed = self._places
        found = [*plain.get(name, ()), *(at for at in hashed if _names(self.entries[at][0], name))]
        return tuple(self.entries[at][1] for at in sorted(found))

    def fingerprints(self, host: str, port: int) -> tuple[str, ...]:
        """Return those keys by their fingerprints."""
        return tuple(key.fingerprint for key in self.pinned(host, port))

    @cached_property
    def _places(self) -> tuple[Mapping[str, list[int]], list[int]]:
        """Return where each plain name stands, and the hashed ones: a sweep of 500 asks 500 times."""
        plain, hashed = dict[str, list[int]](), list[int]()
        for at, (spelled, _) in enumerate(self.entries):
            if spelled.startswith(HASHED):
                hashed.append(at)
            else:
                plain.setdefault(spelled, []).append(at)
        return plain, hashed


def endpoint(host: str, port: int) -> str:
    """Spell an endpoint as the file does."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def parse(text: str, source: str) -> HostKeys:
    """Return the pinned keys of a known_hosts file; BadInput with `source:line` for a line that pins no plain key."""
    entries: list[tuple[str, HostKey]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        place = f"{source}:{number}"
        if words[0].startswith("@"):
            raise BadInput(
                f"a {words[0]} line pins no host key", place=place, hint="write one plain line per array: host type key"
            )
        if len(words) < 3:
            raise BadInput("a host key line has a host, a type and a key", place=place)
        key = _key(words[1], words[2], place)
        for name in words[0].split(","):
            if any(char in name for char in "*?!"):
                raise BadInput(f'"{name}" names more than one host', place=place, hint="pin each host by its own name")
            entries.append((name if name.startswith("|") else name.lower(), key))
    return HostKeys(tuple(entries))


def _key(kind: str, encoded: str, place: str) -> HostKey:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("the key is not base64", place=place) from None
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != kind.encode():
        raise BadInput(f'the key does not say that it is "{kind}"', place=place)
    return HostKey(kind, blob)


def _names(spelled: str, name: str) -> bool:
    """Whether a hashed name is that of an endpoint."""
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in spelled[len(HASHED) :].split("|"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), wanted)  # the format fixes SHA-1
