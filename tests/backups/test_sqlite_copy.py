"""What a repository of sqlite-copy says of itself, and what its bytes say. The tools of this machine answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups.sqlite_copy import NEWEST, catalogue, verify
from gate.evidence import BackupReading, BackupRun, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from tests.backups.local import Asker, drive, failed, lost, on_this_machine, saying, spoilt

BackUp = Callable[..., Path]


def read(protection: Protection, asker: Asker = on_this_machine) -> BackupReading:
    return drive(catalogue(protection), asker)


def verified(protection: Protection, dataset: Dataset, asker: Asker = on_this_machine) -> Verification:
    run = read(protection).runs[0]
    return drive(verify(protection, dataset, run, "naa.1"), asker)


def test_the_newest_backup_comes_first_with_all_that_its_manifest_says(protection: Protection, back_up: BackUp) -> None:
    back_up("20261118T010000Z")
    folder = back_up("20261119T010000Z")
    reading = read(protection)
    assert [run.id for run in reading.runs] == ["20261119T010000Z", "20261118T010000Z"]
    assert reading.problem == ""
    assert reading.clock_skew_s is not None
    assert abs(reading.clock_skew_s) <= 3
    newest = reading.runs[0]
    assert newest.started_at == datetime(2026, 11, 19, 1, tzinfo=UTC)
    assert newest.finished_at == datetime(2026, 11, 19, 1, 0, 2, tzinfo=UTC)
    assert newest.size == (folder / "sidekick.db").stat().st_size
    assert len(reading.raw) == 4


def test_an_empty_repository_is_a_fact_and_no_problem(protection: Protection) -> None:
    reading = read(protection)
    assert (reading.runs, reading.problem) == ((), "")


def test_a_repository_that_is_not_there_is_a_problem(protection: Protection) -> None:
    Path(protection.repository).rmdir()
    reading = read(protection)
    assert reading.runs == ()
    assert "exit status 1" in reading.problem


def test_only_the_newest_manifests_are_read(protection: Protection, back_up: BackUp) -> None:
    for day in range(1, NEWEST + 3):
        back_up(f"202611{day:02}T010000Z")
    runs = read(protection).runs
    assert len(runs) == NEWEST
    assert runs[-1].id == "20261103T010000Z"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"id": "20261101T010000Z"}, "says that it belongs to '20261101T010000Z'"),
        ({"size": "12"}, "gives no size"),
        ({"size": True}, "gives no size"),
        ({"size": 0}, "gives no size"),
        ({"size": 2**60}, "gives no size"),
        ({"sha256": "AB" * 32}, "gives no SHA-256"),
        ({"started_at": "2026-11-20T01:00:00+01:00"}, "started_at is no time in UTC"),
        ({"started_at": "2026-13-20T01:00:00Z"}, "started_at is no time"),
        ({"finished_at": "2026-11-20T00:59:59Z"}, "ends before it begins"),
        ({"finished_at": "2999-01-01T00:00:00Z"}, "lies in the future"),
    ],
)
def test_a_manifest_that_cannot_be_is_told_and_the_others_stay(
    protection: Protection, back_up: BackUp, lie: dict[str, object], said: str
) -> None:
    back_up("20261119T010000Z")
    back_up("20261120T010000Z", **lie)
    reading = read(protection)
    assert [run.id for run in reading.runs] == ["20261119T010000Z"]
    assert "20261120T010000Z" in reading.problem
    assert said in reading.problem


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"id": NaN}', '{"id": "20261120T010000Z", "id": "20261120T010000Z"}', "[" * 100_000, "\x1b[2J"],
)
def test_a_manifest_that_is_no_strict_json_is_told(protection: Protection, back_up: BackUp, text: str) -> None:
    (back_up() / "manifest.json").write_text(text)
    reading = read(protection)
    assert reading.runs == ()
    assert "the manifest of backup 20261120T010000Z" in reading.problem
    assert reading.problem.isprintable()


def test_a_directory_that_is_no_backup_is_told_and_never_dropped(protection: Protection, back_up: BackUp) -> None:
    back_up()
    other = Path(protection.repository) / "latest; rm -rf"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    reading = read(protection)
    assert len(reading.runs) == 1
    assert "latest; rm -rf" in reading.problem


def test_a_backup_from_the_future_of_the_backup_hosts_own_clock_is_told(
    protection: Protection, back_up: BackUp
) -> None:
    back_up()
    slow = str(int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())).encode() + b"\n"
    reading = read(protection, spoilt(on_this_machine, {"date": saying(slow)}))
    assert "lies in the future" in reading.problem


def test_a_backup_from_our_future_is_told_also_when_the_backup_hosts_clock_agrees(
    protection: Protection, back_up: BackUp
) -> None:
    back_up(finished_at="2999-01-01T00:00:00Z")
    fast = spoilt(on_this_machine, {"date": saying(b"32503680000\n")})
    assert "lies in the future" in read(protection, fast).problem


def test_a_manifest_that_says_one_thing_twice_is_told(protection: Protection, back_up: BackUp) -> None:
    manifest = back_up() / "manifest.json"
    manifest.write_text(manifest.read_text().replace("{", '{"size": 1, ', 1))
    assert "a key is there twice" in read(protection).problem


def test_the_skew_is_counted_from_the_middle_of_the_asking(protection: Protection) -> None:
    def ask(command: str) -> Reply:
        start = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
        ahead = int((start + timedelta(seconds=95)).timestamp())
        output = f"{ahead}\n".encode() if command.startswith("date") else b""
        return Reply("bk-1", command, ReplyState.ANSWERED, start, start + timedelta(seconds=10), 0, output)

    assert read(protection, ask).clock_skew_s == 90


@pytest.mark.parametrize("damage", [lost, failed, saying(b""), saying(b"soon\n"), saying(b"\xff\n")])
def test_a_clock_that_cannot_be_read_is_a_problem(protection: Protection, damage: Callable[[Reply], Reply]) -> None:
    reading = read(protection, spoilt(on_this_machine, {"date": damage}))
    assert reading.clock_skew_s is None
    assert "the clock" in reading.problem


def test_a_manifest_whose_reading_broke_off_is_told(protection: Protection, back_up: BackUp) -> None:
    back_up()
    reading = read(protection, spoilt(on_this_machine, {"cat": lost}))
    assert reading.runs == ()
    assert "the connection was lost" in reading.problem


def test_a_backup_is_verified_when_every_byte_hashes_as_its_manifest_says(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    folder = back_up()
    found = verified(protection, dataset)
    assert (found.level, found.passed, found.backup, found.place) == ("V4", True, folder.name, "naa.1")
    assert f"all {(folder / 'sidekick.db').stat().st_size} bytes" in found.because
    assert len(found.raw) == 2


def test_one_flipped_bit_is_found(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    copy = back_up() / "sidekick.db"
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    found = verified(protection, dataset)
    assert (found.level, found.passed) == ("V1", False)
    assert "its manifest says sha256:" in found.because


def test_a_copy_that_was_shortened_is_found_by_its_size(
    protection: Protection, dataset: Dataset, back_up: BackUp
) -> None:
    copy = back_up() / "sidekick.db"
    copy.write_bytes(copy.read_bytes()[:-1])
    found = verified(protection, dataset)
    assert not found.passed
    assert "bytes, its manifest says" in found.because


def test_a_copy_that_is_gone_is_not_verified(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    (back_up() / "sidekick.db").unlink()
    found = verified(protection, dataset)
    assert (found.level, found.passed) == ("V1", False)


STATUS: list[Callable[[Reply], Reply]] = [
    lost,
    saying(b""),
    lambda reply: replace(reply, exit_status=None),
    lambda reply: replace(reply, exit_status=1),
    lambda reply: replace(reply, stdout=reply.stdout * 2),
    lambda reply: replace(reply, stdout=b"\\" + reply.stdout),
]
HASH: list[Callable[[Reply], Reply]] = [
    lambda reply: replace(reply, stdout=reply.stdout[:-10]),
    lambda reply: replace(reply, stdout=reply.stdout.replace(b"sidekick.db", b"other.db")),
    lambda reply: replace(reply, stdout=reply.stdout.upper()),
]


@pytest.mark.parametrize(
    ("tool", "damage"),
    [(tool, damage) for tool in ("stat", "sha256sum") for damage in STATUS] + [("sha256sum", each) for each in HASH],
)
def test_an_answer_that_is_not_exactly_right_verifies_nothing(
    protection: Protection, dataset: Dataset, back_up: BackUp, tool: str, damage: Callable[[Reply], Reply]
) -> None:
    back_up()
    found = verified(protection, dataset, spoilt(on_this_machine, {tool: damage}))
    assert not found.passed
    assert found.level != "V4"


def test_an_unreachable_backup_host_teaches_nothing(protection: Protection, dataset: Dataset, back_up: BackUp) -> None:
    back_up()
    found = verified(protection, dataset, spoilt(on_this_machine, {"stat": lost, "sha256sum": lost}))
    assert (found.level, found.passed) == ("V0", False)
    assert "the connection was lost" in found.because


def test_an_id_that_no_catalogue_returned_is_never_put_into_a_command(protection: Protection, dataset: Dataset) -> None:
    run = BackupRun("../../etc", datetime(2026, 11, 20, tzinfo=UTC), 1, "sha256:" + "0" * 64)
    with pytest.raises(ValueError, match="no id of a sqlite-copy run"):
        drive(verify(protection, dataset, run, "naa.1"), on_this_machine)
