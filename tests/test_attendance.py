"""What two people say of a step that is done by hand: who may say it, and what exactly is signed."""

import json
from dataclasses import replace

import pytest

from gate.attendance import Confirmation, Word, may_confirm, read_confirmation
from gate.person import Person, Role
from gate.policy import Seat

PERFORMER = Person("performer", frozenset({Role.PERFORMER}))
OTHER = Person("other", frozenset({Role.PERFORMER}))
OWNER = Person("owner", seats=frozenset({Seat.DATA_OWNER}))
CONTRACTOR = Person("contractor", frozenset({Role.PERFORMER}), contractor=True)
AUDITOR = Person("auditor", frozenset({Role.AUDITOR}))
SAID = Confirmation("gate.example", "chg-0001", "sha256:x", "forward", "load", "4", "done", "performer", "", "n")


@pytest.mark.parametrize("person", [PERFORMER, CONTRACTOR])
def test_a_performer_says_that_it_is_done(person: Person) -> None:
    assert may_confirm(person, Word.DONE, "asker", {}) == ""


@pytest.mark.parametrize("person", [OWNER, OTHER])
def test_another_person_says_that_they_saw_it(person: Person) -> None:
    assert may_confirm(person, Word.SEEN, "asker", {Word.DONE: "performer"}) == ""
    assert may_confirm(person, Word.SEEN, "asker", {}) == ""


@pytest.mark.parametrize(
    ("person", "word", "others", "why"),
    [
        (OWNER, Word.DONE, {}, "not a performer"),
        (AUDITOR, Word.SEEN, {}, "only a performer or the holder of a seat"),
        (CONTRACTOR, Word.SEEN, {}, "a contractor is not the second pair of eyes"),
        (PERFORMER, Word.SEEN, {Word.DONE: "performer"}, "one person gives one"),
        (PERFORMER, Word.DONE, {Word.SEEN: "performer"}, "one person gives one"),
        (OTHER, Word.DONE, {Word.DONE: "performer"}, "was confirmed by performer"),
        (replace(PERFORMER, id="asker"), Word.DONE, {}, "the requester"),
        (replace(OWNER, id="asker"), Word.SEEN, {}, "the requester"),
    ],
)
def test_who_may_not_say_it_is_told_why(person: Person, word: Word, others: dict[Word, str], why: str) -> None:
    assert why in may_confirm(person, word, "asker", others)


def test_a_statement_reads_back_only_as_it_was_written() -> None:
    assert read_confirmation(SAID.text()) == SAID
    fields = json.loads(SAID.text())
    for text in (
        json.dumps(fields),
        SAID.text() + " ",
        SAID.text().replace('"v":1', '"v":2'),
        json.dumps(fields | {"number": 4}, separators=(",", ":"), sort_keys=True),
        "[" * 100_000,
        "null",
    ):
        with pytest.raises(ValueError):
            read_confirmation(text)
