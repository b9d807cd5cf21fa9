"""A restore for proof on this machine's disk: how far it came, and what is left behind. sqlite3 and cp do the work."""

import sqlite3
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups.rehearsal import references_for, rehearse
from gate.backups.scratch import spot_of
from gate.backups.sqlite_copy import TOOL, catalogue
from gate.backups.sqlite_engine import EXAMINER
from gate.backups.sqlite_rows import content
from gate.canonical import utc
from gate.evidence import BackupRun, Reference, Rehearsal, Reply
from gate.inventory import AppendOnly, Dataset, Protection
from tests.backups.local import Asker, drive, failed, lost, on_this_machine, saying, spoilt

BackUp = Callable[..., Path]
BEFORE = datetime(2026, 11, 20, tzinfo=UTC)
GATE = "gate.example/ledger/1"
WEEK = timedelta(days=7)


def reference(dataset: Dataset, at: datetime = BEFORE) -> Reference:
    return Reference(dataset.id, at, drive(content(dataset.path, dataset.tables), on_this_machine).tables)


def newest(protection: Protection) -> BackupRun:
    return drive(catalogue(protection), on_this_machine).runs[0]


def rehearsed(
    protection: Protection, dataset: Dataset, kept: Reference | None, asker: Asker = on_this_machine
) -> Rehearsal:
    references = () if kept is None else (kept,)
    return drive(rehearse(TOOL, EXAMINER, protection, dataset, newest(protection), "naa.1", references, GATE), asker)


def left_behind(protection: Protection) -> list[Path]:
    scratch = Path(protection.rehearsal_scratch)
    return list(scratch.iterdir()) if scratch.exists() else []


def test_a_restore_that_equals_an_earlier_reference_reaches_v6_and_leaves_nothing(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    kept = reference(dataset)
    found = rehearsed(protection, dataset, kept)
    assert (found.level, found.passed, found.reference_at) == ("V6", True, BEFORE)
    assert found.tables == kept.tables
    assert (found.host, found.place, found.backup) == ("bk-1", "naa.1", "20261120T010000Z")
    assert left_behind(protection) == []


def test_without_a_reference_it_reaches_v5_and_says_so(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    found = rehearsed(protection, dataset, None)
    assert (found.level, found.passed, found.reference_at) == ("V5", True, None)
    assert "no reference is older" in found.because


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=1)])
def test_a_reference_not_older_than_the_backups_start_does_not_count(
    protection: Protection, dataset: Dataset, back_up: BackUp, later: timedelta
) -> None:
    back_up()
    found = rehearsed(protection, dataset, reference(dataset, BEFORE + later))
    assert (found.level, found.reference_at) == ("V5", None)


