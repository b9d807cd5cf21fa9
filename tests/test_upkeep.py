"""Who else works on a copy, its host or its storage, and what that leaves of what was read before."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from gate.evidence import Counts, maintenance_of
from gate.gather.known import EARLIER, maintained, reads, since, with_earlier
from gate.inventory import Inventory, Maintenance, Protection, Ssh
from gate.landscape import Element, Map, Place
from gate.upkeep import Work, ended, maintenance, over, under
from tests.cases import NOON, SECOND, VAULT_LUN, fleet, host, protection, reading, recovery_tool, trace, verification

HOUR = timedelta(hours=1)
PLACE = Place((Element("array", "vault-1", "S1"),))


def told(on: str, opens: timedelta = -2 * HOUR, closes: timedelta = -HOUR) -> Maintenance:
    return Maintenance(on=on, opens=NOON + opens, closes=NOON + closes, reason="restic is updated")


def inventory(*works: Maintenance) -> Inventory:
    return fleet().model_copy(update={"maintenance": works})


@pytest.mark.parametrize("name", ["nightly", "bk-1", "vault-1"])
def test_a_copy_is_worked_on_through_its_program_its_host_and_its_storage(name: str) -> None:
    kept: Protection = protection()
    assert name in under(kept, PLACE)
    assert ended(kept, PLACE, over(maintenance(inventory(told(name))), NOON)) == NOON - HOUR
    assert ended(kept, PLACE, over(maintenance(inventory(told("east-1"))), NOON)) is None


def test_work_on_a_machine_is_work_on_it_under_every_name_that_it_has() -> None:
    kept, alias = protection(), host("restore-1", "west").model_copy(update={"ssh": Ssh(host="BK-1.example.")})
    told_of = inventory(told("restore-1"))
    assert ended(kept, PLACE, over(maintenance(told_of), NOON)) is None
    again = inventory(told("restore-1"))
    named = again.model_copy(update={"hosts": (*again.hosts, alias)})
    assert ended(kept, PLACE, over(maintenance(named), NOON)) == NOON - HOUR


def test_the_last_work_that_is_over_counts_and_none_that_goes_on() -> None:
    earlier, last = told("bk-1", -9 * HOUR, -8 * HOUR), told("nightly")
    going_on, later = told("bk-1", -HOUR, SECOND), told("bk-1", HOUR, 2 * HOUR)
    works = maintenance(inventory(earlier, last, going_on, later))
    assert ended(protection(), PLACE, over(works, NOON)) == NOON - HOUR
    assert ended(protection(), PLACE, over(works, NOON + SECOND)) == NOON + SECOND
    assert ended(protection(), PLACE, over(works, NOON - HOUR)) == NOON - HOUR
    assert ended(protection(), PLACE, over(works, NOON - HOUR - SECOND)) == NOON - 8 * HOUR


@pytest.mark.parametrize(
    ("opens", "closes", "meets"),
    [
        (-2 * HOUR, -HOUR, False),
        (-2 * HOUR, -HOUR + SECOND, True),
        (HOUR - SECOND, 2 * HOUR, True),
        (HOUR, 2 * HOUR, False),
        (-2 * HOUR, 2 * HOUR, True),
        (timedelta(0), SECOND, True),
    ],
)
def test_two_times_meet_where_they_have_a_moment_in_common(opens: timedelta, closes: timedelta, meets: bool) -> None:
    work = Work("work", frozenset(), NOON + opens, NOON + closes)
    assert work.meets(NOON - HOUR, NOON + HOUR) is meets


def test_what_was_read_before_a_maintenance_was_over_is_read_again() -> None:
    """The gate does not take an earlier read for a new one; what was read afterwards stays."""
    fleet_told = inventory(told("bk-1", -2 * HOUR, -HOUR))
    where = Map({"vault-1": reading("vault-1")}, fleet_told)
    places = {"nightly": trace("vault-1", VAULT_LUN)}
    settled = maintained(fleet_told, places, where, NOON)
    assert settled == {maintenance_of(one): NOON - HOUR for one in ("nightly", "offsite")}
    before, after = verification(HOUR + SECOND), verification(HOUR)
    assert since((before, after), places, settled, where) == (after,)
    assert maintained(inventory(), places, where, NOON) == {}


def test_reads_before_go_along_three_of_them_of_the_same_copy_in_the_same_place_oldest_first() -> None:
    found = verification(HOUR)
    older = [verification(hours * HOUR) for hours in (9, 2, 5, 4, 3)]
    others = [verification(2 * HOUR, protection="offsite"), verification(2 * HOUR, place="elsewhere")]
    same_moment, later = verification(HOUR, because="another"), verification(HOUR - SECOND)
    stand = with_earlier((found,), reads([*older, *others, same_moment, found, later]))
    assert stand == (verification(4 * HOUR), verification(3 * HOUR), verification(2 * HOUR), found)
    assert len(stand) == EARLIER + 1
    assert with_earlier((found,), reads([later, *others])) == (found,)
    assert with_earlier((found,), reads([older[0]])) == (older[0], found)
    assert with_earlier((found, later), reads([found])) == (found, found, later)


def test_a_read_that_found_the_same_backup_damaged_is_not_pushed_out_by_many_good_ones() -> None:
    broken = {"level": "V1", "passed": False, "counts": Counts("files", 1, 0, damaged=1)}
    bad, found = verification(9 * HOUR, **broken), verification(HOUR)
    good = [verification(hours * HOUR) for hours in (8, 7, 6, 5, 4, 3, 2)]
    other = verification(11 * HOUR, backup="20261121T100000Z", **broken)
    stand = with_earlier((found,), reads([other, bad, *good]))
    assert stand == (bad, verification(4 * HOUR), verification(3 * HOUR), verification(2 * HOUR), found)
    assert with_earlier((found,), reads([other, bad])) == (other, bad, found)


def test_a_maintenance_must_be_of_something_that_is_there_and_have_an_end_after_its_beginning() -> None:
    given = fleet().model_dump()
    for name in ("vault-1", "bk-1", "nightly", recovery_tool().id):
        assert Inventory.model_validate({**given, "maintenance": [told(name).model_dump()]}).maintenance
    with pytest.raises(ValidationError, match=r'maintenance\.0\.on: "bk-9" is not in the inventory'):
        Inventory.model_validate({**given, "maintenance": [told("bk-9").model_dump()]})
    with pytest.raises(ValidationError, match="closes must be after opens"):
        told("bk-1", HOUR, HOUR)
