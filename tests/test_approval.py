"""An approval binds to digests, duties are separate, and whoever may not fill a seat fills none."""

import contextlib
import itertools
import json
from dataclasses import asdict, fields, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.approval import (
    Decision,
    Method,
    Signed,
    Statement,
    Tally,
    may_perform,
    may_resume,
    may_sit,
    may_try,
    read_statement,
    seats_due,
    tally,
)
from gate.canonical import utc
from gate.person import Person, Role
from gate.policy import ApprovalKind, Seat
from tests.cases import DIGEST, NOON, OTHER_DIGEST, SECOND, policy

SEATS = (Seat.STORAGE, Seat.DATA_OWNER)
PEOPLE = {
    "lead": Person("lead", seats=frozenset({Seat.STORAGE}), keys=("key of lead",)),
    "owner": Person("owner", seats=frozenset({Seat.DATA_OWNER}), keys=("key of owner",)),
    "both": Person("both", seats=frozenset(Seat), keys=("key of both",)),
    "contractor": Person("contractor", seats=frozenset(Seat), contractor=True, keys=("key of contractor",)),
    "engineer": Person("engineer", seats=frozenset(Seat), roles=frozenset({Role.REQUESTER}), keys=("key of engineer",)),
}


def statement(approver: str = "lead", seat: str = "storage", **changed: str) -> Statement:
    given: dict[str, Any] = {
        "origin": "gate.example",
        "change": "chg-0001",
        "stage": "canary",
        "plan_digest": DIGEST,
        "verdict_digest": DIGEST,
        "decision": "approve",
        "seat": seat,
        "approver": approver,
        "expires": utc(NOON + timedelta(hours=1)),
        "nonce": "n-1",
    }
    return Statement(**{**given, **changed})


def signed(approver: str = "lead", seat: str = "storage", method: Method = Method.SSH, **changed: str) -> Signed:
    return Signed(statement(approver, seat, **changed), method, NOON - timedelta(minutes=5), f"key of {approver}")


def count(*approvals: Signed, **changed: Any) -> Tally:
    given: dict[str, Any] = {
        "seats": SEATS,
        "demands": {},
        "plan_digest": DIGEST,
        "verdict_digest": DIGEST,
        "approvals": approvals,
        "people": PEOPLE,
        "requester": "engineer",
        "kind": ApprovalKind.SIGNED,
        "now": NOON,
        "stage": "canary",
    }
    return tally(**{**given, **changed})


BOTH = (signed(), signed("owner", "data-owner"))


def test_two_people_in_two_seats_are_complete() -> None:
    counted = count(*BOTH)
    assert counted.complete
    assert {seat: it.statement.approver for seat, it in counted.filled.items()} == {
        Seat.STORAGE: "lead",
        Seat.DATA_OWNER: "owner",
    }
    assert (counted.missing, counted.not_counted) == ((), ())


def test_nobody_or_half_of_them_are_not_complete_and_the_missing_seat_is_named() -> None:
    assert not count().complete
    half = count(BOTH[0])
    assert not half.complete
    assert half.missing == (Seat.DATA_OWNER,)


def test_a_policy_without_seats_is_never_complete() -> None:
    assert not count(seats=()).complete
    assert not count(*BOTH, seats=()).complete


def test_a_policy_does_not_name_a_seat_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        policy(seats=(Seat.STORAGE, Seat.STORAGE))


