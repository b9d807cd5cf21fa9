import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gate.errors import BadInput, CannotTell, LedgerUnavailable, Moved
from gate.ledger.entry import GATE, Draft
from gate.store import keys, schema
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.store.conftest import ORIGIN, Clock, Opener

HELD = Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"})


def by_hand(tmp_path: Path) -> sqlite3.Connection:
    """The connection of somebody with a shell: no pragma of ours."""
    return sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = x'00' WHERE idx = 1",
        "DELETE FROM entry",
        "DELETE FROM entry WHERE idx = 2",
        "INSERT OR REPLACE INTO entry VALUES (1, x'00', 'chg-0001', 1)",
        "REPLACE INTO entry VALUES (2, x'00', 'chg-0001', 2)",
        "INSERT INTO entry VALUES (1, x'00', NULL, NULL) ON CONFLICT (idx) DO UPDATE SET body = x'00'",
        "INSERT INTO entry VALUES (7, x'00', NULL, NULL)",
        "INSERT INTO entry (body) VALUES (x'00')",
        "INSERT INTO entry VALUES (3, x'00', 'chg-0001', 4)",
        "INSERT INTO entry VALUES (3, x'00', 'chg-0001', 2)",
        "INSERT OR REPLACE INTO entry VALUES (3, x'00', 'chg-0001', 2)",
        "UPDATE head SET size = 1",
        "UPDATE head SET frontier = x''",
        "DELETE FROM head",
        "UPDATE log SET origin = 'other'",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET note = ''",
        "DELETE FROM subtree",
        "UPDATE key SET vkey = 'other'",
        "DELETE FROM key",
        "INSERT OR REPLACE INTO key VALUES (1, 'other', 0)",
        "INSERT INTO key VALUES (3, 'other', 0)",
    ],
)
def test_the_database_refuses_to_change_what_is_written(ledger: SqliteLedger, tmp_path: Path, statement: str) -> None:
    ledger.append_all([HELD, HELD])
    ledger.append_all([Draft("hold.placed", GATE)] * 254)
    ledger.checkpoint(keep=True)
    before = list(ledger.bodies())
    connection = by_hand(tmp_path)
    with pytest.raises(sqlite3.Error):
        connection.execute(statement.replace("(3,", "(257,").replace("(7,", "(300,"))
    connection.close()
    assert list(ledger.bodies()) == before
    ledger.examine()


@pytest.mark.parametrize("name", sorted({**schema.TRIGGERS, **schema.INDEXES}))
def test_a_ledger_that_lacks_a_trigger_or_index_does_not_open(reopen: Opener, tmp_path: Path, name: str) -> None:
    reopen().close()
    connection = by_hand(tmp_path)
    connection.execute(f"DROP {'TRIGGER' if name in schema.TRIGGERS else 'INDEX'} {name}")
    connection.close()
    with pytest.raises(LedgerUnavailable, match=f"the ledger's {name} is missing"):
        reopen()


def test_a_trigger_that_was_made_toothless_is_noticed(reopen: Opener, tmp_path: Path) -> None:
    reopen()
    connection = by_hand(tmp_path)
    connection.execute("DROP TRIGGER entry_no_delete")
    connection.execute("CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT 1; END")
    connection.close()
    with pytest.raises(LedgerUnavailable, match="entry_no_delete is altered"):
        reopen()


def tamper(tmp_path: Path, *statements: str) -> None:
    """What an administrator can do: drop the triggers, edit, and put them back."""
    connection = by_hand(tmp_path)
    for name in schema.TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0
    for statement in schema.TRIGGERS.values():
        connection.execute(statement)
    connection.close()


REASON = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'smoke', 'spoke') AS BLOB) WHERE idx = 1"


def test_an_edit_under_dropped_triggers_is_found_by_examining(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append_all([HELD, HELD])
    tamper(tmp_path, REASON)
    with pytest.raises(CannotTell, match="tells another history"):
        ledger.examine()


def test_an_edit_is_found_near_its_place_in_a_long_log(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append_all([HELD] * 600)
    tamper(tmp_path, REASON.replace("idx = 1", "idx = 300"))
    with pytest.raises(CannotTell, match="an entry between 256 and 511 is not what it was"):
        ledger.examine()


def test_an_edit_is_noticed_when_the_ledger_is_opened(ledger: SqliteLedger, reopen: Opener, tmp_path: Path) -> None:
    ledger.append_all([HELD, HELD])
    tamper(tmp_path, REASON)
    with pytest.raises(LedgerUnavailable, match="tells another history"):
        reopen()


def test_an_entry_hidden_from_its_change_is_missed(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append_all([HELD, HELD, HELD])
    tamper(tmp_path, "UPDATE entry SET change = NULL WHERE idx = 2")
    with pytest.raises(CannotTell, match="the history of chg-0001 is not whole"):
        ledger.history("chg-0001")
    with pytest.raises(CannotTell, match="entry 2 is not where or what it was"):
        ledger.examine()


def test_an_older_copy_is_read_only_and_says_how_much_is_missing(reopen: Opener, tmp_path: Path) -> None:
    first = reopen()
    first.append(HELD)
    old_note = first.checkpoint(keep=True)
    first.close()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "yesterday.db")
    second = reopen()
    second.append_all([HELD] * 3)
    second.close()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday.db", tmp_path / "ledger.db")
    restored = reopen()
    assert restored.missing == 3
    with pytest.raises(LedgerUnavailable, match="3 entries are missing"):
        restored.append(HELD)
    with pytest.raises(LedgerUnavailable, match="3 entries are missing"):
        restored.checkpoint()
    assert len(list(restored.bodies())) == 2
    assert restored.kept_checkpoint() == old_note


def test_a_deleted_database_is_not_silently_begun_anew(reopen: Opener, tmp_path: Path) -> None:
    first = reopen()
    first.append(HELD)
    first.close()
    (tmp_path / "ledger.db").unlink()
    again = reopen()
    assert (again.size(), again.missing) == (0, 2)
    with pytest.raises(LedgerUnavailable, match="2 entries are missing"):
        again.append(HELD)


def test_a_damaged_memory_is_named(reopen: Opener, tmp_path: Path) -> None:
    reopen().close()
    (tmp_path / "ledger.key.seen").write_text("what?")
    with pytest.raises(LedgerUnavailable, match=r"ledger\.key\.seen is damaged"):
        reopen()


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 20, b"\x00" * 8192])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    with pytest.raises(LedgerUnavailable, match="cannot open the ledger"):
        open_ledger(tmp_path / "ledger.db", signer=keys.create(tmp_path / "k", ORIGIN))


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    signer = keys.create(tmp_path / "k", ORIGIN)
    with pytest.raises(LedgerUnavailable, match="cannot open the ledger"):
        open_ledger(tmp_path / "no" / "ledger.db", signer=signer)


