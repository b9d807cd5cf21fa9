"""A step that is done by hand: opened like a command, confirmed by two, and done only if the array shows it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gate.attendance import Confirmation
from gate.canonical import Json
from gate.change import Phase, Plan
from gate.engine.actions import Act, Action, Look, Question, Wait
from gate.engine.next import by_hand, next_action
from gate.standing import State
from tests.engine.histories import APPLY, FORWARD, SWITCH, History, named, plan


def with_hands() -> Plan:
    apply = replace(FORWARD[APPLY], attended="vendor", command="Load the code.", again="ask")
    return plan(forward=(*FORWARD[:APPLY], apply, *FORWARD[APPLY + 1 :]))


def opened() -> History:
    history = History(with_hands())
    history.started().baseline()
    for number in range(APPLY):
        history.step(Phase.FORWARD, number)
    return history


def then(history: History) -> Action:
    return next_action(history.plan, history.standing, history.now)


def say(history: History, word: str, who: str, **changed: str) -> None:
    given = {"step": "s", "number": str(APPLY), "phase": "forward", "change": history.plan.change} | changed
    text = Confirmation(
        "gate.example", given["change"], history.plan.digest, given["phase"], given["step"], given["number"],
        word, changed.get("person", who), "", f"{word} {who}",
    ).text()  # fmt: skip
    said: Mapping[str, Json] = {"word": word, "by": "", "statement": text, "method": "session", "signature": ""}
    history.add("step.confirmed", who, **named(Phase.FORWARD, APPLY), **said, key="")


def begin(history: History) -> History:
    history.add(
        "step.intended", **named(Phase.FORWARD, APPLY), command="", act_before="2026-11-22T12:00:00Z", attempt=1
    )
    return history


def test_it_is_opened_under_the_rules_of_a_command() -> None:
    action = then(opened())
    assert isinstance(action, Act)
    assert action.step.attended == "vendor"
    assert isinstance(then(opened().held()), Wait)


def test_it_waits_for_both_words_without_a_time_and_then_looks() -> None:
    history = begin(opened())
    waits = then(history)
    assert isinstance(waits, Wait)
    assert waits.until is None
    assert by_hand(history.plan, history.standing) == (Phase.FORWARD, APPLY, history.plan.forward[APPLY])
    say(history, "done", "performer")
    assert isinstance(then(history), Wait)
    say(history, "seen", "owner")
    assert then(history) == Look(Phase.FORWARD, APPLY, history.plan.forward[APPLY])
    assert by_hand(history.plan, history.standing) is None


def test_only_what_the_array_shows_makes_it_done() -> None:
    history = begin(opened())
    say(history, "done", "performer")
    say(history, "seen", "owner")
    done = then(history.look(Phase.FORWARD, APPLY, "done"))
    assert isinstance(done, Act)
    assert done.number == SWITCH


@pytest.mark.parametrize("result", ["unknown", "not_begun"])
def test_two_words_that_the_array_does_not_bear_out_are_a_question_and_again_is_one_more_look(result: str) -> None:
    history = begin(opened())
    say(history, "done", "performer")
    say(history, "seen", "owner")
    action = then(history.look(Phase.FORWARD, APPLY, result))
    assert isinstance(action, Question)
    assert "confirmed by performer and owner" in action.question
    history.asked(action.step).answered("again")
    assert isinstance(then(history), Look)
    assert isinstance(then(history.look(Phase.FORWARD, APPLY, result)), Question)


def test_a_gate_that_was_killed_waits_for_the_same_words_again() -> None:
    history = begin(opened())
    say(history, "seen", "owner")
    mark = history.standing.mark(Phase.FORWARD, APPLY)
    assert mark is not None
    assert mark.may_have_begun
    assert isinstance(then(history), Wait)


def test_while_it_is_done_by_hand_it_can_be_backed_out_and_nobody_confirms_any_more() -> None:
    history = begin(opened()).backing_out()
    assert history.standing.state is State.BACKING_OUT
    asked = then(history)
    assert isinstance(asked, Question), "the array does not tell that somebody types at it"
    assert "somebody may be at the array" in asked.question
    assert by_hand(history.plan, history.standing) is None
    history.asked(asked.step).answered("again")
    looks = then(history)
    assert isinstance(looks, Look)
    action = then(history.look(looks.phase, looks.number, "not_begun"))
    assert isinstance(action, Act)
    assert (action.phase, action.look_first) == (Phase.BACK_OUT, True)


def test_who_goes_back_at_once_is_not_asked_a_second_time_whether_somebody_is_at_it() -> None:
    history = begin(opened()).backing_out()
    asked = then(history)
    assert isinstance(asked, Question)
    action = then(history.asked(asked.step).answered("back-out"))
    assert not isinstance(action, Question)


@pytest.mark.parametrize(
    "changed", [{"change": "chg-0002"}, {"number": "5"}, {"phase": "commit"}, {"person": "another"}]
)
def test_a_word_about_something_else_makes_the_history_unreadable(changed: dict[str, str]) -> None:
    history = begin(opened())
    say(history, "done", "performer", **changed)
    with pytest.raises(ValueError):
        _ = history.standing


def test_a_word_about_a_step_that_was_never_opened_is_unreadable() -> None:
    history = opened()
    say(history, "done", "performer")
    with pytest.raises(ValueError):
        _ = history.standing
