"""A file system that is really full, at every write of the store: refused in a sentence, whole, then going on."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gate.errors import GateError, LedgerUnavailable, Outside
from gate.ledger.entry import ANONYMOUS, GATE, Draft
from gate.people import People
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.full_disk import SmallDisk, small_disk
from tests.store.conftest import ORIGIN, Clock

HELD = Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"})
LARGE = Draft("hold.placed", GATE, "chg-0001", {"reason": "x" * 12000})
STRANGER = Draft("auth.refused", ANONYMOUS, None, {"name": "somebody", "why": "no"})
PASSWORD = "correct horse battery"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8) as made:
        yield made


@pytest.fixture
def ledger(disk: SmallDisk) -> Iterator[SqliteLedger]:
    with closing(opened(disk)) as made:
        yield made


def opened(disk: SmallDisk) -> SqliteLedger:
    key = disk.path / "ledger.key"
    signer = keys.load(key, ORIGIN) if key.exists() else keys.create(key, ORIGIN)
    return open_ledger(disk.path / "ledger.db", signer=signer, clock=Clock())


def refused_until_there_is_room(
    disk: SmallDisk, attempt: Callable[[], object], unchanged: Callable[[], None], most: int = 40
) -> list[GateError]:
    """Try with no block free, then one, two …, until it is done; after each refusal nothing must have changed."""
    refusals: list[GateError] = []
    for blocks in range(most):
        try:
            with disk.room(blocks):
                attempt()
        except (LedgerUnavailable, Outside) as problem:
            refusals.append(problem)
            unchanged()
        else:
            assert not any("\n" in str(problem) for problem in refusals)
            return refusals
    raise AssertionError(f"it was refused with {most} blocks free: {refusals[-1]}")


WRITES: dict[str, Callable[[SqliteLedger], object]] = {
    "a small entry": lambda ledger: ledger.append(HELD),
    "a large entry": lambda ledger: ledger.append(LARGE),
    "many entries": lambda ledger: ledger.append_all([LARGE, HELD] * 8),
    "an entry with a private field": lambda ledger: ledger.append(STRANGER),
    "a checkpoint that is kept": lambda ledger: ledger.checkpoint(keep=True),
    "what a witness cosigned": lambda ledger: ledger.keep_anchor("cosigned", 1, b"x" * 9000),
    "a small blob": lambda ledger: ledger.put_blob(b"reply"),
    "a large blob": lambda ledger: ledger.put_blob(b"x" * 50_000),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_full_disk_refuses_every_write_and_loses_nothing_that_was_acknowledged(
    disk: SmallDisk, ledger: SqliteLedger, what: str
) -> None:
    ledger.checkpoint(keep=True)
    for _ in range(5):
        ledger.append(HELD)
    kept = ledger.put_blob(b"kept before")
    before, head = list(ledger.bodies()), ledger.checkpoint()

    def unchanged() -> None:
        assert list(ledger.bodies()) == before
        assert ledger.checkpoint() == head
        assert ledger.get_blob(kept) == b"kept before"
        assert not list(disk.path.glob("ledger.db.blobs/*/.*")), "half a blob is left"

    refusals = refused_until_there_is_room(disk, lambda: WRITES[what](ledger), unchanged)
    assert refusals, "the disk was never full"
    assert list(ledger.bodies())[: len(before)] == before
    ledger.append(HELD)
    ledger.examine()
    ledger.close()
    with closing(opened(disk)) as again:
        assert again.missing == 0
        again.append(LARGE)
        again.examine()


def test_a_ledger_can_be_opened_and_read_on_a_full_disk_and_takes_nothing(disk: SmallDisk) -> None:
    with closing(opened(disk)) as ledger:
        ledger.append(HELD)
    refused: list[str] = []
    with disk.room(0):
        try:
            with closing(opened(disk)) as ledger:
                assert len(list(ledger.bodies())) == 2
                with pytest.raises(LedgerUnavailable):
                    ledger.append(HELD)
        except LedgerUnavailable as problem:  # SQLite may need a file of its own beside it to read at all
            refused.append(problem.hint)
    assert refused in ([], ["is the disk full or read-only?"])
    with closing(opened(disk)) as ledger:
        assert ledger.append(HELD).seq == 2


def test_sign_ins_are_refused_on_a_full_disk_and_go_on_after_it(disk: SmallDisk) -> None:
    clock = Clock()
    people = People(disk.path / "working.db", clock)
    people.add("lead", PASSWORD)
    made: list[str] = []

    def sign_in() -> None:
        made.append(people.sign_in("lead", PASSWORD, "session", timedelta(hours=1)).secret)

    def unchanged() -> None:
        assert people.get("lead").id == "lead"

    refusals = refused_until_there_is_room(disk, sign_in, unchanged)
    assert refusals
    assert refusals[0].hint == "is the disk full or read-only?"
    assert [people.who(secret, "session").id for secret in made] == ["lead"]
