"""A real ledger in a real file, and a clock that the test moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

ORIGIN = "gate.example.com/ledger/1"


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


Opener = Callable[[], SqliteLedger]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reopen(tmp_path: Path, clock: Clock) -> Iterator[Opener]:
    """Open the same ledger again, as a new process would."""
    keys.create(tmp_path / "ledger.key", ORIGIN)
    opened: list[SqliteLedger] = []

    def open_again() -> SqliteLedger:
        ledger = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", ORIGIN), clock=clock)
        opened.append(ledger)
        return ledger

    yield open_again
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(reopen: Opener) -> SqliteLedger:
    return reopen()
