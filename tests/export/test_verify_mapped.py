"""`verify.py mapped FILE --against LOG`: what is proven of each format, and what no change gets past it."""

import random
import sqlite3
from pathlib import Path

import pytest

from gate.canonical import Json, encode
from gate.export import cloudevents, database, jsonl, population, stream, verify
from gate.export.selection import Selection, selection
from gate.ledger.entry import GATE, Draft
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE
from tests.export.readers import READERS

MADE = "2026-11-22T20:30:00.000000Z"
SOME = selection(kinds=["approval.*", "change.closed"], change=CHANGE)


def judge(path: Path, log: Path, *options: str) -> tuple[int, str]:
    report = verify.Report()
    code = verify.main(["mapped", str(path), "--against", str(log), *options], report)
    return code, "\n".join(": ".join(line) for line in report.lines)


def made(ledger: SqliteLedger, folder: Path, name: str, taken: Selection = population.EVERYTHING) -> Path:
    path = folder / f"export.{name}"
    taken_now = population.begin(ledger, MADE, taken)
    if name == "sqlite":
        database.write(ledger, taken_now, path)
    else:
        path.write_bytes(b"".join(stream.mapped(ledger, stream.FORMS[name], taken_now)))
    return path


@pytest.fixture
def log(told: SqliteLedger, tmp_path: Path) -> Path:
    jsonl.export_log(told, tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


FORMATS = (*READERS, "sqlite")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("taken", [population.EVERYTHING, SOME], ids=["all", "some"])
def test_an_export_of_every_format_is_proven_by_the_log(
    told: SqliteLedger, log: Path, tmp_path: Path, name: str, taken: Selection
) -> None:
    code, said = judge(made(told, tmp_path, name, taken), log)
    assert code == verify.VERIFIED, said
    count = 17 if taken.everything else 3
    which = "the complete population" if taken.everything else "all that fit the filter"
    assert f"ok: mapped: {count} records are the log's: {which} up to entry 16" in said
    rest = "nothing is said of the other tables" if name == "sqlite" else "every byte as it was written"
    assert f"signed: {count} records, {rest}" in said


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_a_longer_log_still_proves(told: SqliteLedger, tmp_path: Path, name: str) -> None:
    path = made(told, tmp_path, name)
    told.append_all([Draft("hold.placed", GATE, None, {"reason": str(number)}) for number in range(300)])
    jsonl.export_log(told, tmp_path / "log.jsonl")
    assert judge(path, tmp_path / "log.jsonl")[0] == verify.VERIFIED


@pytest.mark.parametrize("name", READERS)
def test_no_changed_byte_of_a_file_gets_past(told: SqliteLedger, log: Path, tmp_path: Path, name: str) -> None:
    path = made(told, tmp_path, name)
    whole, chance = path.read_bytes(), random.Random(name)
    for _ in range(60):
        place = chance.randrange(whole.rindex(b"\n", 0, -1))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
        code, said = judge(path, log)
        assert code != verify.VERIFIED, (place, whole[place - 20 : place + 20])
        assert "cannot make sense" not in said, (place, said)


@pytest.mark.parametrize("key", ["what", "made", "count", "first", "last", "sha256", "note", "more"])
def test_no_changed_word_of_the_closing_statement_gets_past(
    told: SqliteLedger, log: Path, tmp_path: Path, key: str
) -> None:
    path = made(told, tmp_path, "jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    changes: tuple[Json, ...] = ("x", 7, True, [], {})
    for other in changes:
        lines[-1] = encode({**verify.read_json(lines[-1]), key: other}) + b"\n"
        path.write_bytes(b"".join(lines))
        assert judge(path, log)[0] == verify.TAMPERED


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("line", range(5))
def test_a_line_left_out_moved_or_doubled_is_named(
    told: SqliteLedger, log: Path, tmp_path: Path, name: str, line: int
) -> None:
    path = made(told, tmp_path, name)
    lines = path.read_bytes().splitlines(keepends=True)
    place = (1, 3, 7, len(lines) - 2, len(lines) - 1)[line]
    other = 2 if place != 2 else 4
    for changed in (
        [*lines[:place], *lines[place + 1 :]],
        [*lines[: place + 1], lines[place], *lines[place + 1 :]],
        [one if index not in {place, other} else lines[place + other - index] for index, one in enumerate(lines)],
    ):
        path.write_bytes(b"".join(changed))
        assert judge(path, log)[0] == verify.TAMPERED


def test_a_cell_beside_the_exact_entry_is_covered_by_the_signed_end(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    path = made(told, tmp_path, "csv")
    whole = path.read_bytes()
    assert whole.count(b"lead") > 1
    first = whole.index(b",lead,")
    path.write_bytes(whole[:first] + b",evil," + whole[first + 6 :])
    code, said = judge(path, log)
    assert code == verify.TAMPERED
    assert "end of the file: does not state this file" in said


def test_an_export_under_another_log_is_refused(told: SqliteLedger, log: Path, tmp_path: Path) -> None:
    path = made(told, tmp_path, "jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    code, said = judge(path, log)
    assert code == verify.TAMPERED
    assert "entry 3 (line 4): was changed" in said


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'lead', 'evil') AS BLOB) WHERE idx = 7",
        "DELETE FROM entry WHERE idx = 7",
        "UPDATE entry SET idx = 99 WHERE idx = 16",
        "UPDATE entry SET sha256 = 'x' WHERE idx = 7",
        "UPDATE about SET closing = opening",
        "UPDATE about SET opening = '{}'",
        "UPDATE about SET opening = 7",
        "DELETE FROM about",
        "DROP VIEW IF EXISTS x",
    ],
)
def test_a_changed_database_is_noticed(told: SqliteLedger, log: Path, tmp_path: Path, statement: str) -> None:
    path = made(told, tmp_path, "sqlite")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(statement)
    connection.close()
    code, said = judge(path, log)
    assert (code == verify.VERIFIED) == statement.startswith("DROP VIEW"), said
    assert "cannot make sense" not in said


