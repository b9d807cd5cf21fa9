from collections.abc import Callable
from functools import partial

import pytest

from gate.checks import backup_recent
from gate.checks.answer import Answer, tell
from gate.checks.case import Case
from gate.checks.each import joined
from gate.control.deciding import _answer
from gate.finding import FAILED, PASSED, UNKNOWN, Finding
from tests.cases import case

CHECK = backup_recent.CHECK


def stumbling(_: Case) -> Finding:
    return Finding(CHECK.name, PASSED, lambda: str(1 // 0))


def wavering(_: Case) -> Finding:
    return joined(CHECK, {"sidekick": partial(tell, Answer(FAILED, "it is old"))})


@pytest.mark.parametrize("check", [stumbling, wavering])
def test_what_passed_and_cannot_tell_by_what_is_unknown(check: Callable[[Case], Finding]) -> None:
    finding = _answer(CHECK.name, check, case())
    assert finding.outcome is UNKNOWN
    assert finding.because.startswith("the check itself failed")


def test_what_can_tell_is_told_by_then() -> None:
    asked = case()
    finding = _answer(CHECK.name, backup_recent.check, asked)
    assert finding == backup_recent.check(asked)
    assert isinstance(vars(finding)["because"], str)
