"""The SQLite export: what an auditor asks first, and no cell that can be changed unseen."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils import Database
from sqlite_utils.cli import cli

from gate.canonical import Json
from gate.errors import CannotTell, Outside
from gate.export import database, plugin, population
from gate.export.described import metadata
from gate.export.recheck import Wrong, recheck
from gate.export.rows import TABLES
from gate.export.selection import selection
from gate.export.views import VIEWS
from gate.ledger.entry import Actor, Draft
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE, drafts, make_ledger, write

MADE = "2026-11-22T20:30:00.000000Z"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> SqliteLedger:
    made = make_ledger(tmp_path_factory.mktemp("ledger"))
    write(made, drafts(made))
    made.append(Draft("attempt.refused", Actor("person", "adam"), None, {"what": "start", "why": "no", "who": "adam"}))
    opened: dict[str, Json] = {"title": "Asked and signed by one", "number": 2}
    made.append(Draft("change.opened", Actor("person", "lead"), "chg-0002", opened))
    signed = {"seat": "storage", "decision": "approve", "method": "session"}
    made.append(Draft("approval.signed", Actor("person", "lead"), "chg-0002", signed))
    made.append(Draft("stage.started", Actor("person", "operator"), "chg-0002", {"stage": "canary"}))
    return made


@pytest.fixture(scope="module")
def file(ledger: SqliteLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "ledger.db"
    database.write(ledger, population.begin(ledger, MADE), path)
    return path


def asked(file: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute(query).fetchall()


def test_it_holds_the_exact_entries_and_every_reference_leads_somewhere(ledger: SqliteLedger, file: Path) -> None:
    assert [row[0] for row in asked(file, "SELECT body FROM entry ORDER BY idx")] == list(ledger.bodies())
    assert asked(file, "PRAGMA foreign_key_check") == []
    assert asked(file, "PRAGMA integrity_check") == [("ok",)]
    assert {key.other_table for key in Database(file).table("approval").foreign_keys} == {"entry", "change"}


def test_the_first_questions_are_answered(file: Path) -> None:
    population = asked(file, "SELECT id, requester, signed_by, performer, outcome FROM population")
    assert population[0] == (CHANGE, "engineer", "storage: lead, data-owner: owner", "steward", "held")
    assert asked(file, "SELECT id FROM not_closed") == [("chg-0002",)]
    assert asked(file, "SELECT who, what, why FROM refused_attempts") == [("adam", "start", "no")]
    assert asked(file, "SELECT id, approvals FROM begun_without_two_approvals") == [("chg-0002", 1)]
    assert asked(file, "SELECT id, approver FROM duties_not_apart") == [("chg-0002", "lead")]
    assert {row[0] for row in asked(file, "SELECT approver FROM signed_by_session")} == {"owner", "lead"}
    assert asked(file, "SELECT * FROM gaps") == []


def test_a_gap_shows_where_entries_were_left_out(ledger: SqliteLedger, tmp_path: Path) -> None:
    taken = selection(kinds=["change.*", "approval.*"])
    database.write(ledger, population.begin(ledger, MADE, taken), tmp_path / "part.db")
    assert [row[0] for row in asked(tmp_path / "part.db", "SELECT id FROM gaps")] == [CHANGE]


def test_words_are_found(file: Path) -> None:
    found = Database(file).table("entry").search("storage")
    assert {row["kind"] for row in found} == {"approval.signed"}


def test_every_table_column_and_view_says_what_it_is(file: Path) -> None:
    described = {(row[0], row[1]) for row in asked(file, "SELECT of, \"column\" FROM described WHERE means != ''")}
    with sqlite3.connect(file) as connection:
        for table in TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            assert {(table, column) for column in ("", *columns)} <= described
        for view in VIEWS:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
            assert {(view, column) for column in ("", *columns)} <= described
    told = json.loads(metadata("ledger"))["databases"]["ledger"]["tables"]
    assert set(told) == {*TABLES, *VIEWS}
    assert told["entry"]["columns"]["body"].startswith("the exact bytes")


def test_it_verifies_alone_and_under_the_key_that_the_auditor_holds(ledger: SqliteLedger, file: Path) -> None:
    found = recheck(file, ledger.vkey)
    assert (found.records, found.end, found.complete, found.signed) == (ledger.size(), ledger.size(), True, True)
    other = ledger.vkey.replace("gate.example.com", "gate.example.org")
    with pytest.raises(Wrong, match="does not hold under this key"):
        recheck(file, other)


CHANGES = [
    "UPDATE approval SET approver = 'owner' WHERE seat = 'storage'",
    "UPDATE change SET requester = 'operator' WHERE id = 'chg-0002'",
    "INSERT INTO approval SELECT * FROM approval LIMIT 1",
    "DELETE FROM refusal",
    "DELETE FROM entry WHERE idx = 3",
    "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'lead', 'laed') AS BLOB) WHERE idx = 7",
    "UPDATE entry SET body = CAST(body AS TEXT)",
    "UPDATE entry SET sha256 = 'x' WHERE idx = 2",
    "UPDATE described SET means = 'nothing' WHERE of = 'gaps'",
    "DROP VIEW gaps",
    "DROP VIEW duties_not_apart; CREATE VIEW duties_not_apart AS SELECT * FROM change WHERE 0",
    """UPDATE about SET closing = replace(closing, '"count":21', '"count":20')""",
    """UPDATE about SET opening = replace(opening, '"filter":{}', '"filter":{"actor":"x"}')""",
    "UPDATE about SET opening = '[]'",
    "DELETE FROM about",
    "CREATE VIEW all_approvals AS SELECT * FROM approval WHERE 0",
    "CREATE TRIGGER quiet AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET type = 'uable' WHERE name = 'verdict'",
    "INSERT INTO entry_fts (entry_fts) VALUES ('delete-all')",
    "UPDATE entry_fts_data SET block = zeroblob(length(block)) WHERE id > 10",
]


@pytest.mark.parametrize("change", CHANGES)
def test_no_cell_is_changed_unseen(file: Path, tmp_path: Path, change: str) -> None:
    forged = tmp_path / "forged.db"
    shutil.copy(file, forged)
    with sqlite3.connect(forged) as connection:
        before = connection.total_changes
        connection.executescript(change)
        assert connection.total_changes > before or "DROP" in change or "CREATE" in change
    connection.close()
    if "actor" in change:  # what a filter left out, the file alone cannot show: it does not say "all" then
        assert not recheck(forged).complete
        return
    with pytest.raises((Wrong, CannotTell)):
        recheck(forged)


def test_a_file_that_is_there_is_not_overwritten(ledger: SqliteLedger, file: Path) -> None:
    with pytest.raises(Outside, match="is there already"):
        database.write(ledger, population.begin(ledger, MADE), file)


def test_sqlite_utils_has_a_command_that_verifies_it(ledger: SqliteLedger, file: Path, tmp_path: Path) -> None:
    if "sangate-verify" not in cli.commands:  # an installation that is older than the command
        plugin.register_commands(cli)
    run = CliRunner().invoke(cli, ["sangate-verify", str(file), "--vkey", ledger.vkey])
    assert (run.exit_code, "verified: 21 entries, all that" in run.output) == (0, True)
    shutil.copy(file, tmp_path / "forged.db")
    with sqlite3.connect(tmp_path / "forged.db") as connection:
        connection.execute("DELETE FROM refusal")
    connection.close()
    run = CliRunner().invoke(cli, ["sangate-verify", str(tmp_path / "forged.db")])
    assert run.exit_code == 1
    assert "CHANGED: the table refusal is not what the entries say" in run.stderr
    (tmp_path / "none.db").write_bytes(b"not a database" * 100)
    assert CliRunner().invoke(cli, ["sangate-verify", str(tmp_path / "none.db")]).exit_code == 2
