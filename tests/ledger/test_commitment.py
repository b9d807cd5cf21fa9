import contextlib
import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.ledger import commitment
from gate.ledger.commitment import Disclosure, commit, opens, read

SALT = bytes(range(16))
TOLD = Disclosure(12, "name", SALT, "storage-lead")


def test_a_commitment_is_the_hash_that_the_document_says() -> None:
    expected = sha256(SALT + b'["name","storage-lead"]').hexdigest()
    assert commit(SALT, "name", "storage-lead") == f"sha256:{expected}"


def test_a_disclosure_is_one_canonical_line() -> None:
    assert TOLD.line == (
        b'{"field":"name","index":12,"salt":"000102030405060708090a0b0c0d0e0f","value":"storage-lead"}'
    )
    assert read(TOLD.line) == TOLD


@pytest.mark.parametrize(
    "other",
    [
        Disclosure(12, "name", SALT, "storage-Lead"),
        Disclosure(12, "who", SALT, "storage-lead"),
        Disclosure(12, "name", SALT[::-1], "storage-lead"),
    ],
)
def test_another_value_field_or_salt_does_not_open_it(other: Disclosure) -> None:
    assert opens(TOLD, TOLD.commitment)
    assert not opens(other, TOLD.commitment)


def test_field_and_value_cannot_be_shifted_into_each_other() -> None:
    assert commit(SALT, "a", "b") != commit(SALT, "ab", "")


@pytest.mark.parametrize("salt", [b"", SALT[:15], SALT + b"x"])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(ValueError, match="a salt has 16 bytes"):
        commit(salt, "name", "x")


GOOD = json.loads(TOLD.line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 60000,
        b"x" * (commitment.LARGEST_LINE + 1),
        TOLD.line.replace(b",", b", "),
        *(json.dumps(GOOD | change, sort_keys=True, separators=(",", ":")).encode() for change in (
            {"index": -1}, {"index": True}, {"index": "12"}, {"field": 3}, {"salt": "00"}, {"salt": 5}, {"more": 1},
            {"value": 1.5},
        )),
        *(json.dumps({key: GOOD[key] for key in GOOD if key != gone}).encode() for gone in GOOD),
    ],
)  # fmt: skip
def test_what_is_no_disclosure_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        read(line)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_disclosure_or_a_value_error(line: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert read(line).line == line
