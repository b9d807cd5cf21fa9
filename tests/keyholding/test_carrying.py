"""What a keyholder sends itself goes only by an intent on record: the permit's own, once, and in its time."""

from datetime import timedelta

import pytest

from gate.canonical import Json, utc
from gate.change import Phase
from gate.keyholding.carrying import began
from tests.cases import NOON
from tests.engine.histories import ACT_WITHIN, CANARY, STAGE, History

FORWARD = Phase.FORWARD


def named(made: History, serial: str) -> History:
    data: dict[str, Json] = {"purpose": "forward", "stage": "canary", "array": CANARY, "plan_digest": "", "expires": ""}
    return made.add("permit.issued", **data, serial=serial)


def intended(made: History, number: int = STAGE, attempt: int = 1) -> History:
    step, until = made.plan.forward[number], utc(made.now + ACT_WITHIN)
    place: dict[str, Json] = {"phase": "forward", "step": step.id, "number": number, "array": CANARY}
    return made.add("step.intended", **place, command=step.command, act_before=until, attempt=attempt)


def asked(made: History, serial: str = "7", number: int = STAGE, later: timedelta = timedelta(0)) -> object:
    return began(made.entries, serial, FORWARD, number, made.now + later)


def test_an_intent_under_its_permit_lets_a_step_be_sent_until_it_says() -> None:
    made = intended(named(History().started(), "7"))
    assert asked(made) == NOON + ACT_WITHIN
    assert asked(made, later=ACT_WITHIN) == "the time to act, as its intent says, is over"
    assert asked(made, later=ACT_WITHIN - timedelta(microseconds=1)) == NOON + ACT_WITHIN


@pytest.mark.parametrize(
    ("made", "because"),
    [
        (History().started(), "no entry names this permit, or a later one does"),
        (intended(named(History().started(), "8")), "no entry names this permit, or a later one does"),
        (intended(named(named(History().started(), "7"), "8")), "no entry names this permit, or a later one does"),
        (named(History().started(), "7"), "no intent of forward step 1 is on record under this permit"),
        (named(intended(History().started()), "7"), "no intent of forward step 1 is on record under this permit"),
        (intended(named(History().started(), "7"), STAGE + 1), "no intent of forward step 1 is on record"),
        (intended(intended(named(History().started(), "7")), STAGE, 2), "no intent of forward step 1 is on record"),
        (intended(named(History().started(), "7")).end(FORWARD, STAGE), "forward step 1 has ended already"),
        (intended(named(History().started(), "7")).look(FORWARD, STAGE, "unknown"), "forward step 1 has ended already"),
        (intended(named(History().started(), "7")).stopped(), "it was stopped by anybody"),
    ],
)
def test_anything_else_on_record_lets_nothing_be_sent(made: History, because: str) -> None:
    assert str(asked(made)).startswith(because)


def test_what_is_no_history_lets_nothing_be_sent() -> None:
    assert began((), "7", FORWARD, STAGE, NOON) == "a change begins with its change.opened entry"
