"""
Oracle RMAN, from FIXTURES: no Oracle database was there to record them on.

Their shape follows Oracle's reference and published transcripts. What these tests show is that nothing but the whole
expected answer is taken for good, and that even that does not make V4.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.backups.oracle_rman import CATALOGUE, CORRUPTION, TOOL, VALIDATE, catalogue, verify
from gate.evidence import BackupReading, BackupRun, Log, Reply, ReplyState, Verification
from gate.inventory import BackupTool, Dataset, Engine, Protection
from tests.backups.local import Asker, drive, failed, lost, saying, spoilt

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
PIECE = "/u02/backup/ORCL/0e4k1abc_1_1"
PROTECTION = Protection(
    id="orcl-nightly",
    dataset="orcl",
    tool=BackupTool.ORACLE_RMAN,
    host="ora-1",
    repository="/u02/backup",
    mount="/u02",
    name="ORCL",
    config_file="/etc/sangate/rman",
    rehearsal_host="ora-1",
    rehearsal_scratch="/scratch",
)
DATASET = Dataset(
    id="orcl", tier=2, engine=Engine.ORACLE, host="ora-1", path="/u01/oradata", mount="/u01", tables=("accounts",)
)
JOBS = f"""\
job|41|COMPLETED|20261121230000|20261121231500|5368709120|DB FULL
job|42|COMPLETED|20261122013000|20261122013100|104857600|ARCHIVELOG
job|43|COMPLETED|20261122230000|20261122231612|5368709120|DB FULL
job|44|RUNNING|20261123025900||0|DB INCR
piece|41|/u02/backup/ORCL/0a4k0xyz_1_1
piece|43|{PIECE}
end|4
""".encode()
BLOCK = f"""\
Starting restore at 23-NOV-26
using channel ORA_DISK_1
channel ORA_DISK_1: starting validation of datafile backup set
channel ORA_DISK_1: reading from backup piece {PIECE}
channel ORA_DISK_1: piece handle={PIECE} tag=TAG20261122T230003
channel ORA_DISK_1: restored backup piece 1
channel ORA_DISK_1: validation complete, elapsed time: 00:00:25
Finished restore at 23-NOV-26

