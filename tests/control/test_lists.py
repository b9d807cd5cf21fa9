"""The list of changes: a projection that catches up, can be thrown away, and never hides what cannot be read."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.canonical import Json
from gate.control.lists import Lists
from gate.errors import CannotTell, Outside
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

ORIGIN = "gate.example.com/ledger/1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(tmp_path / "ledger.db", signer=keys.create(tmp_path / "ledger.key", ORIGIN))
    yield opened
    opened.close()


def begin(ledger: SqliteLedger, number: int) -> str:
    change = f"chg-{number:04d}"
    data: dict[str, Json] = {"title": f"Change {number}", "request": {"targets": ["east-1"]}, "number": number}
    ledger.append(Draft("change.opened", GATE, change, data))
    return change


def test_rows_follow_the_ledger_the_newest_first(tmp_path: Path, ledger: SqliteLedger) -> None:
    lists = Lists(tmp_path / "working.db", ledger)
    assert lists.rows() == []
    one, two = begin(ledger, 1), begin(ledger, 2)
    assert [row["id"] for row in lists.rows()] == [two, one]
    ledger.append(Draft("hold.placed", GATE, one, {"reason": "smoke"}))
    assert [row["hold"] for row in lists.rows()] == ["", "smoke"]


def test_what_is_rebuilt_is_what_was_there_and_rows_of_no_change_are_gone(tmp_path: Path, ledger: SqliteLedger) -> None:
    lists = Lists(tmp_path / "working.db", ledger)
    begin(ledger, 1)
    begin(ledger, 2)
    rows = lists.rows()
    forged = sqlite3.connect(tmp_path / "working.db")
    forged.execute("INSERT INTO change_row VALUES ('chg-0009', 9, '{\"id\": \"chg-0009\"}')")
    forged.commit()
    forged.close()
    assert len(lists.rows()) == 3
    assert lists.rebuild() == 2
    assert lists.rows() == rows


def test_a_list_that_has_not_moved_is_read_without_writing(tmp_path: Path, ledger: SqliteLedger) -> None:
    lists = Lists(tmp_path / "working.db", ledger)
    begin(ledger, 1)
    rows = lists.rows()
    writer = sqlite3.connect(tmp_path / "working.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert lists.rows() == rows
        begin(ledger, 2)
        with pytest.raises(Outside, match="working database cannot be used"):
            lists.rows()
    finally:
        writer.close()
    assert len(lists.rows()) == 2


def test_a_history_that_cannot_be_read_is_told_and_not_left_out(tmp_path: Path, ledger: SqliteLedger) -> None:
    lists = Lists(tmp_path / "working.db", ledger)
    broken = begin(ledger, 1)
    begin(ledger, 2)
    ledger.append(Draft("hold.placed", GATE, broken, {"reason": ""}))
    with pytest.raises(CannotTell, match=f"{broken}: entry 2 is no hold.placed that can be read"):
        lists.rows()
