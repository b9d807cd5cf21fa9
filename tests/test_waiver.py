"""There is no skip flag: a waiver takes a person in every seat of the policy, a reason, an end, and one finding."""

import json
from dataclasses import asdict, fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.approval import Method
from gate.canonical import utc
from gate.finding import Waiver
from gate.person import Person
from gate.policy import ApprovalKind, Seat
from gate.waiver import SLACK, SignedWaiver, Terms, WaiverStatement, in_force, read_waiver, why_not
from tests.cases import DIGEST, NOON, OTHER_DIGEST, SECOND, policy

SEATS = (Seat.DATA_OWNER, Seat.CHANGE_MANAGER)
PEOPLE = {
    "owner": Person("owner", seats=frozenset({Seat.DATA_OWNER}), keys=("key of owner",)),
    "manager": Person("manager", seats=frozenset({Seat.CHANGE_MANAGER}), keys=("key of manager",)),
    "both": Person("both", seats=frozenset(Seat), keys=("key of both",)),
    "contractor": Person("contractor", seats=frozenset(Seat), contractor=True, keys=("key of contractor",)),
    "engineer": Person("engineer", seats=frozenset(Seat), keys=("key of engineer",)),
}
END = NOON + timedelta(hours=1)
LONGEST = timedelta(hours=72)
TERMS = Terms("gate.example", SEATS, PEOPLE, "engineer", ApprovalKind.SIGNED, LONGEST)


def statement(approver: str = "owner", seat: str = "data-owner", **changed: str) -> WaiverStatement:
    told: dict[str, Any] = {
        "origin": "gate.example",
        "change": "chg-0001",
        "check": "backup-recent",
        "finding": DIGEST,
        "seat": seat,
        "approver": approver,
        "reason": "the array fails within days",
        "expires": utc(END),
        "nonce": "n-1",
    }
    return WaiverStatement(**{**told, **changed})


def half(
    approver: str = "owner", seat: str = "data-owner", method: Method = Method.SSH, **changed: str
) -> SignedWaiver:
    return SignedWaiver(statement(approver, seat, **changed), method, NOON - SECOND, f"key of {approver}")


def force(*halves: SignedWaiver, **changed: Any) -> tuple[Waiver, ...]:
    now = changed.pop("now", NOON)
    return in_force(halves, replace(TERMS, **changed), now)


LASTS = "it would hold longer than the policy lets it"
OWNER, MANAGER = half(), half("manager", "change-manager")


def test_two_people_in_both_seats_make_one_waiver_whatever_the_order() -> None:
    by = (("data-owner", "owner"), ("change-manager", "manager"))
    expected = (Waiver("backup-recent", DIGEST, END, by, ("the array fails within days",) * 2),)
    assert force(OWNER, MANAGER) == expected
    assert force(MANAGER, OWNER) == expected


def test_the_earlier_end_ends_all_of_it() -> None:
    short = half("manager", "change-manager", expires=utc(NOON + SECOND))
    assert force(OWNER, short)[0].expires == NOON + SECOND


@pytest.mark.parametrize(
    "halves", [(), (OWNER,), (MANAGER,), (OWNER, OWNER), (half("both"), half("both", "change-manager"))]
)
def test_less_than_two_people_in_two_seats_waive_nothing(halves: tuple[SignedWaiver, ...]) -> None:
    assert force(*halves) == ()


def test_a_person_who_holds_both_seats_makes_room_for_another() -> None:
    both = (half("both"), half("both", "change-manager"))
    assert force(*both, OWNER)[0].by == (("data-owner", "owner"), ("change-manager", "both"))
    assert force(*both, MANAGER)[0].by == (("data-owner", "both"), ("change-manager", "manager"))


def test_of_two_people_who_may_fill_a_seat_the_first_on_record_does() -> None:
    both = half("both")
    assert force(OWNER, both, MANAGER)[0].by == (("data-owner", "owner"), ("change-manager", "manager"))
    assert force(both, OWNER, MANAGER)[0].by == (("data-owner", "both"), ("change-manager", "manager"))


def test_a_policy_of_three_seats_needs_three_people() -> None:
    seats = (*SEATS, Seat.STORAGE)
    third = half("both", "storage")
    assert force(OWNER, MANAGER, third, seats=seats)[0].by[-1] == ("storage", "both")
    assert force(OWNER, half("both", "change-manager"), third, seats=seats) == ()


