from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.objects.shop import Shop, shop


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path) as made:
        yield made
