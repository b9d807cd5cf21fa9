"""One gate with its pages for each test; the people are made once, since hashing passwords is meant to be slow."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.room import Room, make, take_up


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    found = {}
    for demo in (True, False):
        found[demo] = tmp_path_factory.mktemp("gate")
        make(found[demo], demo=demo).ledger.close()
    return found


@pytest.fixture
def room(made: dict[bool, Path], tmp_path: Path) -> Iterator[Room]:
    yield from _copied(made[True], tmp_path)


@pytest.fixture
def strict_room(made: dict[bool, Path], tmp_path: Path) -> Iterator[Room]:
    """A gate under the policy that config.yaml ships: only signatures by enrolled keys count."""
    yield from _copied(made[False], tmp_path)


def _copied(made: Path, place: Path) -> Iterator[Room]:
    shutil.copytree(made, place / "gate")
    room = take_up(place / "gate")
    yield room
    room.ledger.close()
