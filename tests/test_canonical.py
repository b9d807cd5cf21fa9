"""One value, one spelling: what is hashed or signed is the same everywhere, and what has no one spelling is refused."""

import enum
import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.canonical import LARGEST_INTEGER, digest, encode, sha256
from gate.change import Contracted, PassedOver, Plan, Stage, Swap, Target
from gate.step import Step
from tests.cases import plan, step

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert encode({"b": [1, True, None], "a": "é\u2028\u007f", "B": {}}) == (
        b'{"B":{},"a":"\xc3\xa9\xe2\x80\xa8\x7f","b":[1,true,null]}'
    )


def test_control_characters_are_spelled_as_rfc_8785_says() -> None:
    assert encode('\x00\b\t\n\f\r\x1f"\\/') == b'"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/"'


@pytest.mark.parametrize(
    ("value", "because"),
    [
        (1.0, r"\$: float"),
        ({"a": [0, float("nan")]}, r"\$\.a\[1\]: float"),
        (LARGEST_INTEGER + 1, "integer beyond"),
        (-LARGEST_INTEGER - 1, "integer beyond"),
        ("\ud800", "lone surrogate"),
        ("x\udfff", "lone surrogate"),
        ({"é": 1}, "not ASCII"),
        ({1: 1}, "not ASCII text"),
        (b"bytes", "bytes"),
        ({"a": {1, 2}}, r"\$\.a: set"),
        (("x", object()), r"\$\[1\]: object"),
    ],
)
def test_what_has_no_one_spelling_is_refused_with_its_place(value: Any, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        encode(value)


def test_the_largest_integers_either_way_are_kept() -> None:
    assert encode([LARGEST_INTEGER, -LARGEST_INTEGER]) == b"[9007199254740991,-9007199254740991]"


@given(VALUES)
def test_what_was_encoded_reads_back_equal_and_encodes_the_same(value: Any) -> None:
    data = encode(value)
    assert json.loads(data) == value
    assert encode(json.loads(data)) == data


def test_a_digest_says_its_hash_and_covers_the_canonical_bytes() -> None:
    assert sha256(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest({"b": 1, "a": ()}) == "sha256:" + hashlib.sha256(b'{"a":[],"b":1}').hexdigest()


def other_than(value: Any) -> Any:
    """A value of the same kind that differs materially."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, enum.Enum):
        return next(item for item in type(value) if item is not value)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, dict):
        return {**value, "another": 1}
    assert isinstance(value, tuple), value
    return (*value, value[0]) if value else (("fact", ("value",)),)


WORDS = [f"{field.name}-1" for field in fields(Swap) if field.name not in ("failed", "ports")]
SWAP = replace(Swap(*WORDS), failed=True, ports=("iqn.2026-11.x:b",))  # type: ignore[arg-type]  # words are text
CONTRACTOR = Contracted("person", "firm", "name", "sponsor", "from", "to", "changes", 300)
"""Every field filled in; what they mean is not asked here."""


def variants(value: Any) -> list[Any]:
    """Every copy of a dataclass that differs in one field, at any depth."""
    found = []
    for field in fields(value):
        old = getattr(value, field.name)
        if is_dataclass(old):
            found += [replace(value, **{field.name: inner}) for inner in (None, *variants(old))]
            continue
        found.append(replace(value, **{field.name: other_than(old)}))
        if isinstance(old, tuple):
            for place, item in enumerate(old):
                if is_dataclass(item):
                    found += [
                        replace(value, **{field.name: (*old[:place], inner, *old[place + 1 :])})
                        for inner in variants(item)
                    ]
            if len(old) > 1:
                found.append(replace(value, **{field.name: old[::-1]}))
    return found


def test_every_material_field_of_a_plan_is_in_its_digest_at_any_depth() -> None:
    sealed = plan(choice=(), part=SWAP, contractor=CONTRACTOR)
    others = [item for item in variants(sealed) if not item.choice]
    own = {type(item): len(fields(item)) for item in (step("x"), Stage("x", ()), Target("x", "x", "x", "x"))}
    least = len(fields(Plan)) - 1 + 5 * own[Step] + 2 * own[Stage] + 2 * own[Target]
    least += len(fields(Swap)) + len(fields(Contracted))
    assert len(others) >= least
    assert len({item.digest for item in others} | {sealed.digest}) == len({repr(item) for item in others}) + 1


def test_the_explanation_of_the_choice_is_not_in_the_digest() -> None:
    explained = plan(choice=(PassedOver("east-1", chosen=False, because="criticality"),))
    assert explained.digest == plan().digest
    named = plan(part=SWAP, contractor=CONTRACTOR)
    assert set(named.material()) == {field.name for field in fields(Plan)} - {"choice"}
    assert set(explained.material()) == set(named.material()) - {"part", "contractor"}
