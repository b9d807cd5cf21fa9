"""Scenario 14: what was good enough when people signed is too old when the first step is due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gate.errors import Refused
from tests.stories.conftest import quick
from tests.stories.stage import GOOD, Stage, build

DAY = timedelta(hours=25)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = build(edit=quick)
    try:
        yield made
    finally:
        made.end()


def test_a_backup_that_grew_too_old_after_the_approvals_stops_the_start(stage: Stage) -> None:
    gate = stage.open()
    stage.ready()
    change = stage.approved(GOOD, closes=(datetime.now(UTC) + 2 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert gate.control.show(stage.people["performer"], change)["state"] == "open"
    gate.close()
    later = stage.open(lambda: datetime.now(UTC) + DAY)
    with pytest.raises(Refused):
        later.control.start(stage.people["performer"], change)
    kinds = stage.kinds(change)
    assert not {"stage.started", "permit.issued", "step.intended"} & set(kinds)
    verdict = later.control.show(stage.people["performer"], change)["verdict"]
    late = next(one for one in verdict["findings"] if one["check"] == "backup-recent")
    assert (verdict["moment"], verdict["opens"], late["outcome"]) == ("start", False, "failed")
    assert "is 1 d 1 h old, limit 1 d" in late["because"]
