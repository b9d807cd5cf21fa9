"""Taking a canary back while the update still runs on it: accepted is not ended, and the old version is no proof."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.change import Phase
from gate.engine.actions import Act, Action, Ask, Close, Prove, Question
from gate.engine.next import next_action
from gate.engine.waiting import since, unended
from gate.standing import may_go_back
from tests.engine.histories import APPLY, SWITCH, UPDATED, VERIFY, History, plan

FORWARD, COMMIT, BACK_OUT = Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT
LAST = 2


def then(history: History) -> Action:
    return next_action(history.plan, history.standing, history.now)


def place(action: Action) -> tuple[Phase, int]:
    assert isinstance(action, Act | Ask | Prove)
    return action.phase, action.number


def taken_back(history: History, abort: str = "done") -> History:
    """Walk the way back; `already`: the array showed its old version and nothing was sent."""
    if abort == "already":
        history.end(BACK_OUT, 0, "already")
    else:
        history.step(BACK_OUT, 0, abort)
    return history.end(BACK_OUT, 1).end(BACK_OUT, LAST)


def test_what_was_accepted_and_still_runs_is_waited_for_before_anything_goes_back() -> None:
    history = History().forward(UPDATED).backing_out()
    assert place(then(history)) == (FORWARD, UPDATED)


@pytest.mark.parametrize("ended", ["done", "failed"])
def test_once_it_has_ended_well_or_not_the_canary_goes_back(ended: str) -> None:
    history = History().forward(UPDATED).backing_out().end(FORWARD, UPDATED, ended)
    assert place(then(history)) == (BACK_OUT, 0)


def test_what_was_not_begun_is_not_waited_for() -> None:
    history = History().forward(SWITCH).step(FORWARD, SWITCH, "unknown").look(FORWARD, SWITCH, "not_begun")
    assert place(then(history.backing_out())) == (BACK_OUT, 0)
    assert place(then(History().forward(APPLY).backing_out())) == (BACK_OUT, 0)


def test_who_goes_back_says_whether_to_wait_for_an_end_that_does_not_come() -> None:
    history = History().forward(UPDATED).backing_out().end(FORWARD, UPDATED, "unknown")
    asked = then(history)
    assert isinstance(asked, Question)
    assert "may go on at the array" in asked.question
    history.asked(asked.step, asked.question)
    assert may_go_back(history.standing)
    again = History().forward(UPDATED).backing_out().end(FORWARD, UPDATED, "unknown").asked(asked.step)
    assert place(then(again.answered("again"))) == (FORWARD, UPDATED)
    assert place(then(history.answered("back-out"))) == (BACK_OUT, 0)
    assert not may_go_back(history.standing)


def test_who_went_back_when_asked_about_the_update_is_not_asked_again() -> None:
    history = History().forward(UPDATED).end(FORWARD, UPDATED, "unknown").asked(f"forward {UPDATED}").backing_out()
    assert place(then(history)) == (BACK_OUT, 0)


def test_a_question_of_the_way_back_itself_has_no_back_out_for_an_answer() -> None:
    history = History().forward(VERIFY).backing_out().asked("back_out 0")
    assert not may_go_back(history.standing)


def test_where_nothing_had_to_be_sent_the_old_version_has_to_last_before_it_is_believed() -> None:
    history = taken_back(History().forward(VERIFY).backing_out(), "already")
    assert place(then(history)) == (BACK_OUT, LAST)
    assert isinstance(then(history), Prove)
    assert then(history.look(BACK_OUT, LAST, "done")) == Close("backed out")


def test_what_does_not_last_is_never_called_taken_back() -> None:
    history = taken_back(History().forward(VERIFY).backing_out(), "already").look(BACK_OUT, LAST, "unknown")
    asked = then(history)
    assert isinstance(asked, Question)
    assert "cannot be called taken back" in asked.question
    assert isinstance(then(history.asked(asked.step).answered("again")), Prove)


def test_what_was_sent_back_after_an_update_that_has_ended_needs_no_second_proof() -> None:
    assert then(taken_back(History().forward(VERIFY).backing_out())) == Close("backed out")


def test_who_did_not_wait_for_the_end_has_it_proven_even_when_something_was_sent_back() -> None:
    history = History().forward(UPDATED).end(FORWARD, UPDATED, "unknown").asked(f"forward {UPDATED}").backing_out()
    assert isinstance(then(taken_back(history)), Prove)
    assert [step.id for step in unended(history.plan, history.standing)] == ["updated"]


def test_where_nothing_was_begun_there_is_nothing_to_prove() -> None:
    assert then(taken_back(History().forward(1).backing_out(), "already")) == Close("backed out")


def test_a_wait_inside_a_block_counts_from_the_step_that_it_waits_for() -> None:
    history = History().forward(UPDATED)
    begun = history.now
    history.later(timedelta(hours=1)).held()
    assert since(history.plan, history.standing, FORWARD, UPDATED) == begun
    assert since(history.plan, history.standing, FORWARD, VERIFY) is None, "a hold may have come before it"


def test_a_person_who_says_again_gives_a_wait_its_whole_time_once_more() -> None:
    history = History().forward(UPDATED).end(FORWARD, UPDATED, "unknown").asked(f"forward {UPDATED}")
    history.later(timedelta(hours=1)).answered("again")
    assert since(history.plan, history.standing, FORWARD, UPDATED) == history.now


def test_a_step_past_no_return_that_was_never_sent_leaves_the_way_back_open() -> None:
    history = History().soaked().judged("held").look(COMMIT, 0, "unknown")
    asked = then(history)
    assert isinstance(asked, Question)
    assert "was not sent" in asked.question
    action = then(history.asked(asked.step).answered("back-out"))
    assert place(action) == (BACK_OUT, 0)


def test_a_second_wait_of_a_commit_is_waited_for_as_well() -> None:
    finishing = replace(plan().commit[0], point_of_no_return=False)
    waits = replace(plan().commit[1], finish_first=True, until=(("status", ("well",)),))
    history = History(plan(commit=(finishing, waits))).soaked().judged("held").step(COMMIT, 0).backing_out()
    assert place(then(history)) == (COMMIT, 1)
