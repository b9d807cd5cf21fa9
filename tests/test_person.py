"""Who a contractor may be, and when a door is open to somebody: each limit from both sides, to the moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.person import LONGEST, Contract, Person, Role, unfit
from gate.policy import Seat
from tests.cases import NOON

CONTRACT = Contract("Example Storage Services", "their field engineer", "lead", NOON, NOON + timedelta(hours=4))
FIRM = Person("fitter", frozenset({Role.PERFORMER}), contractor=True, contract=CONTRACT)
SPONSOR = Person("lead", seats=frozenset({Seat.STORAGE}))
MOMENT = timedelta(microseconds=1)


def test_a_time_box_is_open_from_its_first_moment_to_before_its_last() -> None:
    assert FIRM.shut(NOON) == ""
    assert FIRM.shut(NOON - MOMENT).endswith("opens at 2026-11-22 12:00:00 UTC")
    assert FIRM.shut(CONTRACT.not_after - MOMENT) == ""
    assert FIRM.shut(CONTRACT.not_after).endswith("ended at 2026-11-22 16:00:00 UTC")


def test_employees_have_no_time_box_and_a_contractor_without_a_contract_has_no_door() -> None:
    assert replace(FIRM, contractor=False).shut(NOON - timedelta(days=1)) == ""
    assert "no contract with firm and time box is on record" in replace(FIRM, contract=None).shut(NOON)


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({}, ""),
        ({"firm": "f" * LONGEST, "name": "n" * LONGEST}, ""),
        ({"firm": "f" * (LONGEST + 1)}, "the firm is one line of 1 to 200 printable characters"),
        ({"firm": ""}, "the firm is one line"),
        ({"firm": " Example"}, "the firm is one line"),
        ({"name": "Example\n"}, "the real name is one line"),
        ({"name": "a\tb"}, "the real name is one line"),
        ({"not_after": NOON + MOMENT}, ""),
        ({"not_after": NOON}, "the time box ends before it begins"),
        ({"not_after": NOON - MOMENT}, "the time box ends before it begins"),
    ],
)
def test_a_contract_names_firm_and_person_in_one_line_and_a_time_that_there_is(
    changed: dict[str, str], because: str
) -> None:
    found = unfit(replace(CONTRACT, **changed), {Role.PERFORMER}, (), SPONSOR)  # type: ignore[arg-type]
    assert found.startswith(because) if because else found == ""


@pytest.mark.parametrize(
    ("roles", "seats", "sponsor", "because"),
    [
        ({Role.PERFORMER, Role.REQUESTER}, (), SPONSOR, ""),
        ({Role.PERFORMER}, (Seat.STORAGE,), SPONSOR, "a contractor fills no seat"),
        ({Role.PERFORMER, Role.ADMIN}, (), SPONSOR, "a contractor adds nobody and escorts nobody"),
        ({Role.ESCORT}, (), SPONSOR, "a contractor adds nobody and escorts nobody"),
        ({Role.PERFORMER}, (), FIRM, "a contractor answers for nobody"),
    ],
)
def test_a_contractor_has_no_seat_no_say_over_people_and_an_employee_who_answers_for_them(
    roles: set[Role], seats: tuple[Seat, ...], sponsor: Person, because: str
) -> None:
    assert unfit(CONTRACT, roles, seats, sponsor) == because
