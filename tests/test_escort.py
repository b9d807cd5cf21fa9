"""A go opens one attempt of one step, said by an employee who may; everything else is named and refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.approval import Method
from gate.canonical import utc
from gate.change import Phase, Plan
from gate.escort import Asked, Go, Gone, may_escort, may_start, needs_go, read_go, why_no_go
from gate.person import Person, Role
from gate.policy import ApprovalKind, Seat
from tests.cases import NOON
from tests.engine.histories import CANARY, CONTRACTED, ESCORTED, IDENTIFY, PLAN, PREPARE, STAGE

KEY = "ssh-ed25519 AAAA"
UNTIL = NOON + timedelta(minutes=10)
PEOPLE: Mapping[str, Person] = {
    "escort": Person("escort", frozenset({Role.ESCORT}), keys=(KEY,)),
    "lead": Person("lead", seats=frozenset({Seat.STORAGE})),
    "asker": Person("asker", frozenset({Role.REQUESTER, Role.ESCORT})),
    "performer": Person("performer", frozenset({Role.PERFORMER, Role.ESCORT}), contractor=True),
    "colleague": Person("colleague", frozenset({Role.ESCORT}), contractor=True),
    "operator": Person("operator", frozenset({Role.PERFORMER})),
}
SAID = Go(
    origin=ESCORTED.origin,
    change=ESCORTED.change,
    plan_digest=ESCORTED.digest,
    array=CANARY,
    phase="forward",
    step="stage",
    number=str(STAGE),
    attempt="1",
    words=ESCORTED.forward[STAGE].command,
    contractor="performer",
    firm="Example Storage Services",
    escort="escort",
    ask="ask",
    expires=utc(UNTIL),
    nonce="n",
)


def why(
    said: Go = SAID,
    method: Method = Method.SSH,
    key: str = KEY,
    kind: ApprovalKind = ApprovalKind.SIGNED,
    after: timedelta = timedelta(0),
    due: tuple[Phase, int, int] = (Phase.FORWARD, STAGE, 1),
    people: Mapping[str, Person] = PEOPLE,
) -> str:
    asked = Asked("ask", "run", Phase.FORWARD, STAGE, 1, SAID.words, UNTIL, Gone(said, method, NOON, key))
    return why_no_go(ESCORTED, asked, due, people, "asker", kind, NOON + after)


def test_a_signed_go_for_exactly_this_step_lets_it_be_sent() -> None:
    assert why() == ""


def test_without_a_contractor_no_go_is_needed() -> None:
    assert not needs_go(PLAN, PLAN.forward[STAGE])
    assert why_no_go(PLAN, None, (Phase.FORWARD, STAGE, 1), PEOPLE, "asker", ApprovalKind.SIGNED, NOON) == ""


def test_asking_steps_need_one_only_where_the_plan_says_everything() -> None:
    assert not needs_go(ESCORTED, ESCORTED.forward[IDENTIFY])
    everything = replace(ESCORTED, contractor=replace(CONTRACTED, go_for="everything"))
    assert needs_go(everything, everything.forward[IDENTIFY])


@pytest.mark.parametrize("asked", [None, Asked("ask", "run", Phase.FORWARD, STAGE, 1, SAID.words, UNTIL)])
def test_without_a_go_it_is_not_sent(asked: Asked | None) -> None:
    because = why_no_go(ESCORTED, asked, (Phase.FORWARD, STAGE, 1), PEOPLE, "asker", ApprovalKind.SIGNED, NOON)
    assert because == "no escort has said go for forward step stage"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("origin", "origin"),
        ("change", "change"),
        ("plan_digest", "plan digest"),
        ("array", "array"),
        ("phase", "phase"),
        ("step", "step"),
        ("number", "number"),
        ("attempt", "attempt"),
        ("words", "words"),
        ("contractor", "contractor"),
        ("firm", "firm"),
        ("ask", "ask"),
    ],
)
def test_a_go_for_anything_else_is_none(name: str, told: str) -> None:
    other = replace(SAID, **{name: "other"})  # type: ignore[arg-type]
    assert why(other) == f"the go was given for another {told}"


@pytest.mark.parametrize("due", [(Phase.FORWARD, PREPARE, 1), (Phase.FORWARD, STAGE, 2), (Phase.BACK_OUT, 0, 1)])
def test_a_go_does_not_open_another_step_or_attempt(due: tuple[Phase, int, int]) -> None:
    assert "another" in why(due=due)


def test_a_go_is_over_at_its_last_moment() -> None:
    assert why(after=timedelta(minutes=10) - timedelta(microseconds=1)) == ""
    assert "it has expired" in why(after=timedelta(minutes=10))
    assert "does not say when" in why(replace(SAID, expires="whenever"))


def test_a_go_by_session_counts_only_where_the_policy_counts_sessions() -> None:
    assert "signatures by enrolled keys only" in why(method=Method.SESSION, key="")
    assert why(method=Method.SESSION, key="", kind=ApprovalKind.SESSION) == ""


@pytest.mark.parametrize("key", ["", "ssh-ed25519 BBBB"])
def test_a_go_counts_only_by_a_key_that_is_the_escorts(key: str) -> None:
    assert "not signed by a key that is enrolled for escort" in why(key=key, kind=ApprovalKind.SESSION)


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("asker", "the requester does not escort"),
        ("performer", "a contractor escorts nobody"),
        ("colleague", "a contractor escorts nobody"),
        ("operator", "only an escort or the holder of a seat"),
        ("nobody", "nobody called nobody is known"),
    ],
)
def test_whoever_may_not_escort_says_no_go(name: str, because: str) -> None:
    told = why(replace(SAID, escort=name), method=Method.SESSION, key="", kind=ApprovalKind.SESSION)
    assert because in told


def test_the_holder_of_a_seat_may_escort_and_nobody_themselves() -> None:
    assert may_escort(PEOPLE["lead"], "asker", CONTRACTED) == ""
    employed = replace(PEOPLE["performer"], contractor=False)
    assert may_escort(employed, "asker", CONTRACTED) == "nobody escorts themselves"


def test_exactly_the_contractor_whom_the_plan_names_starts_it() -> None:
    assert may_start(PEOPLE["performer"], ESCORTED) == ""
    assert may_start(PEOPLE["operator"], PLAN) == ""
    assert "the plan names performer of Example Storage Services" in may_start(PEOPLE["operator"], ESCORTED)
    assert "the plan names performer" in may_start(PEOPLE["colleague"], ESCORTED)
    assert "the plan names no contractor" in may_start(PEOPLE["performer"], PLAN)


def test_a_go_is_read_back_only_from_its_exact_text() -> None:
    assert read_go(SAID.text()) == SAID
    for text in (
        SAID.text() + " ",
        SAID.text().replace('"v":1', '"v":2'),
        SAID.text().replace('"attempt":"1"', '"attempt":1'),
        SAID.text().replace('"nonce":"n",', ""),
        "[" * 100_000,
        "{}",
    ):
        with pytest.raises(ValueError, match=r"not a go of version 1|canonical|Expecting"):
            read_go(text)


@pytest.mark.parametrize(("named", "step"), [(PLAN, STAGE), (PLAN, IDENTIFY), (ESCORTED, IDENTIFY)])
def test_where_no_go_is_needed_none_is_missed(named: Plan, step: int) -> None:
    due = (Phase.FORWARD, step, 1)
    assert why_no_go(named, None, due, PEOPLE, "asker", ApprovalKind.SIGNED, NOON) == ""
