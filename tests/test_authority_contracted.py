"""A contractor's step: which attempt a go opens, when the time box is open, and who they are by the table of people."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gate.approval import Tally
from gate.authority import authorise, escorted, outside_box, outside_contract
from gate.change import Phase
from gate.person import Contract, Person, Role
from gate.policy import ApprovalKind
from tests.cases import NOON, SECOND
from tests.engine.histories import APPLY, CONTRACTED, ESCORTED, PLAN, STAGE, History

FORWARD, BACK_OUT = Phase.FORWARD, Phase.BACK_OUT
OPENS, ENDS = datetime.fromisoformat(CONTRACTED.not_before), datetime.fromisoformat(CONTRACTED.not_after)
UNDER = Contract("a firm", "their engineer", "lead", OPENS, ENDS)
KNOWN = Person("performer", frozenset({Role.PERFORMER}), contractor=True, contract=UNDER)
PEOPLE = {"escort": Person("escort", frozenset({Role.ESCORT}))}
MOMENT = timedelta(microseconds=1)


def no_go(history: History, number: int = STAGE) -> str:
    return escorted(history.plan, history.standing, FORWARD, number, PEOPLE, ApprovalKind.SESSION, history.now + SECOND)


def test_the_first_go_opens_the_first_attempt_and_after_that_was_sent_the_second_needs_one_of_its_own() -> None:
    first = History(ESCORTED).forward(STAGE).asked_escort(FORWARD, STAGE).go()
    assert no_go(first) == ""
    sent = first.intend(FORWARD, STAGE).end(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "not_begun")
    assert no_go(sent) != ""
    assert "another" in no_go(sent.asked_escort(FORWARD, STAGE).go())
    assert no_go(sent.asked_escort(FORWARD, STAGE, attempt=2).go()) == ""


def test_a_stage_that_the_contractor_has_not_started_is_nobodys_to_escort() -> None:
    history = History(replace(ESCORTED, contractor=replace(CONTRACTED, person="colleague"))).forward(STAGE)
    assert no_go(history) == "the stage was started by performer, whom the plan does not name"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (OPENS - MOMENT, f"the time box of performer (Example Storage Services) opens at {CONTRACTED.not_before}"),
        (OPENS, ""),
        (ENDS - MOMENT, ""),
        (ENDS, f"the time box of performer (Example Storage Services) ended at {CONTRACTED.not_after}"),
    ],
)
def test_a_time_box_is_open_from_its_first_moment_until_right_before_its_last(now: datetime, said: str) -> None:
    assert outside_box(ESCORTED, now) == said
    assert outside_box(PLAN, now) == ""


@pytest.mark.parametrize(
    ("person", "now", "said"),
    [
        (KNOWN, NOON, ""),
        (None, NOON, "nobody knows performer as a contractor"),
        (replace(KNOWN, contractor=False), NOON, "nobody knows performer as a contractor"),
        (replace(KNOWN, contract=None), NOON, "performer is a contractor, and no contract with firm and time box"),
        (KNOWN, ENDS, "the time box of performer (a firm) ended at"),
    ],
)
def test_forward_takes_a_contractor_whom_the_table_of_people_knows_and_lets_in(
    person: Person | None, now: datetime, said: str
) -> None:
    people = {person.id: person} if person else {}
    because = outside_contract(ESCORTED, History(ESCORTED).forward(STAGE).standing, FORWARD, people, now)
    assert because.startswith(said)
    assert bool(because) is bool(said)


def test_what_has_begun_is_finished_and_taken_back_whoever_has_left_and_employees_are_asked_nothing() -> None:
    begun = History(ESCORTED).forward(APPLY).step(FORWARD, APPLY).standing
    for phase in (FORWARD, BACK_OUT, Phase.COMMIT):
        assert outside_contract(ESCORTED, begun, phase, {}, ENDS) == ""
    assert outside_contract(PLAN, History().forward(STAGE).standing, FORWARD, {}, ENDS) == ""


@pytest.mark.parametrize(("left", "old"), [(MOMENT, False), (timedelta(0), True)])
def test_at_the_moment_when_the_first_fact_expires_nothing_begins(left: timedelta, old: bool) -> None:
    standing = replace(History().forward(STAGE).standing, verdict_until=NOON + left)
    nobody = Tally({}, (), ())
    answer = authorise(PLAN, standing, nobody, FORWARD, NOON, timedelta(minutes=5), timedelta(minutes=15))
    assert ("too old" in str(answer)) is old
