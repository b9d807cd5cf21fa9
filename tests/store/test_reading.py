"""What the ledger hands out in bulk is joined by SQLite only where its order is certain."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gate.errors import CannotTell
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.reading import JOINED, bodies_to_join, joined_bodies, joins_upwards
from gate.store.sqlite import open_ledger

INSIDE = JOINED.replace("FROM entry WHERE idx >= ? AND idx < ?", "FROM (SELECT body FROM entry WHERE {0})")
ROUND = "SELECT count(*), group_concat(body, x'0a') OVER (ORDER BY {0}) FROM entry WHERE idx >= ? AND idx < ?"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    ledger = open_ledger(tmp_path / "ledger.db", signer=keys.create(tmp_path / "key", "gate.example.com/ledger/1"))
    ledger.append_all([Draft("hold.placed", GATE, "chg-0001", {"reason": f"é\0{number}"}) for number in range(20)])
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        yield connection


def test_the_question_that_is_asked_joins_upwards(database: sqlite3.Connection) -> None:
    assert joins_upwards(database)


@pytest.mark.parametrize(
    "question",
    [
        INSIDE.format("idx >= ? AND idx < ? ORDER BY idx DESC"),
        INSIDE.format("idx >= ? AND idx < ? ORDER BY body"),
        INSIDE.format("+idx >= ? AND +idx < ?"),
        JOINED.replace("idx >=", "change IS NOT NULL AND seq >="),
        JOINED.replace("FROM entry", "FROM entry JOIN head"),
        ROUND.format("body"),
    ],
)
def test_any_other_program_is_no_promise_of_an_order(database: sqlite3.Connection, question: str) -> None:
    assert not joins_upwards(database, question)


@pytest.mark.parametrize(("low", "high"), [(0, 21), (3, 7), (20, 21), (20, 40), (30, 31)])
def test_both_ways_of_joining_give_the_same(database: sqlite3.Connection, low: int, high: int) -> None:
    assert joined_bodies(database, low, high) == bodies_to_join(database, low, high)


def test_a_hole_in_the_file_is_not_exported_as_if_it_were_none(tmp_path: Path) -> None:
    signer = keys.create(tmp_path / "key", "gate.example.com/ledger/1")
    ledger = open_ledger(tmp_path / "ledger.db", signer=signer)
    ledger.append_all([Draft("hold.placed", GATE, "chg-0001", {})] * 300)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database, database:
        database.execute("DROP TRIGGER entry_no_delete")
        database.execute("DELETE FROM entry WHERE idx = 270")
    lines = ledger.lines()
    assert next(lines)[0] == 250
    with pytest.raises(CannotTell, match="between 250 and 301"):
        next(lines)
    ledger.close()
