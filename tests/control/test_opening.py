"""Opening a change: what is wrong with the file is told by line and column, and nothing is opened."""

import pytest

from gate.errors import BadInput, Refused
from tests.control.conftest import Room


def lines(room: Room, **changed: str) -> bytes:
    return room.stage.request(**changed)


def place(text: bytes, key: str, word: str) -> str:
    """Line and column of a word, as an editor counts them."""
    for number, line in enumerate(text.decode().splitlines(), 1):
        if line.startswith(f"{key}:"):
            return f"my.yaml:{number}:{line.index(word) + 1}"
    raise AssertionError(key)


@pytest.mark.parametrize(
    ("key", "value", "word", "message"),
    [
        ("targets", "[east-1, nowhere-9]", "nowhere-9", 'unknown array "nowhere-9"'),
        ("playbook", "storage-virtualize/nothing", "storage", "there is no such file"),
        ("family", "ontapp", "ontapp", 'unknown family "ontapp"'),
        ("targets", "[east-1, east-1]", "east-1, east-1]", "is there twice"),
        ("kind", "software", "software", 'unknown kind "software"'),
    ],
)
def test_a_bad_word_is_named_with_its_place(room: Room, key: str, value: str, word: str, message: str) -> None:
    text = lines(room, **{key: value})
    before = room.control.size()
    with pytest.raises(BadInput, match=message) as bad:
        room.control.open(room.who("storage-engineer"), text, "my.yaml")
    where = place(text, key, word) if "twice" not in message else f"{place(text, key, word).rpartition(':')[0]}:"
    assert bad.value.place.startswith(where)
    assert room.control.size() == before


@pytest.mark.parametrize("playbook", ["../config", "/etc/passwd", "storage-virtualize/../../config", "a"])
def test_a_playbook_is_never_a_path(room: Room, playbook: str) -> None:
    with pytest.raises(BadInput) as bad:
        room.control.open(room.who("storage-engineer"), lines(room, playbook=playbook), "my.yaml")
    assert bad.value.place.startswith("my.yaml:7:")


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe\x00", b"title: [1, 2", b"a: &x 1\nb: *x\n", b"title: one\ntitle: two\n", b"x" * 2_000_000],
)
def test_what_is_no_change_file_is_refused_with_a_place(room: Room, text: bytes) -> None:
    with pytest.raises(BadInput) as bad:
        room.control.open(room.who("storage-engineer"), text, "my.yaml")
    assert bad.value.place.startswith("my.yaml:")


@pytest.mark.parametrize("name", ["auditor", "storage-lead", "performer", "contractor"])
def test_only_a_requester_opens_and_the_attempt_is_an_entry(room: Room, name: str) -> None:
    with pytest.raises(Refused, match="is not a requester"):
        room.control.open(room.who(name), lines(room), "my.yaml")
    last = room.last()
    assert (last.kind, last.change, last.data["who"]) == ("attempt.refused", None, name)


def test_numbers_follow_each_other_and_the_request_is_kept_as_it_was(room: Room) -> None:
    first, second = room.opened(), room.opened(title="Another one")
    assert int(second.removeprefix("chg-")) == int(first.removeprefix("chg-")) + 1
    assert room.standing(second).title == "Another one"
    assert room.standing(second).requester == "storage-engineer"
