"""How long a canary is watched at least, before the keyholder lets a commit begin."""

from datetime import timedelta

import pytest

from gate.keyholding.rule import watched
from tests.engine.histories import plan


@pytest.mark.parametrize(
    ("soak_s", "interval_s", "seconds"),
    [(30, 10, 30), (39, 10, 30), (1, 10, 10), (10, 10, 10), (3, 1, 3), (3, 0, 3), (0, 1, 1)],
)
def test_a_watch_is_its_whole_rounds_and_one_at_least(soak_s: int, interval_s: int, seconds: int) -> None:
    given = plan(thresholds={**plan().thresholds, "soak_s": soak_s, "probe_interval_s": interval_s})
    assert watched(given) == timedelta(seconds=seconds)
