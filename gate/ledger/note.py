"""Signed notes (C2SP signed-note@v1) with Ed25519: text that carries its signatures as lines below it."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"
"""Signature type of the specification; it is the first byte of what a key hash covers and of a vkey's material."""

DASH = "\u2014 "


class Signer(Protocol):
    """Holds a private key and says which public key belongs to it."""

    @property
    def vkey(self) -> "VerifierKey":
        """The public side."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature."""


@dataclass(frozen=True)
class VerifierKey:
    """A named public key: what an auditor holds."""

    name: str
    public: bytes
    """32 bytes."""

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"


def read_vkey(text: str) -> VerifierKey:
    """Read `name+hash+base64`; ValueError when it is not an Ed25519 key or the hash is not its own."""
    name, _, rest = text.partition("+")
    hash_hex, _, encoded = rest.partition("+")
    material = unbase64(encoded)
    if not named(name) or len(material) != 33 or material[:1] != ED25519:
        raise ValueError("not an Ed25519 verifier key")
    key = VerifierKey(name, material[1:])
    if hash_hex != key.hash.hex():
        raise ValueError("the key's hash does not belong to it")
    return key


def named(name: str) -> bool:
    """Say whether a key may be called so: not empty, no space, no plus sign."""
    return bool(name) and not any(char.isspace() or char == "+" for char in name)


def unbase64(text: str) -> bytes:
    """Decode base64 that is spelled in the one canonical way; ValueError otherwise."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("base64 with stray bits")
    return decoded


def sign(text: str, signer: Signer) -> str:
    """Sign a text, which must end with a newline; return the whole note."""
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise ValueError("the text of a note ends with a newline and holds no other control character")
    key = signer.vkey
    line = base64.b64encode(key.hash + signer.sign(text.encode())).decode()
    return f"{text}\n{DASH}{key.name} {line}\n"


def verify(note: str, key: VerifierKey) -> str:
    """Return the note's text when `key` has signed it; ValueError says why not. Other keys' lines are skipped."""
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise ValueError("not a signed note")
    text += "\n"
    for line in tail[:-1].split("\n"):
        name, _, encoded = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH) or not named(name):
            raise ValueError("not a signature line")
        signature = unbase64(encoded)
        if name == key.name and signature[:4] == key.hash:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise ValueError(f"the signature of {name} is wrong") from None
            return text
    raise ValueError(f"no signature of {key.name}")
