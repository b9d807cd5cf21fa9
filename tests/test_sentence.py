from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.sentence import Later, Sentence, by_number, every, several, spell


@pytest.mark.parametrize(
    ("sentence", "spelled"),
    [
        ("as it is, {} and all", "as it is, {} and all"),
        (("{} of {}", 2, 3), "2 of 3"),
        (("{} ago, limit {}", timedelta(hours=3, minutes=4), timedelta(days=1)), "3 h 4 min ago, limit 1 d"),
        (("until {}", datetime(2026, 11, 22, 12, 30, 59, tzinfo=UTC)), "until 2026-11-22T12:30Z"),
        (("{}, {} before", ("all {} files", 7), 8), "all 7 files, 8 before"),
        (("{} says {}", "a {tool}", "{0}{}"), "a {tool} says {0}{}"),
    ],
)
def test_a_sentence_is_put_together_from_its_parts_and_no_part_is_a_template(sentence: Sentence, spelled: str) -> None:
    assert spell(sentence) == spelled


@dataclass(frozen=True)
class Told:
    name: str
    words: Later[str] = Later()  # noqa: RUF009
    parts: Later[tuple[str, ...]] = Later(tuple)  # noqa: RUF009


def test_what_is_given_as_its_maker_is_made_once_when_it_is_read() -> None:
    made: list[str] = []

    def make() -> str:
        made.append("once")
        return "the sentence"

    told = Told("a", make)
    assert not made
    assert (told.words, told.words, told.parts) == ("the sentence", "the sentence", ())
    assert made == ["once"]


def test_two_are_equal_by_their_values_whenever_they_were_made() -> None:
    late = Told("a", lambda: "words", lambda: ("part",))
    assert late == Told("a", "words", ("part",))
    assert late != Told("a", "words", ("other",))
    assert replace(late, name="b") == Told("b", "words", ("part",))
    assert repr(late) == repr(Told("a", "words", ("part",)))


def test_a_field_without_a_default_must_be_given_and_none_can_be_changed() -> None:
    with pytest.raises(TypeError, match="words"):
        Told("a")
    with pytest.raises(FrozenInstanceError):
        Told("a", "words").words = "others"  # type: ignore[misc]


def test_what_cannot_be_made_says_so_each_time() -> None:
    told = Told("a", lambda: str(1 // 0))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = told.words


def test_one_thing_is_no_many() -> None:
    assert [several(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert [every(count, "file") for count in (1, 2)] == ["the one file", "all 2 files"]
    assert [by_number(count, "was", "were") for count in (0, 1, 2)] == ["were", "was", "were"]
