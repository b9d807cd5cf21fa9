"""One world for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keyholder.world import World, make


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make(tmp_path)
    yield made
    made.ledger.close()
