"""What holds for every family, also for one that is added tomorrow."""

import pytest

from gate.families import FAMILIES
from gate.inventory import ArrayFamily


def test_every_dialect_that_an_inventory_may_name_has_its_family_and_the_other_way_round() -> None:
    assert set(FAMILIES) == set(ArrayFamily)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_question_is_on_the_list_of_those_that_change_nothing(family: ArrayFamily) -> None:
    assert FAMILIES[family].questions
    for command in FAMILIES[family].commands("1").values():
        assert FAMILIES[family].may_ask(command), command
        assert FAMILIES[family].forbids(command), command
        assert not FAMILIES[family].may_ask(f"{command}; reboot")
        assert not FAMILIES[family].may_ask(f"{command}\nreboot")
