"""Keeping raw replies while a reader asks, and tidying up when they cannot be kept. This machine's tools answer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups.rehearsal import rehearse
from gate.backups.sqlite_copy import TOOL
from gate.backups.sqlite_engine import EXAMINER
from gate.backups.sqlite_rows import content
from gate.errors import LedgerUnavailable
from gate.evidence import BackupRun, Reply
from gate.gather.interview import interview, side_by_side
from gate.store.sqlite import SqliteLedger
from tests.backups.local import made_dataset, made_protection, on_this_machine
from tests.parts import need


def test_schema_is_kept_and_rows_are_only_hashed(tmp_path: Path, ledger: SqliteLedger) -> None:
    need("sqlite3")
    dataset = made_dataset(tmp_path)
    done = interview(content(dataset.path, ("contacts", "notes")), on_this_machine, ledger)
    columns, rows = done.found.raw[0], done.found.raw[1]
    assert ledger.get_blob(columns) == b"id\nname\nweight\nphoto\norder\n"
    assert ledger.get_blob(rows) is None
    assert rows == done.found.tables[0].digest
    assert [blob.sha256 for blob in done.kept] == [columns, done.found.raw[2]]


def test_when_a_reply_cannot_be_kept_the_scratch_is_removed_all_the_same(tmp_path: Path, ledger: SqliteLedger) -> None:
    dataset, protection = made_dataset(tmp_path), made_protection(tmp_path)
    run = BackupRun("20261120T010000Z", datetime(2026, 11, 20, 1, tzinfo=UTC), 1, "sha256:" + "0" * 64)
    stored = Path(protection.repository) / run.id
    stored.mkdir(parents=True)
    (stored / "sidekick.db").write_bytes(b"x")
    said: list[str] = []

    def ask(command: str) -> Reply:
        said.append(command)
        if command.startswith("sha256sum"):  # from here on a blob has no place: where its folder should be is a file
            ledger.path.with_name(ledger.path.name + ".blobs").write_bytes(b"")
        return on_this_machine(command)

    with pytest.raises(LedgerUnavailable):
        interview(rehearse(TOOL, EXAMINER, protection, dataset, run, "6005", (), "gate.example"), ask, ledger)
    assert said[-1] == f"rm -rf {protection.rehearsal_scratch}/{protection.id}"
    assert list(Path(protection.rehearsal_scratch).iterdir()) == []


def test_results_come_in_the_order_asked_for_and_an_error_is_raised() -> None:
    told: list[int] = []
    assert side_by_side(lambda number: number * 2, range(9), 3, lambda number, _: told.append(number)) == [
        number * 2 for number in range(9)
    ]
    assert told == list(range(9))
    assert side_by_side(lambda number: number, [], 3) == []
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, [1, 0], 2)
