"""Asking a device that is silent: for how long depends on what the playbook says of the step."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from gate.engine import steps
from gate.engine.hands import Asker, Hands
from gate.engine.steps import SENDING, act_before, ask, look
from gate.evidence import Reply, ReplyState
from gate.gather.arrays import Arrays
from gate.gather.asking import Outcome
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import Inventory
from gate.ssh.wire import Timeouts
from gate.step import Answer, Step
from tests.engine.histories import CANARY, PLAN

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WAITING = Step(
    "updated",
    "Wait.",
    mutates=False,
    command="lsupdate -delim !",
    reader="update",
    until=(("status", ("success",)),),
    within_s=2,
)


@dataclass
class Voices:
    """Answers questions from a list; the last one for ever."""

    answers: list[Reply]
    asked: list[str] = field(default_factory=list)

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Answer the next question."""
        self.asked.append(command)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def silence() -> Reply:
    return Reply(CANARY, "lsupdate", ReplyState.UNREACHABLE, NOW, NOW, problem="refused")


def told(text: str) -> Reply:
    return Reply(CANARY, "lsupdate", ReplyState.ANSWERED, NOW, NOW, 0, text.encode())


def asked(voices: Voices, step: Step, interrupted: Event | None = None) -> Outcome | None:
    """Ask with hands that can do nothing but ask."""
    return ask(hands_of(voices), PLAN, CANARY, step, interrupted or Event(), silence_s=0.0)


def hands_of(voices: Asker) -> Hands:
    """Hands that can do nothing but ask."""
    return Hands(
        inventory=cast(Inventory, None),
        asker=voices,
        arrays=cast(Arrays, None),
        known_answers=cast(KnownAnswers, None),
        pinned=HostKeys(()),
        mutate_user="",
        timeouts=Timeouts(),
        images=Path(),
        clock=lambda: NOW,
    )


def test_silence_that_nobody_expected_is_soon_unknown() -> None:
    voices = Voices([silence()])
    came = asked(voices, WAITING)
    assert came is not None
    assert (came.outcome, len(voices.asked)) == ("unknown", 1)


def test_silence_that_the_playbook_expects_is_borne_and_the_answer_after_it_counts() -> None:
    voices = Voices([silence(), silence(), told("status!success\n")])
    came = asked(voices, replace(WAITING, disconnects=True))
    assert came is not None
    assert (came.outcome, len(voices.asked)) == ("done", 3)


def test_expected_silence_to_the_end_is_unknown_and_never_success() -> None:
    came = asked(Voices([silence()]), replace(WAITING, disconnects=True, within_s=1))
    assert came is not None
    assert came.outcome == "unknown"


@pytest.mark.parametrize(("status", "outcome"), [("system_stalled", "failed"), ("success", "done")])
def test_what_refuses_ends_the_waiting_as_failed(status: str, outcome: str) -> None:
    came = asked(Voices([told(f"status!{status}\n")]), replace(WAITING, refuse=(("status", ("*stalled*",)),)))
    assert came is not None
    assert outcome == came.outcome


def test_what_answers_a_prompt_has_the_time_of_its_step_and_never_more_than_the_permit() -> None:
    plain, asks = Step("a", "A.", mutates=True, command="do"), (Answer("Continue (y/n)?", "y"),)
    far = NOW + timedelta(hours=1)
    assert act_before(plain, NOW, far) == act_before(replace(plain, within_s=240), NOW, far) == NOW + SENDING
    assert act_before(replace(plain, answers=asks, within_s=240), NOW, far) == NOW + timedelta(seconds=240)
    assert act_before(replace(plain, answers=asks, within_s=1), NOW, far) == NOW + SENDING
    assert act_before(replace(plain, answers=asks, within_s=240), NOW, NOW + SENDING) == NOW + SENDING


def test_an_interrupted_wait_has_no_outcome() -> None:
    interrupted = Event()
    interrupted.set()
    assert asked(Voices([told("status!system_updating\n")]), WAITING, interrupted) is None


def test_words_off_the_list_are_never_asked_in_a_run_either() -> None:
    voices = Voices([told("status!success\n")])
    came = asked(voices, replace(WAITING, command="applysoftware -abort"))
    assert came is not None
    assert (came.outcome, voices.asked) == ("failed", [])


LOOKED_AT = replace(
    WAITING,
    id="apply",
    mutates=True,
    until=(),
    look_command="lsupdate -delim !",
    look_reader="update",
    look_done=(("status", ("system_initializing",)),),
    look_not_begun=(("status", ("system_prepared",)),),
)
NOTHING, BEGUN = told("status!system_prepared\n"), told("status!system_initializing\n")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([NOTHING, NOTHING, BEGUN], "done"),
        ([NOTHING, silence(), BEGUN], "done"),
        ([NOTHING, silence(), NOTHING, NOTHING, BEGUN], "done"),
        ([NOTHING, told("status!system_stalled\n")], "unknown"),
        ([NOTHING], "not_begun"),
    ],
)
def test_nothing_begun_is_believed_only_when_the_array_shows_it_on_end(
    answers: list[Reply], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command lay with an array that stood still, and begins once it goes on."""
    monkeypatch.setattr(steps, "SETTLING", 0.01)
    voices = Voices(answers)
    came = look(hands_of(voices), PLAN, CANARY, LOOKED_AT, Event(), settle_s=0.5 if outcome == "not_begun" else 60)
    assert came is not None
    assert came.outcome == outcome
    assert len(voices.asked) >= len(answers)


def test_a_look_that_waits_is_interrupted() -> None:
    interrupted = Event()
    interrupted.set()
    assert look(hands_of(Voices([NOTHING])), PLAN, CANARY, LOOKED_AT, interrupted, settle_s=60) is None
