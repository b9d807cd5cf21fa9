"""Signed notes (C2SP signed-note@v1): text that carries its signatures, by one key or several, as lines below it."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"
"""Signature type of the specification; it is the first byte of what a key hash covers and of a vkey's material."""

COSIGNATURE = b"\x04"
"""Type of a witness's timestamped Ed25519 signature (C2SP tlog-cosignature)."""

DASH = "\u2014 "
MOST_SIGNATURES = 64
"""Lines that are read below one text (our choice): keys of a rotation, and more witnesses than anybody has."""


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

    kind: bytes = ED25519
    """ED25519 for a log, COSIGNATURE for a witness."""

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(self.kind + self.public).decode()}"

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Say whether the 64 bytes are this key's signature of the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signature:
    """One line below a text: who says to have signed, and what the signature is."""

    name: str
    hash: bytes
    payload: bytes
    """64 bytes, or for a witness 8 bytes of time before them."""

    def __str__(self) -> str:
        return f"{DASH}{self.name} {base64.b64encode(self.hash + self.payload).decode()}"


@dataclass(frozen=True)
class Note:
    """A note taken apart; nothing is verified yet."""

    text: str
    """What is signed; ends with a newline."""

    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n" + "".join(f"{signature}\n" for signature in self.signatures)

    def of(self, key: VerifierKey) -> Signature | None:
        """Return the line that names this key, if there is one."""
        wanted = (key.name, key.hash)
        return next((one for one in self.signatures if (one.name, one.hash) == wanted), None)


def read_vkey(text: str, kind: bytes = ED25519) -> VerifierKey:
    """Read `name+hash+base64`; ValueError when it is not an Ed25519 key of that kind or the hash is not its own."""
    name, _, rest = text.partition("+")
    hash_hex, _, encoded = rest.partition("+")
    material = unbase64(encoded)
    if not named(name) or len(material) != 33 or material[:1] != kind:
        raise ValueError(f"not the Ed25519 verifier key of a {'log' if kind == ED25519 else 'witness'}")
    key = VerifierKey(name, material[1:], kind)
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


def sign(text: str, *signers: Signer) -> str:
    """Sign a text, which must end with a newline, by each key in turn; return the whole note."""
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise ValueError("the text of a note ends with a newline and holds no other control character")
    if not signers:
        raise ValueError("a note has at least one signature")
    keys = [(signer.vkey, signer) for signer in signers]
    return str(Note(text, tuple(Signature(key.name, key.hash, signer.sign(text.encode())) for key, signer in keys)))


def read(note: str) -> Note:
    """Take a note apart; ValueError when it is none."""
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise ValueError("not a signed note")
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise ValueError(f"more than {MOST_SIGNATURES} signatures")
    return Note(text + "\n", tuple(read_signature(line) for line in lines))


def read_signature(line: str) -> Signature:
    """Read one signature line, without its newline; ValueError when it is none."""
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not named(name):
        raise ValueError("not a signature line")
    signature = unbase64(encoded)
    if len(signature) < 5:
        raise ValueError("not a signature line")
    return Signature(name, signature[:4], signature[4:])


def verify(note: str, key: VerifierKey) -> str:
    """Return the note's text when `key` has signed it; ValueError says why not. Other keys' lines are skipped."""
    return verify_any(note, (key,))[0]


def verify_any(note: str, keys: Iterable[VerifierKey]) -> tuple[str, tuple[VerifierKey, ...]]:
    """
    Return the text and those of `keys` that have signed it, in the order of the lines.

    ValueError when none has, or when a line that names one of them is wrong: such a note is malformed, whoever else
    has signed it. Lines of keys that are not asked for are skipped.
    """
    found = read(note)
    known = {(key.name, key.hash): key for key in keys}
    signed = []
    for line in found.signatures:
        key = known.get((line.name, line.hash))
        if key is None:
            continue
        if not key.signed(found.text.encode(), line.payload):
            raise ValueError(f"the signature of {key.name} is wrong")
        signed.append(key)
    if not signed:
        raise ValueError("no signature of " + (", ".join(sorted({name for name, _ in known})) or "anybody known"))
    return found.text, tuple(signed)
