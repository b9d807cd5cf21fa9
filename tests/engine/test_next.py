"""What comes next: every action is reached, and each boundary is tried from both sides."""

from datetime import timedelta

import pytest

from gate.change import Phase
from gate.engine.actions import Act, Action, Ask, Baseline, Close, Halt, Judge, Look, ProbeRound, Question, Wait
from gate.engine.next import MOST_ATTEMPTS, next_action, rounds_due
from tests.cases import SECOND
from tests.engine.histories import (
    ACT_WITHIN,
    APPLY,
    CANARY,
    CONTROL,
    IDENTIFY,
    INTERVAL,
    PREPARE,
    ROUNDS,
    STAGE,
    SWITCH,
    UPDATED,
    VERIFY,
    History,
    plan,
)

FORWARD, COMMIT, BACK_OUT = Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT


def then(history: History) -> Action:
    return next_action(history.plan, history.standing, history.now)


def held_back(history: History) -> bool:
    action = then(history)
    return isinstance(action, Wait) and action.because == "on hold: smoke" and action.until is None


def test_before_anything_is_changed_the_baseline_of_canary_and_control_is_taken() -> None:
    history = History().started()
    assert then(history) == Baseline((CANARY, CONTROL))
    history.add("known_answer.written", array=CANARY, digest="d", blocks=8)
    assert then(history) == Baseline((CANARY, CONTROL)), "without timed reads there is no baseline"
    history.probe(CANARY, "latency", 0, [100])
    assert then(history) == Baseline((CONTROL,))


def test_after_the_first_step_no_baseline_is_written_any_more() -> None:
    history = History().started().end(FORWARD, IDENTIFY)
    assert isinstance(then(history), Act)


def test_steps_follow_each_other_in_the_order_of_the_plan() -> None:
    history = History().started().baseline()
    for number, step in enumerate(history.plan.forward):
        action = then(history)
        assert isinstance(action, Act if step.mutates else Ask)
        assert (action.phase, action.number, action.step) == (FORWARD, number, step)
        history.step(FORWARD, number)
    assert isinstance(then(history), Wait)


