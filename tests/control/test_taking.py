"""Who may take what: the table of the page, cell by cell, as the code decides it."""

import re

import pytest

from gate.control.taking import Part, part_of, why_not
from gate.export.selection import selection
from gate.person import Person, Role
from gate.policy import Seat
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = re.search(r"(?m)^\| who \|(.*)\|\n\|[-|]*\n((?:^\|.*\n)*)", PAGE)
COLUMNS = {
    "one change: its pack, or an export of it": Part.CHANGE,
    "the whole record, a period, a kind, a person": Part.RECORD,
    "personal values, in a pack": Part.PERSONAL,
}


def somebody(words: str) -> list[Person]:
    """Everybody that the first cell of a row means; each has nothing else."""
    made = [Person("a", frozenset({role})) for role in Role if role in words.replace("administrator", "admin")]
    if "seat" in words:
        made += [Person("a", seats=frozenset({seat})) for seat in Seat]
    return made


def test_the_page_says_what_the_code_does_for_everybody() -> None:
    assert ROWS is not None
    heads = [cell.strip() for cell in ROWS[1].strip("| ").split("|")]
    assert heads == list(COLUMNS)
    seen: set[str] = set()
    for line in ROWS[2].splitlines():
        who, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        people = somebody(who)
        assert people or who.startswith("nothing")
        for head, cell in zip(heads, cells, strict=True):
            for one in people or [Person("a")]:
                assert (why_not(one, COLUMNS[head]) == "") == (cell == "yes"), (who, head)
        seen.update(*(one.roles for one in people))
    assert seen == set(Role)


@pytest.mark.parametrize("contractor", [False, True])
def test_a_contractor_is_barred_by_having_no_role_and_not_by_being_one(contractor: bool) -> None:
    performer = Person("a", frozenset({Role.PERFORMER}), contractor=contractor)
    auditor = Person("a", frozenset({Role.AUDITOR}), contractor=contractor)
    assert why_not(performer, Part.RECORD)
    assert not why_not(auditor, Part.RECORD)


def test_only_a_selection_of_one_change_is_one_change() -> None:
    assert part_of(selection(change="chg-0001", since="2026-01-01")) is Part.CHANGE
    for taken in (selection(), selection(since="2026-01-01"), selection(kinds=["approval.*"]), selection(actor="lead")):
        assert part_of(taken) is Part.RECORD
