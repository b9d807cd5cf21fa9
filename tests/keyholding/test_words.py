"""What is said over the socket, whatever somebody says there."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.keyholding import words
from gate.keyholding.following import Head, follow, unpacked
from gate.ledger import merkle

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["ask", "start", "bodies", "checkpoint", "change", "array", "phase", "number", "plan", "verdict", "public_key"]
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_said_is_an_ask_or_a_value_error(said: bytes) -> None:
    try:
        words.asked(said)
    except ValueError:
        return
    pytest.fail("none of these is anything that can be asked")


@given(st.sampled_from(sorted(words.ASKS)), st.dictionaries(KEYS, JSON, max_size=8))
def test_an_ask_with_anything_in_it_is_read_strictly(ask: str, fields: dict[str, object]) -> None:
    try:
        found = words.asked(json.dumps({**fields, "ask": ask}).encode())
    except ValueError:
        return
    assert found.ask == ask
    assert set(fields) - {"ask"} <= set(type(found).model_fields)


def test_a_frame_says_its_length_and_no_frame_is_endless() -> None:
    made = words.framed({"ask": "where"})
    assert words.length(made[: words.HEADER]) == len(made) - words.HEADER
    with pytest.raises(ValueError, match="at most"):
        words.length(struct.pack(">I", words.LARGEST + 1))


@settings(deadline=None)
@given(st.integers(0, 300))
def test_a_head_is_kept_and_read_again_as_it_was(size: int) -> None:
    frontier: merkle.Frontier = ()
    for number in range(size):
        frontier, _ = merkle.extend(number, frontier, merkle.leaf_hash(b"%d" % number))
    head = Head(size, frontier)
    assert unpacked(size, head.packed) == head
    with pytest.raises(ValueError, match="not whole"):
        unpacked(size + 1 if (size + 1).bit_count() != size.bit_count() else size + 2, head.packed + b"")


def test_what_is_no_entry_is_not_followed() -> None:
    for body in (b"", b"{}", b"[]", b'{"v":2}'):
        with pytest.raises(Exception, match="entry 0"):
            follow(Head(), [body])