def test_a_forward_step_is_sent_at_once_and_a_commit_or_back_out_looks_first() -> None:
    forward, commit = then(History().forward(STAGE)), then(History().soaked().judged("held"))
    back_out = then(History().forward(APPLY).backing_out())
    assert [action.look_first for action in (forward, commit, back_out) if isinstance(action, Act)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("before", [IDENTIFY, STAGE, PREPARE, APPLY, VERIFY])
def test_a_hold_takes_effect_before_each_forward_step_outside_a_block(before: int) -> None:
    assert held_back(History().forward(before).held())
    assert not held_back(History().forward(before).held().lifted())


def test_a_hold_before_the_baseline_leaves_the_scratch_objects_alone() -> None:
    assert held_back(History().started().held())


@pytest.mark.parametrize("number", [SWITCH, UPDATED])
def test_a_block_that_has_begun_is_finished_before_a_hold(number: int) -> None:
    action = then(History().forward(number).held())
    assert isinstance(action, Act | Ask)
    assert action.number == number


def test_a_repeat_inside_a_block_is_finished_before_a_hold_too() -> None:
    history = History().forward(SWITCH).intend(FORWARD, SWITCH).end(FORWARD, SWITCH, "unknown").held()
    assert isinstance(then(history), Look), "a look changes nothing and is not held"
    action = then(history.look(FORWARD, SWITCH, "not_begun"))
    assert isinstance(action, Act)
    assert action.attempt == 2


def test_a_repeat_outside_a_block_waits_for_the_hold() -> None:
    history = History().forward(STAGE).intend(FORWARD, STAGE).end(FORWARD, STAGE, "unknown")
    history.look(FORWARD, STAGE, "not_begun")
    assert isinstance(then(history), Act)
    assert held_back(history.held())


def test_a_hold_before_the_commit_and_inside_a_back_out() -> None:
    assert held_back(History().soaked().judged("held").held())
    backing_out = History().forward(APPLY).backing_out()
    assert held_back(backing_out.held())
    assert isinstance(then(backing_out.lifted().step(BACK_OUT, 0).held()), Ask), "restored belongs to the block"
    assert held_back(backing_out.end(BACK_OUT, 1))


def test_an_intent_without_a_result_is_left_alone_until_nothing_of_it_can_be_on_its_way() -> None:
    history = History().forward(STAGE).intend(FORWARD, STAGE)
    sent = history.now
    assert then(history) == Wait("stage was begun and has not ended", sent + ACT_WITHIN)
    assert isinstance(then(history.later(ACT_WITHIN - SECOND)), Wait)
    assert then(history.later(SECOND)) == Look(FORWARD, STAGE, history.plan.forward[STAGE])


def test_an_unknown_result_is_looked_at_at_once() -> None:
    history = History().forward(STAGE).step(FORWARD, STAGE, "unknown")
    assert isinstance(then(history), Look)


def test_what_the_look_shows_as_done_is_done() -> None:
    history = History().forward(STAGE).step(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "done")
    action = then(history)
    assert isinstance(action, Act)
    assert action.number == PREPARE


def test_a_safe_step_is_repeated_only_after_a_look_that_said_not_begun_and_only_so_often() -> None:
    history = History().forward(STAGE)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        action = then(history)
        assert isinstance(action, Act)
        assert action.attempt == attempt
        history.intend(FORWARD, STAGE, attempt).end(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "not_begun")
    assert isinstance(then(history), Question)


@pytest.mark.parametrize(("number", "result"), [(STAGE, "unknown"), (PREPARE, "not_begun"), (PREPARE, "unknown")])
def test_everything_else_that_is_not_known_is_a_persons_to_answer(number: int, result: str) -> None:
    history = History().forward(number).step(FORWARD, number, "unknown").look(FORWARD, number, result)
    action = then(history)
    assert isinstance(action, Question)
    assert action.step == f"forward {number}"
    assert then(history.asked(action.step)) == Wait("a person is asked: what now?")
    again = then(history.answered("again"))
    assert isinstance(again, Act)
    assert (again.number, again.attempt) == (number, 2)


def test_a_step_that_asked_something_unexpected_is_a_persons_even_if_it_is_safe_to_repeat() -> None:
    history = History().forward(STAGE).intend(FORWARD, STAGE).prompted(FORWARD, STAGE)
    assert isinstance(then(history), Look)
    action = then(history.look(FORWARD, STAGE, "not_begun"))
    assert isinstance(action, Question)
    assert "it asks; it was not begun" in action.question
    again = then(history.asked(action.step).answered("again"))
    assert isinstance(again, Act)
    history.intend(FORWARD, STAGE, 2).end(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "not_begun")
    assert isinstance(then(history), Act)


def test_what_is_sent_again_is_looked_at_again_right_before() -> None:
    repeated = then(
        History().forward(STAGE).step(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "not_begun").held().lifted()
    )
    assert isinstance(repeated, Act)
    assert (repeated.look_first, repeated.repeats) == (True, True)
    said = History().forward(PREPARE).step(FORWARD, PREPARE, "unknown").look(FORWARD, PREPARE, "not_begun")
    told = then(said.asked(f"forward {PREPARE}").answered("again"))
    assert isinstance(told, Act)
    assert (told.look_first, told.repeats) == (True, False)


def test_a_persons_again_counts_for_one_sending_only() -> None:
    history = History().forward(PREPARE).step(FORWARD, PREPARE, "unknown").look(FORWARD, PREPARE, "not_begun")
    history.asked(f"forward {PREPARE}").answered("again").intend(FORWARD, PREPARE, 2)
    assert isinstance(then(history), Wait)
    history.end(FORWARD, PREPARE, "unknown")
    assert isinstance(then(history), Look)
    assert isinstance(then(history.look(FORWARD, PREPARE, "not_begun")), Question)


def test_a_step_that_failed_going_forward_halts_with_its_reason() -> None:
    history = History().forward(APPLY).step(FORWARD, APPLY, "failed")
    assert isinstance(then(history), Look), "an array that says no may have begun it all the same"
    assert then(history.look(FORWARD, APPLY, "not_begun")) == Halt("forward step apply failed: so")


def test_a_step_that_failed_and_shows_neither_done_nor_not_begun_halts_with_the_doubt() -> None:
    history = History().forward(APPLY).step(FORWARD, APPLY, "failed").look(FORWARD, APPLY, "unknown")
    assert then(history) == Halt("forward step apply failed: so; whether it was begun is not known")


def test_a_step_that_failed_and_shows_that_it_was_done_goes_on() -> None:
    history = History().forward(SWITCH).step(FORWARD, SWITCH, "failed").look(FORWARD, SWITCH, "done")
    action = then(history)
    assert isinstance(action, Ask)
    assert action.number == UPDATED


def test_a_question_that_found_no_answer_going_forward_is_a_persons() -> None:
    history = History().forward(VERIFY).end(FORWARD, VERIFY, "unknown")
    action = then(history)
    assert isinstance(action, Question)
    assert isinstance(then(history.asked(action.step).answered("again")), Ask)


@pytest.mark.parametrize(("phase", "number"), [(COMMIT, 0), (COMMIT, 1), (BACK_OUT, 0), (BACK_OUT, 1)])
def test_a_step_that_failed_in_commit_or_back_out_is_asked_about_since_halting_would_be_the_end(
    phase: Phase, number: int
) -> None:
    history = History().soaked().judged("held") if phase is COMMIT else History().forward(APPLY).backing_out()
    for done in range(number):
        history.step(phase, done)
    history.step(phase, number, "failed")
    if history.plan.steps(phase)[number].mutates:
        assert isinstance(then(history), Look)
        history.look(phase, number, "not_begun")
    action = then(history)
    assert isinstance(action, Question)
    assert action.step == f"{phase} {number}"
    again = then(history.asked(action.step).answered("again"))
    assert isinstance(again, Act | Ask)
    assert (again.phase, again.number) == (phase, number)


def test_a_back_out_waits_for_what_may_still_be_on_its_way() -> None:
    history = History().forward(APPLY).intend(FORWARD, APPLY)
    sent = history.now
    history.backing_out()
    assert then(history) == Wait("a step sent before may still be on its way", sent + ACT_WITHIN)
    looks = then(history.later(ACT_WITHIN))
    assert isinstance(looks, Look)
    assert (looks.phase, looks.number) == (FORWARD, APPLY)
    action = then(history.look(FORWARD, APPLY, "not_begun"))
    assert isinstance(action, Act)
    assert action.phase is BACK_OUT


@pytest.mark.parametrize("result", ["done", "not_begun", "unknown"])
def test_a_back_out_looks_first_at_what_was_sent_and_never_answered(result: str) -> None:
    """A command may lie with an array that stood still: idle is what a canary taken back looks like, too."""
    history = History().forward(APPLY).step(FORWARD, APPLY, "unknown").backing_out()
    looks = then(history)
    assert isinstance(looks, Look)
    assert (looks.phase, looks.number) == (FORWARD, APPLY)
    action = then(history.look(FORWARD, APPLY, result))
    assert isinstance(action, Act)
    assert action.phase is BACK_OUT


def test_the_question_after_a_second_sending_is_another_one_than_after_the_first() -> None:
    history = History().forward(APPLY).step(FORWARD, APPLY, "unknown").look(FORWARD, APPLY, "not_begun")
    first = then(history)
    assert isinstance(first, Question)
    history.asked(first.step).answered("again").intend(FORWARD, APPLY, 2).end(FORWARD, APPLY, "unknown")
    second = then(history.look(FORWARD, APPLY, "not_begun"))
    assert isinstance(second, Question)
    assert first.question == "forward step apply was sent and it was not begun. May it be sent again?"
    assert second.question == "forward step apply was sent 2 times and it was not begun. May it be sent again?"


def test_rounds_are_made_one_interval_after_the_other() -> None:
    history = History().forward()
    for number in range(1, ROUNDS + 1):
        action = then(history.later(INTERVAL - SECOND))
        assert isinstance(action, Wait)
        assert action.until == history.now + SECOND
        assert then(history.later(SECOND)) == ProbeRound(number)
        history.round(number)
    assert then(history) == Judge(ROUNDS)


def test_the_soak_begins_when_the_last_step_has_ended() -> None:
    history = History().forward(VERIFY).later(INTERVAL * 5).step(FORWARD, VERIFY)
    ended = history.now
    assert then(history) == Wait(f"soak: round 1 of {ROUNDS} is due", ended + INTERVAL)


def test_after_a_pause_of_the_gate_rounds_are_not_made_up_for_at_once() -> None:
    history = History().forward().later(timedelta(hours=2))
    assert then(history) == ProbeRound(1)
    assert isinstance(then(history.round(1)), Wait)


def test_a_round_counts_only_when_every_probe_of_canary_and_control_was_answered() -> None:
    history = History().forward().later(INTERVAL)
    history.probe(CANARY, "health", 1)
    history.later(INTERVAL)
    assert then(history) == ProbeRound(1)


def test_a_canary_that_broke_is_judged_without_waiting_for_the_other_rounds() -> None:
    history = History().forward().later(INTERVAL).round(1, {(CANARY, "known-answer"): "failed"})
    assert then(history) == Judge(1)


def test_a_canary_that_was_ill_before_the_change_is_watched_to_the_end() -> None:
    history = History().forward().probe(CANARY, "health", 0, outcome="failed").later(INTERVAL)
    assert then(history) == ProbeRound(1)


@pytest.mark.parametrize("outcomes", [{(CONTROL, "health"): "failed"}, {(CANARY, "health"): "unknown"}])
def test_a_control_that_broke_and_a_canary_not_known_are_watched_to_the_end(
    outcomes: dict[tuple[str, str], str],
) -> None:
    assert isinstance(then(History().forward().later(INTERVAL).round(1, outcomes)), Wait)


def test_a_failed_canary_halts() -> None:
    assert then(History().soaked().judged("failed")) == Halt("the canary failed: for a reason")


def test_an_inconclusive_judgement_asks_and_again_means_another_soak_of_full_length() -> None:
    history = History().soaked().judged("inconclusive")
    action = then(history)
    assert isinstance(action, Question)
    assert action.step == "soak"
    history.asked(action.step).later(timedelta(hours=1)).answered("again")
    assert rounds_due(history.plan, history.standing) == 2 * ROUNDS
    for number in range(ROUNDS + 1, 2 * ROUNDS + 1):
        assert then(history) == ProbeRound(number)
        history.round(number)
        if number < 2 * ROUNDS:
            assert isinstance(then(history), Wait)
            history.later(INTERVAL)
    assert then(history) == Judge(2 * ROUNDS)


def test_a_question_of_the_back_out_after_an_inconclusive_judgement_can_be_answered() -> None:
    history = History().soaked().judged("inconclusive").asked("soak").backing_out().step(BACK_OUT, 0, "failed")
    history.look(BACK_OUT, 0, "not_begun")
    action = then(history)
    assert isinstance(action, Question)
    again = then(history.asked(action.step).answered("again"))
    assert isinstance(again, Act)
    assert again.phase is BACK_OUT
    assert history.standing.extensions == 0


def test_a_canary_that_held_is_committed_and_closed() -> None:
    history = History().soaked().judged("held")
    assert isinstance(then(history), Act)
    history.step(COMMIT, 0)
    assert isinstance(then(history), Ask)
    assert then(history.end(COMMIT, 1)) == Close("held")


def test_a_back_out_is_walked_and_closed() -> None:
    history = History().forward(VERIFY).backing_out()
    for number in range(3):
        assert isinstance(then(history), Act | Ask)
        history.step(BACK_OUT, number)
    assert then(history) == Close("backed out")
    assert then(history.add("change.backed_out")) == Close("backed out")


def test_a_halted_a_closed_and_a_change_that_has_not_begun_wait_without_end() -> None:
    halted = History().forward(STAGE).add("change.halted", because="x")
    closed = History().forward(STAGE).add("change.closed", outcome="left halted", entries=1)
    for history in (halted, closed, History(), History().sealed().verdict()):
        action = then(history)
        assert isinstance(action, Wait)
        assert action.until is None


@pytest.mark.parametrize(
    ("soak_s", "interval_s", "rounds"), [(1, 10, 1), (10, 10, 1), (19, 10, 1), (20, 10, 2), (3, 1, 3), (3, 0, 3)]
)
def test_a_soak_has_a_round_an_interval_and_one_at_least(soak_s: int, interval_s: int, rounds: int) -> None:
    given = plan(thresholds={**plan().thresholds, "soak_s": soak_s, "probe_interval_s": interval_s})
    assert rounds_due(given, History(given).forward().standing) == rounds
