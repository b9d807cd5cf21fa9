"""Disks that are full, files that may not be written, locks of strangers: refused in one sentence, and whole after."""

import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gate.errors import LedgerUnavailable
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.store.conftest import ORIGIN

HELD = Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"})
LARGE = Draft("hold.placed", GATE, "chg-0001", {"reason": "x" * 12000})
NOBODY = 65534


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses every write behind `size`, as a full disk does: EFBIG, or fewer bytes than were given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_at_any_write_refuses_cleanly_and_the_next_append_is_whole(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    ledger.append(HELD)
    wal = tmp_path / "ledger.db-wal"
    for number in range(24):
        size, room = ledger.size(), wal.stat().st_size
        refusals: list[tuple[str, str, bool]] = []
        before = list(ledger.bodies())
        for more in range(number % 7, 90000, 1531):
            try:
                with no_file_longer_than(room + more):
                    ledger.append_all([HELD, LARGE, LARGE] if number % 2 else [HELD])
            except LedgerUnavailable as problem:
                refusals.append((problem.message, problem.hint, list(ledger.bodies()) == before))
            else:
                break
        for message, hint, unchanged in refusals:
            assert message.startswith("the ledger cannot be written: ")
            assert hint == "is the disk full or read-only?"
            assert unchanged
        assert refusals or wal.stat().st_size == room, "the disk was never full"
        assert ledger.size() == size + (3 if number % 2 else 1)
    assert ledger.append(HELD).index == ledger.size() - 1
    ledger.examine()
    assert ledger.missing == 0


def test_a_full_disk_at_any_write_of_a_new_ledger_leaves_nothing_that_stays_broken(tmp_path: Path) -> None:
    keys.create(tmp_path / "ledger.key", ORIGIN)
    signer = keys.load(tmp_path / "ledger.key", ORIGIN)
    refusals = []
    for room in range(0, 200_000, 2777):
        try:
            with no_file_longer_than(room), closing(open_ledger(tmp_path / "ledger.db", signer=signer)):
                break
        except LedgerUnavailable as problem:
            refusals.append(str(problem))
    assert len(refusals) > 3
    assert not any("\n" in refusal for refusal in refusals)
    with closing(open_ledger(tmp_path / "ledger.db", signer=signer)) as ledger:
        assert [entry.kind for entry in ledger.entries()] == ["log.opened"]
        ledger.append(HELD)
        ledger.examine()


def test_a_full_disk_fails_all_who_wait_and_keeps_no_checkpoint(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append(HELD)
    with no_file_longer_than(100):
        for attempt in (lambda: ledger.append_all([LARGE] * 3), lambda: ledger.checkpoint(keep=True)):
            with pytest.raises(LedgerUnavailable):
                attempt()
        with pytest.raises(LedgerUnavailable, match="cannot keep a blob: File too large"):
            ledger.put_blob(b"x" * 200)
    assert ledger.size() == 2
    ledger.checkpoint(keep=True)
    ledger.append(LARGE)
    ledger.examine()


def test_a_memory_that_cannot_be_kept_up_refuses_at_the_next_append(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append(HELD)
    file, ledger._seen._file = ledger._seen._file, os.open(tmp_path / "ledger.key.seen", os.O_RDONLY)
    ledger.append(HELD)  # durable before the memory is written, so it counts
    with pytest.raises(LedgerUnavailable, match=r"the ledger cannot be written: .*Bad file descriptor"):
        ledger.append(HELD)
    os.close(ledger._seen._file)
    ledger._seen._file = file
    assert ledger.append(HELD).seq == 3


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_ledger_locked_by_somebody_else_refuses_cleanly(ledger: SqliteLedger, tmp_path: Path, how: str) -> None:
    ledger.append(HELD)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as stranger:
        stranger.execute(how)
        with pytest.raises(LedgerUnavailable, match="the ledger cannot be written: database is locked"):
            ledger.append(HELD)
        stranger.execute("ROLLBACK")
    assert ledger.append(HELD).seq == 2


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user may use, with a ledger in it, and this process as that user."""
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, user, -1)
        was = os.geteuid()
        os.seteuid(user)
        try:
            signer = keys.create(folder / "ledger.key", ORIGIN)
            open_ledger(folder / "ledger.db", signer=signer).close()
            yield folder
            folder.chmod(0o700)
        finally:
            os.seteuid(was)


def opened(folder: Path) -> SqliteLedger:
    return open_ledger(folder / "ledger.db", signer=keys.load(folder / "ledger.key", ORIGIN))


@pytest.mark.parametrize(
    ("what", "mode", "sentence"),
    [
        ("ledger.db", 0o400, "readonly database"),
        ("ledger.db", 0o000, "unable to open database file"),
        (".", 0o500, "unable to open database file|readonly database"),
        ("ledger.db.lock", 0o400, "Permission denied"),
        ("ledger.key.seen", 0o400, r"cannot open .*ledger\.key\.seen: Permission denied"),
    ],
)
def test_what_may_not_be_written_is_refused_in_one_sentence(place: Path, what: str, mode: int, sentence: str) -> None:
    (place / what).chmod(mode)
    with pytest.raises(LedgerUnavailable, match=sentence) as refused:
        opened(place).append(HELD)
    assert "\n" not in str(refused.value)
    (place / what).chmod(0o700)
    with closing(opened(place)) as ledger:
        assert ledger.append(HELD).index == 1
        ledger.examine()
