"""The full read of a database: equal digests mean equal content, and an incomplete answer is none. sqlite3 judges."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate.backups.examiner import Content
from gate.backups.sqlite_rows import content, holds_rows, statement
from gate.evidence import Reply
from gate.inventory import Dataset
from tests.backups.local import Asker, drive, failed, lost, on_this_machine, saying, spoilt


def read(dataset: Dataset, asker: Asker = on_this_machine) -> Content:
    return drive(content(dataset.path, dataset.tables), asker)


def edit(dataset: Dataset, *statements: str) -> None:
    with sqlite3.connect(dataset.path) as connection:
        for each in statements:
            connection.execute(each)
    connection.close()


def test_every_table_is_counted_and_hashed_in_the_order_asked_for(dataset: Dataset) -> None:
    found = read(dataset)
    assert found.problem == ""
    assert [(table.table, table.rows) for table in found.tables] == [("contacts", 4), ("notes", 1), ("empty_one", 0)]
    assert len({table.digest for table in found.tables}) == 3
    assert len(found.raw) == 6


def test_the_same_content_laid_out_otherwise_on_disk_has_the_same_digests(dataset: Dataset) -> None:
    before = read(dataset).tables
    edit(dataset, "PRAGMA page_size = 8192", "VACUUM")
    assert read(dataset).tables == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contacts SET name = 'O''Hare' WHERE id = 1",
        "UPDATE contacts SET name = 'a' || char(0) || 'c' WHERE id = 2",  # behind a NUL
        "UPDATE contacts SET name = 'a' WHERE id = 2",
        "UPDATE contacts SET name = CAST('Ümit' AS BLOB) WHERE id = 4",  # same bytes, other storage class
        "UPDATE contacts SET weight = 0.10000000000000002 WHERE id = 1",  # the next number above
        "UPDATE contacts SET weight = 0 WHERE weight IS NULL",
        "UPDATE contacts SET photo = NULL WHERE id = 3",  # empty is not NULL
        'UPDATE contacts SET "order" = id',
        "UPDATE contacts SET id = 9 WHERE id = 4",
        "DELETE FROM contacts WHERE id = 4",
    ],
)
def test_every_change_of_content_changes_the_digest(dataset: Dataset, change: str) -> None:
    before = read(dataset).tables
    edit(dataset, change)
    after = read(dataset).tables
    assert after[0].digest != before[0].digest
    assert after[1:] == before[1:]


@pytest.mark.parametrize(
    "damage",
    [
        lost,
        failed,
        saying(b""),
        lambda reply: replace(reply, stdout=reply.stdout[:-1]),
        lambda reply: replace(reply, stdout=reply.stdout[: reply.stdout.rindex(b"#")]),
        lambda reply: replace(reply, stdout=reply.stdout.split(b"\n", 1)[1]),
        lambda reply: replace(reply, stdout=b"x\n" + reply.stdout),
    ],
)
def test_an_answer_that_is_not_whole_is_a_problem(dataset: Dataset, damage: Callable[[Reply], Reply]) -> None:
    rows = f"sqlite3 -readonly -list {dataset.path} 'SELECT line"
    found = read(dataset, spoilt(on_this_machine, {rows: damage}))
    assert found.tables == ()
    assert "the rows of contacts" in found.problem


def test_a_table_that_is_missing_is_a_problem(dataset: Dataset) -> None:
    edit(dataset, "DROP TABLE notes")
    found = read(dataset)
    assert [table.table for table in found.tables] == ["contacts"]
    assert "there is no table notes" in found.problem


def test_a_view_in_place_of_a_table_is_a_problem(dataset: Dataset) -> None:
    edit(dataset, "DROP TABLE notes", "CREATE VIEW notes AS SELECT 1 AS contact, 'hello' AS body")
    assert "there is no table notes" in read(dataset).problem


def test_a_table_without_row_ids_is_a_problem(dataset: Dataset) -> None:
    edit(dataset, "DROP TABLE notes", "CREATE TABLE notes (contact PRIMARY KEY, body) WITHOUT ROWID")
    assert "the rows of notes" in read(dataset).problem


def test_a_column_whose_name_would_need_quoting_is_a_problem(dataset: Dataset) -> None:
    edit(dataset, """ALTER TABLE notes ADD COLUMN "a'b" TEXT""")
    assert "cannot be asked for" in read(dataset).problem


def test_a_file_that_is_no_database_is_a_problem(dataset: Dataset) -> None:
    Path(dataset.path).write_bytes(b"x" * 4096)
    assert "the columns of contacts" in read(dataset).problem


def test_a_table_name_outside_its_pattern_is_never_put_into_a_command(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="no name of a table"):
        drive(content(dataset.path, ("x; DROP",)), on_this_machine)


def test_no_statement_holds_a_single_quote(dataset: Dataset) -> None:
    said: list[str] = []
    drive(content(dataset.path, dataset.tables), on_this_machine, said)
    assert all(command.count("'") == 2 and command.isascii() and command.isprintable() for command in said)
    with pytest.raises(ValueError, match="single quote"):
        statement(dataset.path, "SELECT 'x'")


def test_only_the_answers_that_hold_rows_are_told_apart(dataset: Dataset) -> None:
    said: list[str] = []
    drive(content(dataset.path, dataset.tables), on_this_machine, said)
    assert [holds_rows(command) for command in said] == [False, True] * 3
