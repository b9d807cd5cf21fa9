"""
CHAP as iSCSI uses it (RFC 1994, RFC 7143 section 12.1): what is answered to a challenge, and whether an answer fits.

Only an initiator's half, as values. MD5 (5) is offered first, since every target knows it, and SHA-256 (7 in the IANA
registry) for those that refuse MD5; the other way round fails at tgt, which calls SHA-1 seven (measured, 1.0.85). A
secret has at least twelve characters, as the standard demands where no IPsec is (section 12.1.4).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HASHES: Mapping[str, Callable[[bytes], bytes]] = {
    "5": lambda data: hashlib.md5(data, usedforsecurity=True).digest(),  # noqa: S324  # the protocol's own
    "7": lambda data: hashlib.sha256(data).digest(),
}
OFFER = ",".join(HASHES)
SECRET = re.compile(r"[!-~]{12,255}")
CHALLENGE_BYTES = 32
LONGEST = 1024
"""Bytes of a challenge or an answer (RFC 7143 section 12.1.3)."""


class ChapError(ValueError):
    """The exchange is not what the standard says, or the answer does not fit; the message holds no secret."""


@dataclass(frozen=True)
class Account:
    """A name and its secret, which is never shown."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Chap:
    """How the gate logs in at one target, and how that target must prove itself."""

    ours: Account
    target: Account | None = None
    """None: the target proves nothing (one-way CHAP)."""

    def __post_init__(self) -> None:
        if self.target is not None and self.target.secret == self.ours.secret:
            # With one secret a target could hand our own challenge back to us (RFC 7143 section 12.1.4).
            raise ChapError("the gate and the target must not have the same secret")


@dataclass(frozen=True)
class Challenge:
    """What one side asks of the other."""

    algorithm: str
    number: int
    value: bytes = field(repr=False)

    def answer(self, secret: str) -> bytes:
        """Hash of the number, the secret and the challenge (RFC 1994 section 4.1)."""
        return HASHES[self.algorithm](bytes([self.number]) + secret.encode("ascii") + self.value)

    def spelled(self) -> dict[str, str]:
        """As keys of a login."""
        return {"CHAP_I": str(self.number), "CHAP_C": f"0x{self.value.hex()}"}


def read_challenge(said: Mapping[str, str]) -> Challenge:
    """Return what the target asks of us; ChapError when it is no challenge or asks for a hash that was not offered."""
    algorithm, number = said.get("CHAP_A", ""), said.get("CHAP_I", "")
    if algorithm not in HASHES:
        raise ChapError("the target chose a hash that was not offered")
    if not re.fullmatch(r"[0-9]{1,3}", number) or int(number) > 255:
        raise ChapError("the target's challenge has no number")
    value = _bytes(said.get("CHAP_C", ""))
    if not value:
        raise ChapError("the target's challenge is empty")
    return Challenge(algorithm, int(number), value)


def answer(asked: Challenge, chap: Chap, random: bytes) -> tuple[dict[str, str], Challenge | None]:
    """Return the keys that answer the target, and what is asked of it in return; `random` is used once."""
    keys = {"CHAP_N": chap.ours.name, "CHAP_R": f"0x{asked.answer(chap.ours.secret).hex()}"}
    if chap.target is None:
        return keys, None
    in_return = Challenge(asked.algorithm, random[0], random[1:])
    if in_return.value == asked.value:
        raise ChapError("the target asks what it is asked")
    return keys | in_return.spelled(), in_return


def check(said: Mapping[str, str], asked: Challenge, target: Account) -> None:
    """Raise ChapError unless the target has proven that it is who the inventory says."""
    given = _bytes(said.get("CHAP_R", ""))
    right = hmac.compare_digest(given, asked.answer(target.secret))
    if said.get("CHAP_N") != target.name or not right:
        raise ChapError("the target does not prove that it knows its own secret")


def _bytes(text: str) -> bytes:
    """Read a binary value of a login: hexadecimal or base64 (RFC 7143 section 6.1)."""
    kind, digits = text[:2].lower(), text[2:]
    if len(digits) > 2 * LONGEST:
        raise ChapError("a value of the exchange is too long")
    try:
        if kind == "0x":
            return bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0"))
        if kind == "0b":
            return base64.b64decode(digits, validate=True)
    except (ValueError, binascii.Error):
        pass
    raise ChapError("a value of the exchange is neither hexadecimal nor base64")
