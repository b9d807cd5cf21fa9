"""
Cosignatures (C2SP tlog-cosignature, Ed25519): a witness's word that it saw a checkpoint grow out of every earlier one.

The line that is added to the checkpoint holds 8 bytes of POSIX time before the signature, and the time is signed too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gate.ledger import note
from gate.ledger.note import COSIGNATURE, Note, Signature, VerifierKey

PAYLOAD = 8 + 64


@dataclass(frozen=True)
class Cosigned:
    """One witness's cosignature that has been verified."""

    key: VerifierKey
    at: int
    """Seconds since 1970 by the witness's clock."""


def message(text: str, at: int) -> bytes:
    """Return what is signed: two lines, then the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def sign(text: str, signer: note.Signer, at: int) -> Signature:
    """Cosign the text of a checkpoint at a time, which must not be 0; the caller has seen that it is consistent."""
    if not 0 < at < 1 << 63 or signer.vkey.kind != COSIGNATURE:
        raise ValueError("a cosignature needs a time and the key of a witness")
    return Signature(signer.vkey.name, signer.vkey.hash, at.to_bytes(8, "big") + signer.sign(message(text, at)))


def check(text: str, line: Signature, key: VerifierKey) -> Cosigned:
    """Return the cosignature in a line when `key` has made it; ValueError otherwise."""
    at = int.from_bytes(line.payload[:8], "big")
    if (line.name, line.hash) != (key.name, key.hash) or key.kind != COSIGNATURE or len(line.payload) != PAYLOAD:
        raise ValueError(f"no cosignature of {key.name}")
    if not 0 < at < 1 << 63 or not key.signed(message(text, at), line.payload[8:]):
        raise ValueError(f"the cosignature of {key.name} is wrong")
    return Cosigned(key, at)


def cosigned(signed: Note, witnesses: Iterable[VerifierKey]) -> tuple[Cosigned, ...]:
    """
    Return the cosignatures of these witnesses that a note carries, in the order of the witnesses.

    ValueError when a line names one of them and is wrong. The log's own signature is not looked at here.
    """
    found = ((signed.of(key), key) for key in witnesses)
    return tuple(check(signed.text, line, key) for line, key in found if line is not None)
