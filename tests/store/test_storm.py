import random
from pathlib import Path

from tests.store.storm import storm


def test_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A sample; `make soak` goes on until 250,000 appends were acknowledged."""
    told = storm(tmp_path, acknowledged=600, threads=8, each=150, chance=random.Random(5))
    assert told.lost == 0
    assert told.kills >= 2
    assert told.acknowledged <= told.entries - 1
