"""Arrays of which somebody replaces a controller by hand: what the product reads of it, before, meanwhile, after."""

from collections.abc import Iterator

import pytest

from gate.evidence import Part
from gate.families import FAMILIES as FAMILIES_READ
from gate.inventory import ArrayFamily
from gate.lab.parts import Replaceable
from tests.lab.dialects.simulated import asked, reading, simulated
from tests.lab.fleets import eventually

FAMILIES = (ArrayFamily.STORAGE_VIRTUALIZE, ArrayFamily.DOTHILL)
Made = tuple[ArrayFamily, Replaceable]


@pytest.fixture(params=FAMILIES)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    array = simulated(request.param, pace=0.05)
    assert isinstance(array, Replaceable)
    yield request.param, array
    array.stop()


def listed(made: Made) -> tuple[Part, Part]:
    """Ask as the gate does; every question is one that changes nothing."""
    family, array = made
    product = FAMILIES_READ[family]
    assert product.parts is not None
    asking = product.parts()
    try:
        command = next(asking)
        while True:
            assert product.may_ask(command), command
            command = asking.send(asked(array, command))
    except StopIteration as ended:
        first, second = ended.value
        return first, second


def label(array: Replaceable, firmware: str) -> str:
    return f"{array.part_number} NEW-0001 {firmware}"


@pytest.mark.parametrize("newer", [False, True])
def test_every_controller_is_listed_with_what_stands_on_its_label(made: Made, newer: bool) -> None:
    _, array = made
    array.version = array.images[-1].version if newer else array.version
    for part, name in zip(listed(made), array.names, strict=True):
        sitting = array.sitting[name]
        assert (part.what, part.part, part.serial) == ("controller", sitting.part, sitting.serial)
        assert (part.firmware, part.well) == (array.version, True)
    assert listed(made)[0].serial != listed(made)[1].serial


def test_a_new_part_tells_its_own_firmware_and_does_not_serve_before_it_is_let_in(made: Made) -> None:
    _, array = made
    array.set_fault("swap", label(array, "8.5.0.2"))
    first, second = listed(made)
    assert (second.serial, second.firmware, second.well) == ("NEW-0001", "8.5.0.2", False)
    assert first.well
    assert not array.faults


def test_a_part_like_its_partner_joins_once_it_is_let_in(made: Made) -> None:
    family, array = made
    array.set_fault("swap", label(array, array.version))
    array.set_fault("let-in", "")
    assert eventually(lambda: listed(made)[1].well)
    assert reading(family, array).problems == ()
    assert array.accepted == {"swap": 1, "let-in": 1}


def test_a_part_with_other_firmware_takes_the_array_down_once_it_is_let_in(made: Made) -> None:
    _, array = made
    array.set_fault("swap", label(array, "8.5.0.2"))
    assert not array.controller.faults.offline
    array.set_fault("let-in", "")
    assert eventually(lambda: array.controller.faults.offline)
    assert not any(part.well for part in listed(made))


def test_an_array_that_refuses_a_part_takes_the_old_one_back(made: Made) -> None:
    _, array = made
    array.set_fault("part-refused", "")
    array.set_fault("swap", label(array, array.version))
    array.set_fault("let-in", "")
    assert not array.joining
    array.set_fault("swap", "old")
    array.set_fault("let-in", "")
    assert eventually(lambda: listed(made)[1].well)


@pytest.mark.parametrize("words", ["", "01LB207 S1", "01LB207 S1 8.6.0.3 more", "01LB207 S/1 8.6.0.3"])
def test_what_is_no_label_is_refused(made: Made, words: str) -> None:
    with pytest.raises(ValueError, match="a label is"):
        made[1].set_fault("swap", words)


def test_cables_are_plugged_in_once(made: Made) -> None:
    with pytest.raises(ValueError, match="cables already"):
        made[1].set_fault("let-in", "")
