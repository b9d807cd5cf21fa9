"""Counters: what is rounded, cleared or gone round is not known, and never zero."""

from hypothesis import given
from hypothesis import strategies as st

from gate.families.counters import exact, grown, total

COUNTS = st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 2**64), max_size=3)


def test_a_counter_is_exact_or_not_known() -> None:
    assert [exact(word) for word in ("0", "42", "1.2g", "500k", "-1", "", "٣", "0x10")] == [0, 42, *[None] * 6]


def test_what_has_grown_is_told_and_what_became_smaller_is_not_known() -> None:
    before = {"a": 5, "b": 2**32 - 1, "c": None, "d": 1, "same": 8}
    growth = grown(before, {"a": 7, "b": 3, "c": 4, "e": 9, "same": 8})
    assert growth == {"a": 2, "b": None, "c": None, "d": None, "e": None, "same": 0}


@given(COUNTS, COUNTS)
def test_no_growth_is_said_only_of_two_equal_exact_counters(
    before: dict[str, int | None], after: dict[str, int | None]
) -> None:
    for name, growth in grown(before, after).items():
        if growth == 0:
            assert before[name] is not None
            assert before[name] == after[name]
        assert growth is None or growth >= 0


def test_a_sum_is_known_only_of_what_is_all_known() -> None:
    assert total({"a": 1, "b": 2}) == 3
    assert total({"a": 1, "b": None}) is None
    assert total({}) is None
