"""What the administrator of the database changes while the gate runs is seen at the next decision, in every process."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.gather.integrity import Integrity
from gate.ledger.entry import GATE, Actor, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

CHANGE = "chg-0001"
HOLD = 2
"""The place of the hold in the log."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    signer = keys.create(tmp_path / "ledger.key", "gate.example.com/ledger/1")
    with closing(open_ledger(tmp_path / "ledger.db", signer=signer)) as made:
        made.append(Draft("change.opened", GATE, CHANGE, {"title": "8.7", "number": 1}))
        made.append(Draft("hold.placed", Actor("person", "dora"), CHANGE, {"reason": "smoke"}))
        yield made


def state(ledger: SqliteLedger) -> str:
    return Integrity(ledger, lambda: datetime.now(UTC)).state(()).problem


def by_hand(ledger: SqliteLedger, *statements: str) -> None:
    """Change the file as its administrator can: the triggers are away meanwhile, and there again afterwards."""
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (*(f"DROP TRIGGER {name}" for name, _ in triggers), *statements):
            connection.execute(statement)
        for _, trigger in triggers:
            connection.execute(trigger)


HIDDEN = f"UPDATE entry SET change = NULL, seq = NULL WHERE idx = {HOLD}"
MOVED = f"UPDATE entry SET change = 'chg-0002', seq = 1 WHERE idx = {HOLD}"
EDITED = f"UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'smoke', 'fine!') AS BLOB) WHERE idx = {HOLD}"
NARROWER = f"replace(sql, 'IS NOT NULL', 'IS NOT NULL AND idx <> {HOLD}')"
OUT_OF_THE_INDEX = (
    "PRAGMA writable_schema = ON",
    f"UPDATE sqlite_master SET sql = {NARROWER} WHERE name = 'entry_of_change'",
    "PRAGMA writable_schema = RESET",
    "REINDEX",
    "PRAGMA writable_schema = ON",
    f"UPDATE sqlite_master SET sql = replace(sql, ' AND idx <> {HOLD}', '') WHERE name = 'entry_of_change'",
    "PRAGMA writable_schema = RESET",
)


def test_a_whole_record_is_said_to_be_whole(ledger: SqliteLedger) -> None:
    assert state(ledger) == ""
    ledger.append(Draft("hold.lifted", Actor("person", "dora"), CHANGE, {"reason": "steam"}))
    assert state(ledger) == ""


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ((HIDDEN,), "entry 2 is not found where"),
        ((MOVED,), "entry 2 is not found where"),
        ((EDITED,), "do not hash to its signed head"),
        (OUT_OF_THE_INDEX, "the index of the changes does not lead"),
        (("UPDATE entry SET idx = -1 WHERE idx = 2",), "missing"),
    ],
)
def test_what_is_changed_by_hand_is_seen_by_the_process_that_had_read_it_and_by_a_new_one(
    ledger: SqliteLedger, statements: tuple[str, ...], said: str
) -> None:
    running = Integrity(ledger, lambda: datetime.now(UTC))
    ledger.append(Draft("auth.signed_in", Actor("person", "dora"), data={"method": "password"}))
    assert running.state(()).problem == ""
    by_hand(ledger, *statements)
    found = running.state(()).problem
    assert said in found
    assert state(ledger) == found


@pytest.mark.parametrize("statements", [(HIDDEN,), (MOVED,), OUT_OF_THE_INDEX])
def test_a_hold_that_no_history_finds_any_more_makes_the_record_not_whole(
    ledger: SqliteLedger, statements: tuple[str, ...]
) -> None:
    by_hand(ledger, *statements)
    assert [entry.kind for entry in ledger.history(CHANGE)] == ["change.opened"]
    assert state(ledger)


def test_a_table_or_view_that_is_none_of_ours_makes_the_record_not_whole(ledger: SqliteLedger) -> None:
    by_hand(ledger, f"CREATE VIEW history AS SELECT * FROM entry WHERE idx <> {HOLD}")
    assert "the ledger's history is none of ours" in state(ledger)