def test_a_ledger_of_another_key_or_name_does_not_open(reopen: Opener, tmp_path: Path) -> None:
    reopen().close()
    other = keys.create(tmp_path / "other.key", ORIGIN)
    with pytest.raises(LedgerUnavailable, match="the ledger belongs to"):
        open_ledger(tmp_path / "ledger.db", signer=other)
    renamed = keys.load(tmp_path / "ledger.key", "gate.example.com/ledger/2")
    with pytest.raises(LedgerUnavailable, match="the ledger belongs to"):
        open_ledger(tmp_path / "ledger.db", signer=renamed)


def test_a_ledger_of_a_later_format_does_not_open(reopen: Opener, tmp_path: Path) -> None:
    reopen().close()
    connection = by_hand(tmp_path)
    connection.execute(f"PRAGMA user_version = {schema.FORMAT + 1}")
    connection.close()
    with pytest.raises(LedgerUnavailable, match=f"format {schema.FORMAT + 1}; this program knows"):
        reopen()


def test_checkpoints_are_kept_sparsely(ledger: SqliteLedger, clock: Clock, tmp_path: Path) -> None:
    for _ in range(4):
        ledger.append(HELD)
        ledger.checkpoint()
        clock.move(1000)
    ledger.append(HELD)
    ledger.checkpoint(keep=True)
    connection = by_hand(tmp_path)
    sizes = [size for (size,) in connection.execute("SELECT size FROM checkpoint ORDER BY size")]
    connection.close()
    assert sizes == [2, 6]


def test_what_one_ledger_object_writes_another_sees_and_waits_for(reopen: Opener) -> None:
    first, second = reopen(), reopen()
    size = second.size()
    first.append(HELD)
    assert second.wait(size, 60)
    assert second.append(HELD).seq == 2
    assert [entry.seq for entry in first.history("chg-0001")] == [1, 2]


WRITER = """
    import sys
    from pathlib import Path
    from gate.errors import Moved
    from gate.ledger.entry import GATE, Draft
    from gate.store import keys
    from gate.store.sqlite import open_ledger

    folder, how = Path(sys.argv[1]), sys.argv[2]
    ledger = open_ledger(folder / "ledger.db", signer=keys.load(folder / "ledger.key", "gate.example.com/ledger/1"))
    print("ready", flush=True)
    sys.stdin.readline()
    if how == "contend":
        for number in range(20):
            try:
                ledger.append(Draft("hold.placed", GATE, f"chg-10{number:02}", {"reason": how}), expect=0)
                print(number, flush=True)
            except Moved:
                pass
    else:
        while True:
            print(ledger.append(Draft("hold.placed", GATE, "chg-0001", {"reason": "x" * 400})).index, flush=True)
"""


def start_writer(folder: Path, how: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def let_go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_of_two_processes_that_expect_the_same_exactly_one_wins(tmp_path: Path) -> None:
    keys.create(tmp_path / "ledger.key", ORIGIN)
    writers = [start_writer(tmp_path, "contend") for _ in range(2)]
    for writer in writers:
        let_go(writer)
    won = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert sorted(won[0] + won[1], key=int) == [str(number) for number in range(20)]
    ledger = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", ORIGIN))
    assert ledger.size() == 21
    ledger.examine()
    ledger.close()


def test_a_killed_writer_loses_nothing_that_it_was_told_is_durable(tmp_path: Path) -> None:
    keys.create(tmp_path / "ledger.key", ORIGIN)
    for wanted in (1, 5, 17, 40):
        writer = start_writer(tmp_path, "write")
        let_go(writer)
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(wanted)]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
        told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        ledger = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", ORIGIN))
        assert ledger.size() > max(told)
        assert ledger.missing == 0
        ledger.examine()
        ledger.close()


def test_expecting_a_sequence_without_a_change_is_a_mistake(ledger: SqliteLedger) -> None:
    with pytest.raises(BadInput, match="there is no sequence to expect"):
        ledger.append(Draft("hold.placed", GATE), expect=0)


def test_a_closed_ledger_says_so(ledger: SqliteLedger) -> None:
    ledger.close()
    ledger.close()
    for call in (lambda: ledger.append(HELD), ledger.checkpoint, ledger.size):
        with pytest.raises(LedgerUnavailable, match="the ledger is closed"):
            call()


def test_a_second_opener_may_write_between(reopen: Opener) -> None:
    first, second = reopen(), reopen()
    first.append(HELD, expect=0)
    with pytest.raises(Moved):
        second.append(HELD, expect=0)
