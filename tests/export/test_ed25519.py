"""The verifier's own Ed25519 against the RFC, against `cryptography`, and against signatures that must not pass."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.export.verify import ORDER, P, ed25519

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
MESSAGE = b"a change gate for storage firmware"
SIGNATURE = KEY.sign(MESSAGE)

RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def by_cryptography(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_verify(public: str, message: str, signature: str) -> None:
    assert ed25519(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_cryptography_signs_verifies(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert ed25519(public, message, key.sign(message))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8 * (32 + len(MESSAGE) + 64) - 1))
def test_no_flipped_bit_of_key_message_or_signature_verifies(bit: int) -> None:
    whole = bytearray(PUBLIC + MESSAGE + SIGNATURE)
    whole[bit // 8] ^= 1 << bit % 8
    public, message, signature = bytes(whole[:32]), bytes(whole[32:-64]), bytes(whole[-64:])
    assert not ed25519(public, message, signature)
    assert not by_cryptography(public, message, signature)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=8), st.binary(min_size=64, max_size=64))
def test_random_bytes_get_the_answer_that_cryptography_gives(public: bytes, message: bytes, signature: bytes) -> None:
    assert ed25519(public, message, signature) == by_cryptography(public, message, signature)


@pytest.mark.parametrize("times", [1, 2, 7])
def test_a_scalar_beyond_the_order_is_malleable_and_refused(times: int) -> None:
    scalar = int.from_bytes(SIGNATURE[32:], "little") + times * ORDER
    moved = SIGNATURE[:32] + scalar.to_bytes(32, "little")
    assert not ed25519(PUBLIC, MESSAGE, moved)
    assert not by_cryptography(PUBLIC, MESSAGE, moved)


@pytest.mark.parametrize(
    "key",
    [
        (P + 1).to_bytes(32, "little"),  # y = 1 spelled beyond the field
        P.to_bytes(32, "little"),  # y = 0 spelled beyond the field
        b"\xff" * 32,
        (1 | 1 << 255).to_bytes(32, "little"),  # x = 0 with its sign set
        (2).to_bytes(32, "little"),  # no point of the curve
    ],
)
def test_a_key_that_is_no_canonical_point_is_refused(key: bytes) -> None:
    identity = (1).to_bytes(32, "little") + bytes(32)
    assert not ed25519(key, MESSAGE, identity)
    assert not ed25519(key, MESSAGE, SIGNATURE)


def test_a_point_spelled_beyond_the_field_is_refused_in_the_signature() -> None:
    neutral = (1).to_bytes(32, "little")
    assert ed25519(neutral, MESSAGE, neutral + bytes(32)), "the neutral element signs all; that is its nature"
    assert not ed25519(neutral, MESSAGE, (P + 1).to_bytes(32, "little") + bytes(32))


@pytest.mark.parametrize(
    ("public", "signature"),
    [(b"", SIGNATURE), (PUBLIC[:-1], SIGNATURE), (PUBLIC + b"\0", SIGNATURE), (PUBLIC, b""), (PUBLIC, SIGNATURE[:-1])],
)
def test_wrong_lengths_are_refused(public: bytes, signature: bytes) -> None:
    assert not ed25519(public, MESSAGE, signature)


WYCHEPROOF = json.loads((Path(__file__).parents[1] / "vectors" / "wycheproof" / "ed25519.json").read_text())


def test_every_vector_of_wycheproof_gets_its_answer() -> None:
    assert len(WYCHEPROOF) == 151
    wrong = []
    for case in WYCHEPROOF:
        given = [bytes.fromhex(case[name]) for name in ("key", "msg", "sig")]
        if ed25519(*given) != (case["result"] == "valid") or by_cryptography(*given) != (case["result"] == "valid"):
            wrong.append(case["id"])
    assert not wrong
