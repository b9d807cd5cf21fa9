"""A contractor's steps: each waits for a go of its own, nothing survives a restart, absence and a stop hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.change import Phase
from gate.engine.actions import Act, Action, Ask, Halt, Look, Question, Wait
from gate.engine.escorting import Absent, AskEscort, next_escorted
from gate.engine.next import next_action
from tests.cases import NOON
from tests.engine.histories import (
    APPLY,
    CONTRACTED,
    ESCORTED,
    IDENTIFY,
    PLAN,
    PREPARE,
    STAGE,
    SWITCH,
    UPDATED,
    History,
    plan,
)

FORWARD, BACK_OUT = Phase.FORWARD, Phase.BACK_OUT
RUN = "run"
LATER = timedelta(minutes=10)


def due(history: History, run: str = RUN) -> Action | AskEscort | Absent:
    return next_escorted(history.plan, history.standing, history.now, run)


def gone(history: History, number: int) -> History:
    """A mutating step as it goes with an escort: asked for, said go to, done."""
    return history.asked_escort(FORWARD, number).go().step(FORWARD, number)


def until(number: int) -> History:
    """All forward steps before the one given are done under escort."""
    history = History(ESCORTED).started().baseline()
    for at, step in enumerate(ESCORTED.forward[:number]):
        gone(history, at) if step.mutates else history.step(FORWARD, at)
    return history


def test_where_the_plan_names_no_contractor_nothing_waits_for_an_escort() -> None:
    history = History(PLAN).forward(STAGE)
    assert due(history) == next_action(PLAN, history.standing, NOON)
    assert isinstance(due(history), Act)


def test_an_asking_step_goes_without_a_go_and_is_shown() -> None:
    history = until(IDENTIFY)
    assert isinstance(due(history), Ask)


def test_where_the_policy_says_everything_an_asking_step_waits_too() -> None:
    history = History(plan(contractor=replace(CONTRACTED, go_for="everything"))).started().baseline()
    assert isinstance(due(history), AskEscort)
    history.asked_escort(FORWARD, IDENTIFY)
    assert isinstance(due(history), Wait)
    history.go()
    assert isinstance(due(history), Ask)


def test_each_mutating_step_is_asked_for_waits_and_goes_once_somebody_has_said_go() -> None:
    history = until(STAGE)
    asked = due(history)
    assert isinstance(asked, AskEscort)
    assert (asked.number, asked.attempt, asked.step.command) == (STAGE, 1, ESCORTED.forward[STAGE].command)
    history.asked_escort(FORWARD, STAGE)
    waits = due(history)
    assert isinstance(waits, Wait)
    assert waits.until == NOON + LATER
    history.go()
    assert isinstance(due(history), Act)
    history.step(FORWARD, STAGE)
    following = due(history)
    assert isinstance(following, AskEscort)
    assert following.number == PREPARE


def test_a_crash_between_go_and_intent_needs_a_new_go() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go()
    assert isinstance(due(history), Act)
    assert isinstance(due(history, "another run"), AskEscort)
    history.asked_escort(FORWARD, STAGE, "another run")
    assert isinstance(due(history, "another run"), Wait)
    assert history.standing.asked is not None
    assert history.standing.asked.go is None


def test_an_intent_spends_the_go_and_a_retry_needs_its_own() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go().intend(FORWARD, STAGE)
    assert history.standing.asked is None
    history.end(FORWARD, STAGE, "unknown")
    assert isinstance(due(history), Look)
    history.look(FORWARD, STAGE, "not_begun")
    again = due(history)
    assert isinstance(again, AskEscort)
    assert again.attempt == 2


def test_a_go_of_the_first_attempt_does_not_open_the_second() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go().intend(FORWARD, STAGE).end(FORWARD, STAGE, "unknown")
    history.look(FORWARD, STAGE, "not_begun").asked_escort(FORWARD, STAGE, attempt=1).go()
    assert isinstance(due(history), AskEscort)


@pytest.mark.parametrize("said", [False, True])
def test_an_escort_who_is_absent_holds_the_change(said: bool) -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE)
    if said:
        history.go()
    history.later(LATER)
    absent = due(history)
    assert isinstance(absent, Absent)
    assert "no escort said go for forward step stage" in absent.because
    history.held()
    assert isinstance(due(history), Wait)
    history.lifted()
    assert isinstance(due(history), AskEscort)


def test_a_hold_takes_the_go_with_it() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go().held()
    assert isinstance(due(history), Wait)
    history.lifted()
    assert isinstance(due(history), AskEscort)


def test_within_a_block_that_must_be_finished_a_held_change_still_asks_for_the_go() -> None:
    history = gone(until(APPLY), APPLY).held()
    assert isinstance(due(history), AskEscort)
    history.asked_escort(FORWARD, SWITCH).later(LATER)
    assert isinstance(due(history), Wait), "it is held already, and nothing is sent"


def test_a_stop_lets_the_gate_look_on_and_send_nothing_more() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go().intend(FORWARD, STAGE).stopped()
    assert isinstance(due(history.later(timedelta(minutes=1))), Look)
    history.look(FORWARD, STAGE, "not_begun")
    assert isinstance(due(history), Wait)
    history.lifted()
    assert isinstance(due(history), AskEscort)


def test_after_a_stop_what_runs_on_the_array_is_watched_to_its_end_and_the_next_command_waits() -> None:
    history = gone(until(APPLY), APPLY).stopped()
    waits = due(history)
    assert isinstance(waits, Wait)
    assert "stopped by anybody" in waits.because
    history = gone(gone(until(APPLY), APPLY), SWITCH).stopped()
    asks = due(history)
    assert isinstance(asks, Ask)
    assert asks.number == UPDATED


def test_after_a_stop_an_outcome_that_nobody_can_tell_is_put_to_a_person() -> None:
    history = until(PREPARE).asked_escort(FORWARD, PREPARE).go().intend(FORWARD, PREPARE).stopped()
    history.end(FORWARD, PREPARE, "unknown").look(FORWARD, PREPARE, "unknown")
    assert isinstance(due(history), Question)


def test_a_stop_in_the_soak_probes_no_more() -> None:
    history = until(len(ESCORTED.forward)).stopped().later(timedelta(hours=1))
    assert isinstance(due(history), Wait)
    history.lifted()
    assert not isinstance(due(history), Wait)


def test_a_time_box_that_ends_in_mid_stage_stops_what_goes_forward_and_leaves_the_way_back() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go().later(timedelta(hours=4))
    halts = due(history)
    assert isinstance(halts, Halt)
    assert "the time box of performer (Example Storage Services) ended" in halts.because
    history.add("change.halted", because="it ended").backing_out()
    back = due(history)
    assert isinstance(back, AskEscort)
    assert back.phase is BACK_OUT


def test_a_time_box_that_ends_while_the_array_applies_lets_it_be_finished_under_escort() -> None:
    history = gone(until(APPLY), APPLY).later(timedelta(hours=4))
    asks = due(history)
    assert isinstance(asks, AskEscort)
    assert asks.number == SWITCH


def test_a_go_that_nobody_asked_for_is_none() -> None:
    history = until(STAGE).asked_escort(FORWARD, STAGE).go()
    said = history.entries[-1].data
    other = until(STAGE)
    other.add("escort.go", "escort", **said)
    assert other.standing.asked is None
    assert isinstance(due(other), AskEscort)
