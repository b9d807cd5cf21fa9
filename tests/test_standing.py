"""What is known of a step and of a change, and which answers people may give."""

import pytest

from gate.change import Phase
from gate.standing import Mark, may_go_back
from tests.engine.histories import APPLY, History

FORWARD = Phase.FORWARD


@pytest.mark.parametrize(
    ("mark", "begun"),
    [
        (Mark(FORWARD, 1, 0, looked="unknown"), False),
        (Mark(FORWARD, 1, 0, looked="done"), True),
        (Mark(FORWARD, 1, 1), True),
        (Mark(FORWARD, 1, 1, outcome="failed"), True),
        (Mark(FORWARD, 1, 1, outcome="failed", looked="not_begun"), False),
        (Mark(FORWARD, 1, 0, outcome="already"), True),
    ],
)
def test_what_was_sent_may_have_begun_until_a_look_shows_that_it_was_not(mark: Mark, begun: bool) -> None:
    assert mark.may_have_begun is begun


def back() -> History:
    return History().forward(APPLY).backing_out()


@pytest.mark.parametrize(
    ("history", "may"),
    [
        (History(), False),
        (History().sealed().verdict(), False),
        (History().started(), True),
        (History().forward(APPLY).asked(f"forward {APPLY}"), True),
        (History().started().add("change.halted", because="x"), True),
        (History().started().add("change.closed", outcome="left as it is", entries=1), False),
        (back(), False),
        (back().asked(f"forward {APPLY}"), True),
        (back().asked("commit 0"), True),
        (back().asked("back_out 0"), False),
        (back().asked("soak"), False),
        (back().asked(f"forward {APPLY}").answered("again"), False),
        (back().asked(f"forward {APPLY}").add("change.closed", outcome="left as it is", entries=1), False),
    ],
)
def test_going_back_is_an_answer_while_a_stage_is_begun_and_once_more_for_what_still_goes_on(
    history: History, may: bool
) -> None:
    assert may_go_back(history.standing) is may