def test_what_is_signed_this_very_moment_counts() -> None:
    assert force(OWNER, replace(MANAGER, at=NOON))


@pytest.mark.parametrize("changed", [{"finding": OTHER_DIGEST}, {"check": "backup-counted"}])
def test_halves_about_different_findings_do_not_meet(changed: Any) -> None:
    assert force(OWNER, half("manager", "change-manager", **changed)) == ()


@pytest.mark.parametrize("seats", [(), (Seat.DATA_OWNER,), (Seat.DATA_OWNER, Seat.DATA_OWNER)])
def test_fewer_than_two_seats_waive_nothing(seats: tuple[Seat, ...]) -> None:
    assert force(OWNER, MANAGER, seats=seats) == ()


def test_a_policy_asks_for_two_different_seats() -> None:
    with pytest.raises(ValueError, match="waiver_seats"):
        policy(waiver_seats=(Seat.DATA_OWNER,))
    with pytest.raises(ValueError, match="waiver_seats: a seat is there twice"):
        policy(waiver_seats=(Seat.DATA_OWNER, Seat.DATA_OWNER))


@pytest.mark.parametrize(
    ("spoiled", "because"),
    [
        (half("manager", "change-manager", expires=utc(NOON)), "it has expired"),
        (half("manager", "change-manager", expires="never"), "it does not say when it expires"),
        (half("manager", "change-manager", expires=utc(NOON + LONGEST + SLACK + SECOND)), LASTS),
        (half("manager", "change-manager", origin="staging.example"), "it was signed for chg-0001 of staging.example"),
        (replace(MANAGER, at=NOON + SECOND), "it lies in the future"),
        (half("manager", "change-manager", reason=" "), "it gives no reason"),
        (half("manager", "change-manager", Method.SESSION), "the policy counts signatures by enrolled keys only"),
        (half("nobody", "change-manager"), "nobody of that name is known"),
        (replace(MANAGER, key="key of owner"), "it is not signed by a key that is enrolled for manager"),
        (replace(MANAGER, key=""), "it is not signed by a key that is enrolled for manager"),
        (half("manager", "storage"), "the policy lets no seat storage waive"),
        (half("manager", "king"), "the policy lets no seat king waive"),
        (half("owner", "change-manager"), "owner does not hold the seat change-manager"),
        (half("contractor", "change-manager"), "a contractor fills no seat"),
        (half("engineer", "change-manager"), "the requester does not approve their own change"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_half_that_does_not_hold_is_not_counted_and_the_reason_is_told(spoiled: SignedWaiver, because: str) -> None:
    assert force(OWNER, spoiled) == ()
    assert why_not(spoiled, TERMS, NOON) == because


def test_the_performer_does_not_waive_what_they_perform() -> None:
    assert force(OWNER, MANAGER, performer="manager") == ()
    assert why_not(MANAGER, replace(TERMS, performer="manager"), NOON) == (
        "the performer does not waive what they perform"
    )
    assert force(OWNER, MANAGER, performer="engineer")


def test_it_may_hold_as_long_as_the_policy_says_by_the_clock_of_another_machine() -> None:
    assert force(OWNER, half("manager", "change-manager", expires=utc(NOON + LONGEST + SLACK)))


def test_a_session_signs_where_the_policy_counts_sessions() -> None:
    session = replace(half(method=Method.SESSION), key="")
    assert force(session, MANAGER, kind=ApprovalKind.SESSION)


def test_it_holds_up_to_and_not_at_its_end() -> None:
    assert force(OWNER, MANAGER, now=END - SECOND)
    assert force(OWNER, MANAGER, now=END) == ()


def test_a_waiver_reads_back_from_the_text_that_was_signed() -> None:
    assert read_waiver(statement().text()) == statement()


@pytest.mark.parametrize("field", [field.name for field in fields(WaiverStatement)])
def test_every_field_is_signed_and_none_may_lack(field: str) -> None:
    told = asdict(statement())
    assert replace(statement(), **{field: told[field] * 2}).text() != statement().text()
    del told[field]
    with pytest.raises(ValueError, match="not a waiver"):
        read_waiver(json.dumps(told, sort_keys=True, separators=(",", ":")))


@given(
    st.text() | st.sampled_from(["[" * 100_000, "null", statement().text() + " ", statement().text()[:-1] + ',"w":1}'])
)
def test_nothing_else_is_a_waiver(text: str) -> None:
    with pytest.raises(ValueError):
        read_waiver(text)
