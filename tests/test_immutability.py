from datetime import UTC, datetime

import pytest

from gate.evidence import Attempt, Immutability
from gate.immutability import ACTIONS, NOTHING, TABLE, held, survives

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def _record(mechanism: str, mode: str, problem: str = "") -> Immutability:
    return Immutability("p", "there", NOW, mechanism, "object", mode, problem=problem)


@pytest.mark.parametrize(("mechanism", "mode"), [key for key in TABLE if key[0] != "s3-object-lock"])
def test_what_a_host_holds_survives_neither_its_root_nor_the_array(mechanism: str, mode: str) -> None:
    assert survives(_record(mechanism, mode)) == NOTHING


def test_only_compliance_survives_the_backup_administrator() -> None:
    compliance, governance = (survives(_record("s3-object-lock", mode)) for mode in ("compliance", "governance"))
    assert (compliance.backup_admin, compliance.array_firmware) == (True, True)
    assert (governance.backup_admin, governance.host_root) == (False, True)


def test_what_is_not_known_survives_nothing() -> None:
    assert survives(_record("s3-object-lock", "")) == NOTHING
    assert survives(_record("magic", "compliance")) == NOTHING
    assert survives(_record("s3-object-lock", "compliance", "it did not answer")) == NOTHING


@pytest.mark.parametrize("action", ACTIONS)
def test_all_four_must_have_been_refused(action: str) -> None:
    rest = [Attempt(one, True, "") for one in ACTIONS if one != action]
    assert held([*rest, Attempt(action, True, "")]) is True
    assert held([*rest, Attempt(action, False, "")]) is False
    assert held([*rest, Attempt(action, None, "")]) is None
    assert held(rest) is None


def test_nothing_tried_is_nothing_shown() -> None:
    assert held([]) is None