def test_wrong_values_that_were_committed_before_the_backup_are_found(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    kept = reference(dataset)
    with sqlite3.connect(dataset.path) as connection:
        connection.execute("UPDATE contacts SET name = 'nobody' WHERE id = 1")
        connection.execute("DELETE FROM notes")
    connection.close()
    back_up()
    found = rehearsed(protection, dataset, kept)
    assert (found.level, found.passed) == ("V5", False)
    assert "contacts has other content, notes has 0 rows, had 1" in found.because


def test_a_table_that_the_reference_does_not_know_is_not_equal(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    kept = reference(dataset)
    found = rehearsed(protection, dataset, replace(kept, tables=kept.tables[1:]))
    assert not found.passed
    assert "contacts is not in the reference" in found.because


def test_a_flipped_bit_is_found_before_the_file_is_opened(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    copy = back_up() / "sidekick.db"
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    said: list[str] = []
    found = drive(
        rehearse(TOOL, EXAMINER, protection, dataset, newest(protection), "naa.1", (), GATE), on_this_machine, said
    )
    assert (found.level, found.passed) == ("V0", False)
    assert not any(command.startswith("sqlite3") for command in said)
    assert left_behind(protection) == []


def test_a_database_that_was_rotten_before_it_was_copied_is_found(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    with sqlite3.connect(dataset.path) as connection:
        connection.execute("CREATE INDEX by_name ON contacts (name)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE INDEX by_name ON contacts (weight)' WHERE name = 'by_name'"
        )
    connection.close()
    back_up()
    found = rehearsed(protection, dataset, None)
    assert not found.passed
    assert "the integrity check says" in found.because


def test_a_broken_foreign_key_is_found(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    with sqlite3.connect(dataset.path) as connection:
        connection.execute("INSERT INTO notes VALUES (99, 'of nobody')")
    connection.close()
    back_up()
    found = rehearsed(protection, dataset, None)
    assert not found.passed
    assert "the foreign key check counts" in found.because


def test_a_table_that_is_missing_is_found(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    with sqlite3.connect(dataset.path) as connection:
        connection.execute("DROP TABLE empty_one")
    connection.close()
    back_up()
    assert "there is no table empty_one" in rehearsed(protection, dataset, None).because


@pytest.mark.parametrize(
    ("step", "damage"),
    [(step, damage) for step in ("mkdir", "cp", "sha256sum", "sqlite3") for damage in (lost, failed)]
    + [(step, saying(b"fine\n")) for step in ("sha256sum", "sqlite3")],
)
def test_a_step_that_did_not_end_well_ends_the_rehearsal_and_the_scratch_is_removed(
    protection: Protection, dataset: Dataset, back_up: BackUp, step: str, damage: Callable[[Reply], Reply]
) -> None:
    back_up()
    found = rehearsed(protection, dataset, reference(dataset), spoilt(on_this_machine, {step: damage}))
    assert not found.passed
    assert found.level in {"V0", "V4"}
    assert left_behind(protection) == []


def test_silence_is_no_answer_to_the_foreign_key_check(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    asked = f"sqlite3 -readonly -list {spot_of(protection, GATE).back}/sidekick.db 'SELECT count"
    assert not rehearsed(protection, dataset, None, spoilt(on_this_machine, {asked: saying(b"")})).passed


def test_a_scratch_that_could_not_be_removed_fails_the_rehearsal_and_is_told(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    removals = 0

    def ask(command: str) -> Reply:
        nonlocal removals
        removals += command.startswith("rm")
        return failed(on_this_machine("true")) if command.startswith("rm") else on_this_machine(command)

    found = rehearsed(protection, dataset, reference(dataset), ask)
    assert (found.level, found.passed) == ("V6", False)
    assert "the scratch was not cleaned up" in found.because


def test_what_an_interrupted_rehearsal_left_is_not_opened(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    spot = spot_of(protection, GATE)
    Path(spot.mark).mkdir(parents=True)
    Path(spot.back).mkdir()
    (Path(spot.back) / "sidekick.db-journal").write_bytes(b"hot")
    assert rehearsed(protection, dataset, reference(dataset)).passed


def test_a_directory_that_does_not_carry_the_gates_mark_is_left_alone(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    kept = reference(dataset)
    place = Path(spot_of(protection, GATE).place)
    for mine in ("papers", Path(spot_of(protection, "other.example/ledger/1").mark).name):
        (place / mine).mkdir(parents=True)
        found = rehearsed(protection, dataset, kept)
        assert (found.level, found.passed) == ("V0", False)
        assert "does not carry this gate's mark" in found.because
        assert (place / mine).is_dir()
        (place / mine).rmdir()
    assert rehearsed(protection, dataset, kept).passed  # an empty one is what a gate leaves that was killed at once


def test_a_removal_that_was_interrupted_can_be_taken_up_again(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()

    def ask(command: str) -> Reply:
        return failed(on_this_machine("true")) if command == f"rm -rf {spot.place}" else on_this_machine(command)

    spot = spot_of(protection, GATE)
    assert not rehearsed(protection, dataset, None, ask).passed
    assert [path.name for path in Path(spot.place).iterdir()] == [Path(spot.mark).name]
    assert rehearsed(protection, dataset, None).passed
    assert left_behind(protection) == []


def test_only_its_owner_may_look_into_the_scratch(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    back_up()
    modes: list[int] = []

    def ask(command: str) -> Reply:
        if command.startswith("cp"):
            modes.append(Path(spot_of(protection, GATE).place).stat().st_mode & 0o777)
        return on_this_machine(command)

    rehearsed(protection, dataset, None, ask)
    assert modes == [0o700]


def test_the_scratch_is_removed_also_when_the_asker_fails(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    asking = rehearse(TOOL, EXAMINER, protection, dataset, newest(protection), "naa.1", (), GATE)
    command = next(asking)
    while not command.startswith("cp"):
        command = asking.send(on_this_machine(command))
    tidying = asking.throw(OSError("the disk under the ledger is full"))

    def rest() -> Generator[str, Reply, None]:
        reply = yield tidying
        while True:
            reply = yield asking.send(reply)

    with pytest.raises(OSError, match="full"):
        drive(rest(), on_this_machine)
    assert left_behind(protection) == []


def test_a_rehearsal_that_nobody_goes_on_with_ends_quietly_and_the_next_one_removes_what_it_left(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    back_up()
    asking = rehearse(TOOL, EXAMINER, protection, dataset, newest(protection), "naa.1", (), GATE)
    command = next(asking)
    while not command.startswith("sha256sum"):
        command = asking.send(on_this_machine(command))
    asking.close()  # RuntimeError, had it asked for anything more
    assert left_behind(protection) != []
    assert rehearsed(protection, dataset, None).passed
    assert left_behind(protection) == []


def test_of_several_references_the_newest_that_is_older_than_the_start_is_taken(dataset: Dataset) -> None:
    run = BackupRun("20261120T010000Z", BEFORE, 1, "sha256:" + "0" * 64, BEFORE)
    series = [Reference(dataset.id, BEFORE + timedelta(days=days), ()) for days in (-7, -1, 0, 1)]
    other = Reference("other", BEFORE - timedelta(hours=1), ())
    assert references_for([*series, other], dataset, run, WEEK) == (series[1],)
    assert references_for(series, dataset, replace(run, started_at=None), WEEK) == ()


def test_tables_that_only_grow_are_held_against_an_older_reference_too(dataset: Dataset) -> None:
    run = BackupRun("20261120T010000Z", BEFORE, 1, "sha256:" + "0" * 64, BEFORE)
    series = [Reference(dataset.id, BEFORE - timedelta(days=days), ()) for days in (1, 2, 7, 8)]
    grows = growing(dataset)
    assert references_for(series, grows, run, WEEK) == (series[0], series[2])
    assert references_for(series[:2], grows, run, WEEK) == (series[0],)
    assert references_for(series[2:], grows, run, WEEK) == (series[2],)


def growing(dataset: Dataset) -> Dataset:
    return dataset.model_copy(update={"append_only": (AppendOnly(table="contacts", key="id"),)})


def rehearsed_with(protection: Protection, dataset: Dataset, *kept: Reference) -> Rehearsal:
    return drive(
        rehearse(TOOL, EXAMINER, protection, dataset, newest(protection), "naa.1", kept, GATE), on_this_machine
    )


def read_now(dataset: Dataset, days: int) -> Reference:
    read = drive(EXAMINER.content(dataset), on_this_machine)
    return Reference(dataset.id, BEFORE - timedelta(days=days), read.tables)


def change(dataset: Dataset, sql: str) -> None:
    with sqlite3.connect(dataset.path) as connection:
        connection.execute(sql)
    connection.close()


def test_a_table_that_only_grew_equals_both_references_and_both_are_named(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    dataset = growing(dataset)
    old = read_now(dataset, 8)
    change(dataset, "INSERT INTO contacts (name) VALUES ('a new one')")
    new = read_now(dataset, 1)
    change(dataset, "INSERT INTO contacts (name) VALUES ('a newer one')")
    back_up()
    found = rehearsed_with(protection, dataset, new, old)
    assert (found.level, found.passed, found.reference_at) == ("V6", True, new.at)
    assert [(one.reference_at, one.tables) for one in found.compared] == [
        (new.at, ("contacts", "notes", "empty_one")),
        (old.at, ("contacts",)),
    ]
    assert [(table.table, table.rows, table.up_to) for table in found.tables[:2]] == [
        ("contacts", 5, "5"),
        ("contacts", 4, "4"),
    ]


def test_damage_that_yesterdays_reference_has_seen_already_is_found_by_last_weeks(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    dataset = growing(dataset)
    old = read_now(dataset, 8)
    change(dataset, "UPDATE contacts SET name = 'nobody' WHERE id = 1")
    new = read_now(dataset, 1)
    back_up()
    assert rehearsed_with(protection, dataset, new).passed
    found = rehearsed_with(protection, dataset, new, old)
    assert (found.level, found.passed) == ("V5", False)
    assert found.because.endswith(f"differs from the reference of {utc(old.at)}: contacts has other content")


def test_an_append_only_table_that_was_empty_then_may_have_grown_since(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    dataset = dataset.model_copy(update={"append_only": (AppendOnly(table="empty_one", key="a"),)})
    old = read_now(dataset, 1)
    change(dataset, "INSERT INTO empty_one VALUES (-5, 'first')")
    back_up()
    assert rehearsed_with(protection, dataset, old).level == "V6"


def test_a_reference_that_knew_nothing_of_growing_is_not_equal(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    old = read_now(dataset, 1)
    back_up()
    assert "contacts was recorded differently" in rehearsed_with(protection, growing(dataset), old).because


def test_a_key_that_is_no_whole_number_is_told(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    wrong = dataset.model_copy(update={"append_only": (AppendOnly(table="contacts", key="name"),)})
    back_up()
    assert "the highest key of contacts is" in rehearsed_with(protection, wrong).because