"""
VALIDATED = f"Recovery Manager: Release 19.0.0.0.0\n\n{BLOCK * 5}\nRecovery Manager complete.\n".encode()
CLEAN = b"""\
corrupt|v$backup_corruption|0
corrupt|v$copy_corruption|0
corrupt|v$database_block_corruption|0
end|3
"""


def oracle(command: str) -> Reply:
    answers = {
        "date": b"%d\n" % NOW.timestamp(),
        "cat /etc/sangate/rman/sangate-catalogue.sql": CATALOGUE.encode(),
        "cat /etc/sangate/rman/sangate-corruption.sql": CORRUPTION.encode(),
        "cat /etc/sangate/rman/sangate-validate.rman": VALIDATE.encode(),
    }
    if "sqlplus" in command:
        answers[command] = CLEAN if "corruption" in command else JOBS
    if "rman target" in command:
        answers[command] = VALIDATED
    said = next(answer for beginning, answer in answers.items() if command.startswith(beginning))
    return Reply("ora-1", command, ReplyState.ANSWERED, NOW, NOW + timedelta(seconds=1), 0, said)


def read(asker: Asker = oracle) -> BackupReading:
    return drive(catalogue(PROTECTION), asker)


def verified(asker: Asker = oracle, run: BackupRun | None = None) -> Verification:
    return drive(verify(PROTECTION, DATASET, run or read().runs[0], "naa.1"), asker)


SQL, RMAN = "env ORACLE_SID=ORCL NLS_LANG=AMERICAN_AMERICA.AL32UTF8 sqlplus", "env ORACLE_SID=ORCL"


def test_jobs_of_the_whole_database_are_runs_and_others_are_not() -> None:
    found = read()
    assert found.problem == ""
    assert [(run.id, run.kind, run.error, run.log) for run in found.runs] == [
        ("43", "full", "", Log.UNKNOWN),
        ("41", "full", "", Log.UNKNOWN),
    ]
    assert found.runs[0].started_at == datetime(2026, 11, 22, 23, tzinfo=UTC)


def test_the_most_that_it_reaches_is_not_v4_and_it_says_why() -> None:
    found = verified()
    assert (found.level, found.passed, found.seen) == ("V4-partial", False, ("43",)), found.because
    assert found.counts is not None
    assert (found.counts.total, found.counts.ok) == (1, 1)
    assert "that its log is whole is not proven here" in found.because
    assert TOOL.restore is None


@pytest.mark.parametrize("status", ["COMPLETED WITH WARNINGS", "COMPLETED WITH ERRORS", "FAILED"])
def test_any_other_status_than_completed_is_the_tools_own_error(status: str) -> None:
    said = JOBS.replace(b"job|43|COMPLETED", f"job|43|{status}".encode())
    assert read(spoilt(oracle, {SQL: saying(said)})).runs[0].error == f"its status is {status}"


def test_a_damaged_piece_counts_though_another_was_found_and_the_exit_status_is_0() -> None:
    trouble = (
        b"ORA-19870: error while restoring backup piece /u02/backup/ORCL/0e4k1abc_1_1\n"
        b"ORA-19599: block number 1042 is corrupt in backup piece /u02/backup/ORCL/0e4k1abc_1_1\n"
        b"failover to previous backup\n"
    )
    said = VALIDATED.replace(b"channel ORA_DISK_1: restored", trouble + b"channel ORA_DISK_1: restored", 1)
    found = verified(spoilt(oracle, {f"{RMAN} NLS_LANG=AMERICAN_AMERICA.AL32UTF8 rman": saying(said)}))
    assert (found.level, found.passed) == ("V1", False)
    assert "ORA-19870" in found.because


def test_logical_damage_that_did_not_make_the_command_fail_is_found_in_the_views() -> None:
    said = CLEAN.replace(b"v$database_block_corruption|0", b"v$database_block_corruption|3")

    def ask(command: str) -> Reply:
        reply = oracle(command)
        return replace(reply, stdout=said) if "@/etc/sangate/rman/sangate-corruption" in command else reply

    found = verified(ask)
    assert (found.level, found.passed) == ("V1", False)
    assert "v$database_block_corruption|3" in found.because


def test_a_run_of_which_nothing_was_read_is_not_seen() -> None:
    older = read().runs[1]
    found = verified(run=older)
    assert (found.level, found.seen) == ("V1", ())
    assert "none of its pieces" in found.because


@pytest.mark.parametrize("instead", [VALIDATE.replace("VALIDATE CHECK LOGICAL", "PREVIEW"), "CROSSCHECK BACKUP;\n", ""])
def test_other_words_in_the_file_are_not_run(instead: str) -> None:
    said: list[str] = []

    def ask(command: str) -> Reply:
        said.append(command)
        reply = oracle(command)
        return replace(reply, stdout=instead.encode()) if command.endswith("validate.rman") else reply

    found = verified(ask)
    assert (found.level, found.passed) == ("V0", False)
    assert not any("rman target" in command for command in said)


def test_a_crosscheck_in_place_of_a_validation_proves_nothing() -> None:
    crosschecked = (
        b"crosschecked backup piece: found to be 'AVAILABLE'\nbackup piece handle=/u02/backup/ORCL/0e4k1abc_1_1\n"
        b"Crosschecked 1 objects\n\nRecovery Manager complete.\n"
    )

    def ask(command: str) -> Reply:
        return replace(oracle(command), stdout=crosschecked) if "rman target" in command else oracle(command)

    assert verified(ask).level == "V0"


@pytest.mark.parametrize("where", ["catalogue.sql", "corruption.sql", "validate.rman"])
@pytest.mark.parametrize(
    "damage",
    [lost, failed, *map(saying, (b"", b"\xff", b"fine\n", b"ORA-01034: ORACLE not available\nend|0\n", b"end|9\n"))],
)
def test_what_is_not_answered_in_full_is_never_more_than_v1(where: str, damage: Callable[[Reply], Reply]) -> None:
    run = read().runs[0]

    def ask(command: str) -> Reply:
        asked = command.endswith(where) and not command.startswith("cat")
        return damage(oracle(command)) if asked else oracle(command)

    assert verified(ask, run).level in {"V0", "V1"}
    if where == "catalogue.sql":
        assert read(ask).problem or not read(ask).runs


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("job|43|COMPLETED|20261122230000|29991122231612|1|DB FULL", "future"),
        ("job|43|COMPLETED|20261122230000|20261199231612|1|DB FULL", "a time that is none"),
        ("job|43|COMPLETED||20261122231612|1|DB FULL", "without its times"),
        ("job|43|COMPLETED|yesterday|20261122231612|1|DB FULL", "holds"),
    ],
)
def test_a_job_told_with_wrong_values_is_a_problem(line: str, because: str) -> None:
    said = b"\n".join(line.encode() if row.startswith(b"job|43") else row for row in JOBS.splitlines()) + b"\n"
    assert because in read(spoilt(oracle, {SQL: saying(said)})).problem


def test_without_an_instance_or_a_directory_it_says_what_is_missing() -> None:
    for field in ("name", "config_file"):
        without = PROTECTION.model_copy(update={field: None})
        assert field.split("_")[0] in drive(catalogue(without), oracle).problem
