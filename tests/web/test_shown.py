"""How values look on a page."""

import pytest

from gate.web import shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the plan moved", "The plan moved."),
        ("west-3: it failed", "west-3: it failed."),
        ("sidekick: no backup", "sidekick: no backup."),
        ("is it right?", "Is it right?"),
        ("", ""),
    ],
)
def test_a_sentence_begins_large_unless_it_begins_with_a_name(text: str, sentence: str) -> None:
    assert shown.sentence(text) == sentence


def test_limits_are_said_with_their_unit() -> None:
    assert shown.limit("latency_increase_floor_us", 500) == ("latency increase floor", "500 µs")
    assert shown.limit("soak_s", 1800) == ("soak", "30 min")
    assert shown.limit("latency_points_min", 20) == ("latency points min", "20")


@pytest.mark.parametrize("char", ["\x1b", "\x00", "\x9b", "\u202e", "\u2066", "\u2028", "\x7f"])
def test_what_a_screen_would_obey_is_spelled(char: str) -> None:
    assert shown.visible(f"a{char}b") == f"a\\u{ord(char):04x}b"


def test_plain_text_and_line_ends_stay() -> None:
    assert shown.visible("Grüße\r\n\tdown\n") == "Grüße\n\tdown\n"
