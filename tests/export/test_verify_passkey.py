"""Approvals by passkey: a WebAuthn assertion over the statement, checked by the verifier alone."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.export import verify

SITE, MESSAGE = "gate.example.com", b'{"v":1}'
ED25519 = Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
P256 = ec.derive_private_key(0x1234567, ec.SECP256R1())


def cose_ed25519() -> bytes:
    """As CTAP2 spells it: {1: 1, 3: -8, -1: 6, -2: x}."""
    raw = ED25519.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return bytes.fromhex("a4 01 01 03 27 20 06 21 58 20") + raw


def cose_es256() -> bytes:
    """{1: 2, 3: -7, -1: 1, -2: x, -3: y}."""
    numbers = P256.public_key().public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    return bytes.fromhex("a5 01 02 03 26 20 01 21 58 20") + x + bytes.fromhex("22 58 20") + y


def sign_ed25519(message: bytes) -> bytes:
    return ED25519.sign(message)


def sign_es256(message: bytes) -> bytes:
    return P256.sign(message, ec.ECDSA(hashes.SHA256()))


KINDS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "Ed25519": (sign_ed25519, cose_ed25519()),
    "ES256": (sign_es256, cose_es256()),
}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def assertion(
    sign: Callable[[bytes], bytes], message: bytes = MESSAGE, site: str = SITE, flags: int = 5, **client: object
) -> str:
    challenge = base64.urlsafe_b64encode(sha256(message).digest()).decode().rstrip("=")
    said = {"type": "webauthn.get", "challenge": challenge, "origin": f"https://{SITE}:8443", "crossOrigin": False}
    data = json.dumps({**said, **client}).encode()
    authenticator = sha256(site.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big")
    return ".".join(map(b64, (authenticator, data, sign(authenticator + sha256(data).digest()))))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site", [SITE, "example.com"])
def test_a_passkeys_assertion_over_the_statement_verifies(kind: str, site: str) -> None:
    sign, key = KINDS[kind]
    said = verify.check_passkey(assertion(sign, site=site), b64(key), MESSAGE)
    assert said == "passkey SHA256:" + b64(sha256(key).digest()).rstrip("=")


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_of_an_assertion_verifies(kind: str) -> None:
    sign, key = KINDS[kind]
    parts = [base64.b64decode(word) for word in assertion(sign).split(".")]
    for which, part in enumerate(parts):
        for place in range(len(part)):
            changed = [*parts]
            changed[which] = part[:place] + bytes([part[place] ^ 1 << place % 8]) + part[place + 1 :]
            with pytest.raises(verify.Bad):
                verify.check_passkey(".".join(map(b64, changed)), b64(key), MESSAGE)


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "another statement": ({"message": b"other"}, "of another statement"),
    "another site": ({"site": "evil.example"}, "for another site"),
    "a longer site": ({"site": "x.gate.example.com"}, "for another site"),
    "nobody there": ({"flags": 4}, "without anybody"),
    "nobody verified": ({"flags": 1}, "without anybody"),
    "an enrolment": ({"type": "webauthn.create"}, "for another purpose"),
    "a frame of another site": ({"crossOrigin": True}, "for another purpose"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_assertion_made_otherwise_is_refused(case: str) -> None:
    changed, sentence = WRONG[case]
    with pytest.raises(verify.Bad, match=sentence):
        verify.check_passkey(assertion(sign_ed25519, **changed), b64(cose_ed25519()), MESSAGE)  # type: ignore[arg-type]


def test_another_key_is_refused_and_an_unknown_kind_is_left_open() -> None:
    made = assertion(sign_ed25519)
    other = cose_ed25519()[:10] + Ed25519PrivateKey.from_private_bytes(b"\x22" * 32).public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    with pytest.raises(verify.Bad, match="not of this statement by this key"):
        verify.check_passkey(made, b64(other), MESSAGE)
    with pytest.raises(verify.Unknown, match="of a kind that this program does not know"):
        verify.check_passkey(made, b64(b"\xa4" + bytes(60)), MESSAGE)
    with pytest.raises(verify.Bad, match="no passkey signature"):
        verify.check_passkey("AA==", b64(other), MESSAGE)