def test_a_file_without_a_signature_at_its_end_leaves_the_reading_open(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    path = made(told, tmp_path, "jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    said_last = verify.read_json(lines[-1])
    lines[-1] = encode({**said_last, "note": None}) + b"\n"
    path.write_bytes(b"".join(lines))
    code, said = judge(path, log)
    assert code == verify.CANNOT_TELL
    assert "is not signed" in said


def test_a_stream_kept_in_a_file_is_proven_and_a_gap_in_it_is_a_gap(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    taken = population.begin(told, MADE)
    events = [cloudevents.event(told.origin, item) + b"\n" for chunk in population.items(told, taken) for item in chunk]
    path = tmp_path / "stream"
    path.write_bytes(b"".join([*events[3:9], events[8], *events[9:12]]))
    code, said = judge(path, log, "--part")
    assert code == verify.VERIFIED, said
    assert "9 records are the log's; nothing in the file states its beginning or end" in said
    path.write_bytes(b"".join([*events[3:6], *events[7:9]]))
    code, said = judge(path, log, "--part")
    assert code == verify.TAMPERED
    assert "entry 6: is missing from the file" in said


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b"[]\n", b"x\n", b"CEF:0\n", b"<110>1\n", b"a,b\n1,2\n", b'"\n', b"{", b"\xff\xfe\n"]
)
def test_what_is_no_export_is_said_without_a_traceback(log: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd").write_bytes(content)
    assert judge(tmp_path / "odd", log)[0] != verify.VERIFIED


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_is_newer_than_the_log_is_no_forgery(
    told: SqliteLedger, log: Path, tmp_path: Path, name: str
) -> None:
    told.append(Draft("export.made", GATE))
    path = made(told, tmp_path, name)
    code, said = judge(path, log)
    assert code == verify.CANNOT_TELL, said
    assert "unsure: export: was made of 18 entries and the log of 17: the log is older" in said
    assert "ok: mapped" not in said
    jsonl.export_log(told, log)
    assert judge(path, log)[0] == verify.VERIFIED


def test_a_log_that_was_cut_and_an_older_part_that_was_changed_stay_wrong_beside_a_newer_export(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    told.append(Draft("export.made", GATE))
    path = made(told, tmp_path, "csv")
    whole, exported = log.read_bytes(), path.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:10]))
    assert judge(path, log)[0] == verify.TAMPERED
    log.write_bytes(whole)
    path.write_bytes(exported.replace(b"west-2", b"west-9"))
    assert judge(path, log)[0] == verify.TAMPERED
    path.write_bytes(b"".join(exported.splitlines(keepends=True)[:-1]))
    code, said = judge(path, log)
    assert code == verify.TAMPERED
    assert "the file was cut short" in said


def test_a_piece_of_a_stream_that_runs_ahead_of_the_log_is_no_forgery(
    told: SqliteLedger, log: Path, tmp_path: Path
) -> None:
    told.append(Draft("export.made", GATE))
    path = made(told, tmp_path, "jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:-1]))
    code, said = judge(path, log, "--part")
    assert code == verify.CANNOT_TELL, said
    assert "unsure: record of entry 17: is newer than the log" in said
