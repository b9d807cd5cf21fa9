"""A canary is called taken back only when it stays so, and nothing of what was begun runs on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event

import pytest

from gate.engine import proving
from gate.engine.proving import prove
from gate.evidence import Reply, ReplyState
from gate.gather.asking import Outcome
from gate.step import Step
from tests.engine.histories import CANARY, plan
from tests.engine.test_steps import NOW, hands_of

RESTORED = Step(
    "restored",
    "Wait.",
    mutates=False,
    command="lsupdate -delim !",
    reader="update",
    until=(("status", ("success",)),),
)
UPDATED = replace(RESTORED, id="updated", until=(("status", ("system_completion_required",)),))
PLAN = plan(back_out=(RESTORED,))
SILENT = "silent"


@dataclass
class Status:
    """An array that says one status after the other, the last one for ever."""

    said: Sequence[str]
    asked: int = 0

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Say the next."""
        word = self.said[min(self.asked, len(self.said) - 1)]
        self.asked += 1
        if word == SILENT:
            return Reply(CANARY, command, ReplyState.UNREACHABLE, NOW, NOW, problem="refused")
        return Reply(CANARY, command, ReplyState.ANSWERED, NOW, NOW, 0, f"status!{word}\n".encode())


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "SETTLING", 0.01)


def proven(status: Status, unended: Sequence[Step] = (), settle_s: float = 0.3) -> Outcome:
    came = prove(hands_of(status), PLAN, unended, Event(), settle_s)
    assert came is not None
    return came


def test_it_is_asked_on_end_and_stays() -> None:
    status = Status(["success"])
    assert proven(status).outcome == "done"
    assert status.asked > 1


@pytest.mark.parametrize("said", [["system_updating"], ["success", "system_initializing"]])
def test_an_update_that_begins_late_is_seen(said: list[str]) -> None:
    came = proven(Status(said), settle_s=60)
    assert came.outcome == "unknown"
    assert "restored: " in came.because


def test_a_silent_array_gets_time_and_is_asked_from_the_beginning() -> None:
    assert proven(Status(["success", SILENT, "success"])).outcome == "done"


def test_an_array_that_stays_silent_is_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "RESTARTING", 0)
    came = proven(Status([SILENT]), settle_s=0)
    assert (came.outcome, came.because) == ("unknown", "restored: refused")


def test_a_wait_that_nobody_saw_the_end_of_has_to_show_it_now() -> None:
    came = proven(Status(["success"]), [UPDATED])
    assert came.outcome == "unknown"
    assert "updated: " in came.because
    ended = replace(UPDATED, refuse=(("status", ("success",)),))
    assert proven(Status(["success"]), [ended]).outcome == "done", "failed is an end as well"


def test_it_is_interrupted() -> None:
    interrupted = Event()
    interrupted.set()
    assert prove(hands_of(Status(["success"])), PLAN, [], interrupted, 60) is None


def test_words_off_the_list_and_a_plan_without_a_way_to_see_it_prove_nothing() -> None:
    status = Status(["success"])
    off = replace(PLAN, back_out=(replace(RESTORED, command="applysoftware -abort"),))
    for unfit in (off, replace(PLAN, back_out=())):
        came = prove(hands_of(status), unfit, [], Event(), 0)
        assert came is not None
        assert came.outcome == "unknown"
    assert status.asked == 0
