"""An array that has lost a controller: what it lays to that one, and what it lays to nobody, over every other fault."""

from collections.abc import Iterator

import pytest

from gate.change import NewPart, OldPart, PartKind, Replacement
from gate.evidence import ArrayReading, PartsReading
from gate.families import FAMILIES
from gate.finding import Outcome
from gate.inventory import ArrayFamily
from gate.lab.parts import HANDS, Replaceable
from gate.mending import mends
from tests.lab.dialects.simulated import asked, reading, simulated
from tests.lab.fleets import eventually

Made = tuple[ArrayFamily, Replaceable]
TELLING = (ArrayFamily.STORAGE_VIRTUALIZE, ArrayFamily.DOTHILL)
PLACE = {ArrayFamily.STORAGE_VIRTUALIZE: ("1", "2", "node2"), ArrayFamily.DOTHILL: ("0", "B", "b0")}
"""Family → enclosure and slot of the second controller, and how its target's name ends."""

BESIDE = {
    ArrayFamily.STORAGE_VIRTUALIZE: ("rebuild", "drive-failed", "host-degraded", "alert-elsewhere"),
    ArrayFamily.DOTHILL: ("rebuild", "drive-failed", "unwritable-cache"),
}
"""Family → what else can be wrong with its arrays; of a host that has lost paths beside, the number of logins tells."""


@pytest.fixture(params=TELLING)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    array = simulated(request.param, pace=0.05)
    assert isinstance(array, Replaceable)
    array.set_fault("partner-dead", "")
    yield request.param, array
    array.stop()


def told(made: Made) -> PartsReading:
    family, array = made
    product = FAMILIES[family]
    assert product.parts is not None
    asking = product.parts()
    try:
        command = next(asking)
        while True:
            assert product.may_ask(command), command
            command = asking.send(asked(array, command))
    except StopIteration as ended:
        return PartsReading(array.name, reading(family, array).at, ended.value)


def judged(made: Made, read: ArrayReading | None = None) -> Outcome:
    """Ask as the gate does, and judge a change that names the second controller as failed."""
    family, array = made
    enclosure, slot, _ = PLACE[family]
    sitting = array.sitting[array.names[1]]
    request = Replacement(
        what=PartKind.CONTROLLER,
        enclosure=enclosure,
        slot=slot,
        old=OldPart(part=sitting.part, serial=sitting.serial),
        new=NewPart(part=sitting.part, serial="NEW-0001", firmware=array.version, paper="delivery note"),
        failed=True,
    )
    return mends(request, read or reading(family, array), told(made))[0]


@pytest.mark.parametrize("newer", [False, True])
def test_every_trouble_of_a_dead_controller_is_laid_to_it_and_its_port_is_named(made: Made, newer: bool) -> None:
    family, array = made
    array.version = array.images[-1].version if newer else array.version
    first, second = told(made).parts or ()
    found = reading(family, array)
    assert found.problems
    assert sorted(second.troubles) == sorted(found.problems)
    assert [port.endswith(PLACE[family][2]) for port in second.ports] == [True]
    assert (first.well, first.troubles, first.ports) == (True, (), ())
    assert judged(made) is Outcome.PASSED


@pytest.mark.parametrize(
    ("family", "beside"), [(family, fault) for family, faults in BESIDE.items() for fault in faults]
)
def test_a_second_fault_is_laid_to_nobody_and_refuses(family: ArrayFamily, beside: str) -> None:
    array = simulated(family)
    assert isinstance(array, Replaceable)
    array.set_fault("partner-dead", "")
    before = reading(family, array)
    array.set_fault(beside, "")
    assert judged((family, array)) is Outcome.FAILED
    array.clear_fault(beside)
    assert judged((family, array), before) is Outcome.PASSED


def test_an_alert_about_the_dead_node_is_laid_to_it() -> None:
    array = simulated(ArrayFamily.STORAGE_VIRTUALIZE)
    assert isinstance(array, Replaceable)
    array.set_fault("partner-dead", "")
    before = reading(ArrayFamily.STORAGE_VIRTUALIZE, array)
    array.set_fault("alert", "Node missing")
    assert judged((ArrayFamily.STORAGE_VIRTUALIZE, array)) is Outcome.PASSED
    assert judged((ArrayFamily.STORAGE_VIRTUALIZE, array), before) is Outcome.UNKNOWN  # it came in between


def test_a_well_array_and_one_that_lost_both_lay_nothing_to_anybody(made: Made) -> None:
    array = made[1]
    array.controllers[array.names[0]] = "offline"
    assert judged(made) is Outcome.FAILED
    assert all(part.troubles == () for part in told(made).parts or ())
    array.controllers[array.names[0]] = "online"
    array.clear_fault("partner-dead")
    assert judged(made) is Outcome.FAILED
    assert all((part.troubles, part.ports) == ((), ()) for part in told(made).parts or ())


def test_a_dead_controller_is_dead_wherever_it_lies_and_a_new_one_is_not(made: Made) -> None:
    _, array = made
    array.set_fault(HANDS[0], f"{array.part_number} NEW-0001 {array.version}")
    array.set_fault(HANDS[1], "")
    assert eventually(lambda: all(part.well for part in told(made).parts or ()))
    array.set_fault(HANDS[0], "old")
    array.set_fault(HANDS[1], "")
    assert eventually(lambda: not array.joining)
    assert judged(made) is Outcome.PASSED