@pytest.mark.parametrize(
    ("spoiled", "because"),
    [
        (signed("owner", "data-owner", decision="deny"), "it is not an approval"),
        (signed("owner", "data-owner", decision="Approve"), "it is not an approval"),
        (signed("owner", "data-owner", plan_digest=OTHER_DIGEST), "it was given for another plan"),
        (signed("owner", "data-owner", verdict_digest=OTHER_DIGEST), "it was given for another verdict"),
        (signed("owner", "data-owner", stage="wave-1"), "it was given for the stage wave-1"),
        (signed("owner", "data-owner", expires=utc(NOON)), "it has expired"),
        (signed("owner", "data-owner", expires="never"), "it does not say when it expires"),
        (signed("owner", "data-owner", expires=""), "it does not say when it expires"),
        (signed("owner", "data-owner", expires="2026-11-22T13:00:00"), "it does not say when it expires"),
        (replace(BOTH[1], at=NOON + SECOND), "it lies in the future"),
        (signed("owner", "data-owner", Method.SESSION), "the policy counts signatures by enrolled keys only"),
        (
            replace(BOTH[1], method=cast("Method", "session")),
            "the policy counts signatures by enrolled keys only",
        ),
        (signed("intruder", "data-owner"), "nobody of that name is known"),
        (signed("Owner", "data-owner"), "nobody of that name is known"),
        (signed("owner", "astronaut"), "the policy has no seat astronaut"),
        (signed("owner", "backup-owner"), "the policy has no seat backup-owner"),
        (signed("lead", "data-owner"), "lead does not hold the seat data-owner"),
        (signed("contractor", "data-owner"), "a contractor fills no seat"),
        (signed("engineer", "data-owner"), "the requester does not approve their own change"),
    ],
)
def test_an_approval_that_does_not_hold_is_not_counted_and_the_reason_is_told(spoiled: Signed, because: str) -> None:
    for order in itertools.permutations((BOTH[0], spoiled)):
        counted = count(*order)
        assert not counted.complete
        assert counted.not_counted == ((f"{spoiled.statement.approver} ({spoiled.statement.seat})", because),)
        assert counted.missing == (Seat.DATA_OWNER,)
    assert count(*BOTH, spoiled).complete


def test_an_approval_holds_until_the_second_before_it_expires() -> None:
    pair = (signed(expires=utc(NOON + SECOND)), BOTH[1])
    assert count(*pair).complete
    assert not count(*pair, now=NOON + SECOND).complete


def test_an_approval_made_this_very_moment_counts() -> None:
    assert count(*(replace(it, at=NOON) for it in BOTH)).complete


def test_a_session_counts_only_where_the_policy_says_so() -> None:
    pair = (signed(method=Method.SESSION), BOTH[1])
    assert not count(*pair).complete
    assert count(*pair, kind=ApprovalKind.SESSION).complete
    assert count(*BOTH, kind=ApprovalKind.SESSION).complete


def test_who_left_became_a_contractor_or_lost_the_seat_no_longer_counts() -> None:
    for now_known in (
        {"owner": PEOPLE["owner"]},
        {**PEOPLE, "lead": replace(PEOPLE["lead"], contractor=True)},
        {**PEOPLE, "lead": replace(PEOPLE["lead"], seats=frozenset())},
    ):
        assert not count(*BOTH, people=now_known).complete


def test_one_person_fills_one_seat_however_many_they_hold() -> None:
    counted = count(signed("both"), signed("both", "data-owner"))
    assert not counted.complete
    assert counted.missing == (Seat.DATA_OWNER,)
    assert counted.not_counted == (("both (data-owner)", "one person fills one seat"),)


def test_a_second_approval_for_a_filled_seat_is_told_by_whom_it_is_filled() -> None:
    counted = count(signed(), signed(), signed("both"))
    assert counted.not_counted == (
        ("lead (storage)", "the seat is filled by lead"),
        ("both (storage)", "the seat is filled by lead"),
    )
    assert counted.filled[Seat.STORAGE].statement.approver == "lead"


def test_somebody_who_signed_for_two_seats_moves_over_when_another_can_take_the_first() -> None:
    """No order of signing may leave a seat empty that the people who signed could have filled."""
    three = (signed("both"), signed("lead"), signed("both", "data-owner"))
    for order in itertools.permutations(three):
        counted = count(*order)
        assert counted.complete
        assert counted.filled[Seat.DATA_OWNER].statement.approver == "both"
        assert counted.not_counted == (("both (storage)", "the seat is filled by lead"),)


