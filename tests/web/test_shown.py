"""How values look on a page."""

import pytest

from gate.web import shown, stages


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the plan moved", "The plan moved."),
        ("west-3: it failed", "west-3: it failed."),
        ("sidekick: no backup", "sidekick: no backup."),
        ("is it right?", "Is it right?"),
        ("as of 2026-11-22T21:53:07.096881Z", "As of 22 Nov 2026, 21:53:07 UTC."),
        ("locked until 2026-12-23T13:35Z, needed", "Locked until 23 Dec 2026, 13:35 UTC, needed."),
        ("backup 20261122T010000Z", "Backup 20261122T010000Z."),
        ("", ""),
    ],
)
def test_a_sentence_begins_large_unless_it_begins_with_a_name(text: str, sentence: str) -> None:
    assert shown.sentence(text) == sentence


def test_limits_are_said_with_their_unit() -> None:
    assert shown.limit("latency_increase_floor_us", 500) == ("and by more than", "500 µs")
    assert shown.limit("latency_deadline_us", 10_000_000) == ("a read counts as failed after", "10 s")
    assert shown.limit("latency_deadline_us", 2_500) == ("a read counts as failed after", "2.5 ms")
    assert shown.limit("soak_s", 1800) == ("watched for", "30 min")
    assert shown.limit("latency_points_min", 20) == ("fewest reads to judge by", "20")
    assert shown.limit("rest_of_it_percent", 5) == ("rest of it", "5 %")


def test_limits_are_told_in_the_order_in_which_they_are_understood() -> None:
    sealed = {"latency_increase_floor_us": 500, "zeal": 1, "latency_increase_max_percent": 50, "soak_s": 6}
    told = ["watched for", "slower if it rises by more than", "and by more than", "zeal"]
    assert [words for words, _ in shown.limits(sealed)] == told


def test_a_time_of_day_is_told_with_its_zone() -> None:
    assert shown.clock("2026-11-22T21:53:07Z") == "21:53:07 UTC"


@pytest.mark.parametrize("char", ["\x1b", "\x00", "\x9b", "\u202e", "\u2066", "\u2028", "\x7f"])
def test_what_a_screen_would_obey_is_spelled(char: str) -> None:
    assert shown.visible(f"a{char}b") == f"a\\u{ord(char):04x}b"


def test_plain_text_and_line_ends_stay() -> None:
    assert shown.visible("Grüße\r\n\tdown\n") == "Grüße\n\tdown\n"


@pytest.mark.parametrize(
    ("outcomes", "opens", "begun", "note", "tone"),
    [
        (("passed", "passed"), True, False, "all 2 passed", "done"),
        (("passed", "failed"), False, False, "1 of 2 red", "bad"),
        (("passed", "failed"), True, False, "1 of 2 passed, 1 accepted", "done"),
        (("unknown", "passed"), True, True, "1 of 2 passed, 1 accepted", "done"),
    ],
)
def test_what_was_accepted_though_red_is_not_told_as_passed(
    outcomes: tuple[str, ...], opens: bool, begun: bool, note: str, tone: str
) -> None:
    verdict = {"opens": opens, "findings": [{"outcome": one} for one in outcomes], "missing": []}
    view: dict[str, object] = {
        "state": "open" if opens else "refused",
        "verdict": verdict,
        "seats": [],
        "stages": [],
        "hold": "",
    }
    checked = stages.beads({**view, "requester": "engineer", "run": {} if begun else None})[1]
    assert (checked.note, checked.tone) == (note, tone)