PAIRS = st.lists(st.tuples(st.sampled_from(["p", "q", "r", "s"]), st.sampled_from(list(Seat))), max_size=8)


@settings(deadline=None)
@given(pairs=PAIRS, seats=st.lists(st.sampled_from(list(Seat)), unique=True, max_size=4).map(tuple), data=st.data())
def test_seats_are_complete_exactly_if_distinct_people_can_fill_them_in_any_order_of_signing(
    pairs: list[tuple[str, Seat]], seats: tuple[Seat, ...], data: st.DataObject
) -> None:
    people = {name: Person(name, seats=frozenset(Seat), keys=(f"key of {name}",)) for name in "pqrs"}
    shuffled = data.draw(st.permutations(pairs))
    counted = count(*(signed(name, seat) for name, seat in shuffled), seats=seats, people=people)
    possible = any(
        all((name, seat) in pairs for name, seat in zip(order, seats, strict=True))
        for order in itertools.permutations(people, len(seats))
    )
    assert counted.complete is (bool(seats) and possible)
    sitting = [it.statement.approver for it in counted.filled.values()]
    assert len(sitting) == len(set(sitting))
    assert all(it.statement.seat == seat for seat, it in counted.filled.items())
    assert len(counted.not_counted) + len(sitting) == len(pairs)


@pytest.mark.parametrize(
    ("person", "seat", "because"),
    [
        ("lead", Seat.STORAGE, ""),
        ("lead", Seat.DATA_OWNER, "lead does not hold the seat data-owner"),
        ("contractor", Seat.STORAGE, "a contractor fills no seat"),
        ("engineer", Seat.STORAGE, "the requester does not approve their own change"),
    ],
)
def test_who_may_sit(person: str, seat: Seat, because: str) -> None:
    assert may_sit(PEOPLE[person], seat, "engineer") == because


def test_requester_approvers_and_performer_are_different_people() -> None:
    performer = Person("frank", roles=frozenset({Role.PERFORMER}))
    no = "somebody who approved or waived does not perform"
    assert may_perform(performer, "engineer", ("lead", "owner")) == ""
    assert may_perform(replace(performer, contractor=True), "engineer", ()) == ""
    assert may_perform(performer, "frank", ()) == "the requester does not perform their own change"
    assert may_perform(performer, "engineer", ("lead", "frank")) == no
    assert may_perform(performer, "engineer", iter(("lead", "frank"))) == no
    assert may_perform(Person("gina", roles=frozenset({Role.ADMIN})), "engineer", ()) == "gina is not a performer"


def test_a_statement_reads_back_from_the_text_that_was_signed() -> None:
    text = statement().text()
    assert read_statement(text) == statement()
    assert "\n" not in text
    assert json.loads(text)["v"] == 1
    assert Decision.APPROVE in text


@pytest.mark.parametrize("field", [field.name for field in fields(Statement)])
def test_every_field_of_a_statement_is_signed_and_none_may_lack(field: str) -> None:
    whole = statement(signs_for="backup-size-usual")
    told = asdict(whole)
    assert replace(whole, **{field: told[field] * 2}).text() != whole.text()
    if field == "signs_for":
        return
    del told[field]
    with pytest.raises(ValueError, match="not a statement"):
        read_statement(json.dumps(told, sort_keys=True, separators=(",", ":")))


def test_a_statement_that_signs_for_nothing_has_no_such_key_and_an_empty_one_is_refused() -> None:
    assert "signs_for" not in statement().text()
    assert read_statement(statement(signs_for="one two").text()).signs_for == "one two"
    with pytest.raises(ValueError, match="canonical"):
        read_statement(statement().text().replace('"stage"', '"signs_for":"","stage"'))


DEMANDS = {Seat.DATA_OWNER: ("one", "two")}


@pytest.mark.parametrize(
    ("signs_for", "lacking"),
    [("", "one, two"), ("one", "two"), ("two", "one"), ("one two", ""), ("one three two", ""), ("onetwo", "one, two")],
)
def test_a_seat_counts_only_when_it_signs_for_every_check_that_is_put_to_it(signs_for: str, lacking: str) -> None:
    counted = count(BOTH[0], signed("owner", "data-owner", signs_for=signs_for), demands=DEMANDS)
    assert counted.complete is (not lacking)
    assert counted.not_counted == ((("owner (data-owner)", f"it does not sign for {lacking}"),) if lacking else ())


def test_a_seat_that_only_a_finding_demands_is_due_besides_those_of_the_plan() -> None:
    demands: dict[Seat, tuple[str, ...]] = {Seat.BACKUP_OWNER: ("one",), Seat.CHANGE_MANAGER: ()}
    assert seats_due(SEATS, demands) == (*SEATS, Seat.BACKUP_OWNER)
    assert count(*BOTH, demands=demands).missing == (Seat.BACKUP_OWNER,)
    third = signed("both", "backup-owner", signs_for="one")
    assert count(*BOTH, third, demands=demands).complete


TEXT = statement().text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"statement"',
        "{",
        "[" * 100_000,
        TEXT + "\n",
        " " + TEXT,
        TEXT.replace('"v":1', '"v":2'),
        TEXT.replace('"v":1', '"v":true'),
        TEXT.replace('"v":1', '"v":1.0'),
        TEXT.replace("}", ',"w":1}'),
        TEXT.replace('"seat":"storage"', '"seat":"data-owner","seat":"storage"'),
        TEXT.replace('"storage"', "7"),
        TEXT.replace('"storage"', '["storage"]'),
        TEXT.replace('"storage"', '"\\u0073torage"'),
        TEXT.replace('"storage"', '"\\ud800"'),
        TEXT.replace('"storage"', "NaN"),
        TEXT.replace('"storage"', "1" * 5000),
    ],
)
def test_anything_but_the_canonical_text_of_a_statement_is_refused(text: str) -> None:
    assert text != TEXT
    with pytest.raises(ValueError):
        read_statement(text)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_throws_anything_but_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert read_statement(text).text() == text


@pytest.mark.parametrize("key", ["", "key of owner"])
def test_a_signature_by_no_enrolled_key_of_the_approver_does_not_count(key: str) -> None:
    """Neither one that fits no statement nor one made by somebody else's key."""
    counted = count(replace(signed(), key=key), signed("owner", "data-owner"))
    assert counted.missing == (Seat.STORAGE,)
    assert "not signed by a key that is enrolled for lead" in counted.not_counted[0][1]


def test_a_session_approval_needs_no_key() -> None:
    session = replace(signed(method=Method.SESSION), key="")
    assert Seat.STORAGE in count(session, kind=ApprovalKind.SESSION).filled


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (Person("a", frozenset({Role.REQUESTER})), ""),
        (Person("a", frozenset({Role.PERFORMER})), ""),
        (Person("a", seats=frozenset({Seat.STORAGE})), ""),
        (Person("a", frozenset({Role.AUDITOR, Role.ADMIN})), "only a requester, a performer or the holder of a seat"),
        (Person("a", frozenset({Role.PERFORMER}), contractor=True), "a contractor does not have arrays asked"),
    ],
)
def test_the_fleet_is_asked_for_whoever_works_on_changes_here(person: Person, said: str) -> None:
    assert may_try(person) == said


def test_going_on_is_decided_by_neither_requester_nor_contractor() -> None:
    assert may_resume(PEOPLE["lead"], "engineer") == ""
    assert "requester" in may_resume(PEOPLE["engineer"], "engineer")
    assert "contractor" in may_resume(PEOPLE["contractor"], "engineer")
