"""The playbooks that replace a controller, step by step against simulated arrays, with good and bad parts."""

from dataclasses import dataclass

import pytest

from gate.change import PartKind, Swap
from gate.control.replacing import slots
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.lab.parts import Replaceable
from gate.playbook import parse, render
from gate.step import Step
from tests.lab.dialects.simulated import NAME, known_as, simulated
from tests.lab.dialects.test_playbooks import BOOKS, Bench

BOOK = {
    ArrayFamily.STORAGE_VIRTUALIZE: ("replace-canister", ("1", "2"), ("01-1", "01-2"), "1"),
    ArrayFamily.DOTHILL: ("replace-controller", ("A", "B"), ("A", "B"), "0"),
}
"""Family → playbook, slots, names of the places, enclosure."""

NEW = "NEW-0001"


@dataclass(frozen=True)
class ByHand(Bench):
    """Somebody who puts in what they were given."""

    put: str = ""

    @property
    def hands(self) -> Replaceable:
        assert isinstance(self.array, Replaceable)
        return self.array

    def by_hand(self, step: Step, within_s: float) -> None:
        """Do what the step says in words."""
        if step.id == "swap-back":
            self.hands.swap("old")
        elif step.id == "swap":
            self.hands.swap(self.put)
        else:
            self.hands.let_in()


def bench(family: ArrayFamily, firmware: str = "", serial: str = NEW, part: str = "") -> ByHand:
    array = simulated(family, pace=0.02)
    assert isinstance(array, Replaceable)
    if family is ArrayFamily.DOTHILL:
        array.set_fault("no-partner-update", "")
    name, (partner_slot, slot), (partner_place, place), enclosure = BOOK[family]
    number = array.part_number
    planned = Swap(
        what=PartKind.CONTROLLER.value,
        enclosure=enclosure,
        slot=slot,
        place=place,
        old_part=number,
        old_serial=array.sitting[array.names[1]].serial,
        part=number,
        serial=NEW,
        firmware=array.version,
        paper="delivery note",
        partner_slot=partner_slot,
        partner_place=partner_place,
        partner_part=number,
        partner_serial=array.sitting[array.names[0]].serial,
        partner_firmware=array.version,
    )
    playbook = parse((BOOKS / family / f"{name}.yaml").read_bytes(), name, FAMILIES)
    known = {"array": NAME, "serial": known_as(family)[0], "from_version": array.version, **slots(planned)}
    words = render(playbook, {one: known[one] for one in playbook.slots}, FAMILIES)
    return ByHand(family, array, array.images[0], words, f"{part or number} {serial} {firmware or array.version}")


@pytest.fixture(params=list(BOOK))
def family(request: pytest.FixtureRequest) -> ArrayFamily:
    chosen: ArrayFamily = request.param
    return chosen


def test_a_good_part_is_let_in_and_stays_well(family: ArrayFamily) -> None:
    made = bench(family)
    assert made.take(made.words.forward) is None
    assert made.take(made.words.commit) is None
    assert made.array.accepted == {"swap": 1, "let-in": 1}


def test_a_failed_part_is_replaced_by_the_same_steps_and_goes_back_dead(family: ArrayFamily) -> None:
    made = bench(family)
    made.array.set_fault("partner-dead", "")
    assert made.take(made.words.forward) is None
    assert made.take(made.words.commit) is None
    assert "partner-dead" not in made.array.faults
    assert made.take(made.words.back_out) is None
    assert "partner-dead" in made.array.faults


def test_a_failed_part_whose_replacement_is_dead_too_is_never_called_done(family: ArrayFamily) -> None:
    made = bench(family)
    made.array.set_fault("partner-dead", "")
    made.array.set_fault("part-refused", "")
    assert made.take(made.words.forward) is not None
    assert made.take(made.words.back_out) is None


@pytest.mark.parametrize(
    ("changed", "step"),
    [({"firmware": "8.5.0.2"}, "carries"), ({"part": "OTHER-99"}, "new-in-place"), ({"serial": "NEW-9"}, "swap")],
)
def test_a_bad_part_stops_before_its_cables_and_goes_back(
    family: ArrayFamily, changed: dict[str, str], step: str
) -> None:
    made = bench(family, **changed)
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[0] == step
    assert next(iter(changed.values())) in stopped[1].because
    assert not made.array.controller.faults.offline
    assert made.array.accepted["let-in"] == 0
    assert made.take(made.words.back_out) is None
    assert made.hands.sitting[made.array.names[1]].serial != changed.get("serial", NEW)


def test_an_array_that_refuses_the_part_is_never_called_done(family: ArrayFamily) -> None:
    made = bench(family)
    made.array.set_fault("part-refused", "")
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[1].outcome == "unknown"


def test_nobody_takes_a_part_out_when_the_two_have_changed_places(family: ArrayFamily) -> None:
    made = bench(family)
    sitting = made.hands.sitting
    first, second = made.array.names
    sitting[first], sitting[second] = sitting[second], sitting[first]
    assert made.take(made.words.forward) is not None
    assert made.array.accepted == {}


def test_partner_firmware_update_must_be_off() -> None:
    made = bench(ArrayFamily.DOTHILL)
    made.array.clear_fault("no-partner-update")
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[0] == "partner-stays-as-it-is"


def test_volumes_that_hang_on_the_canister_alone_stop_it() -> None:
    made = bench(ArrayFamily.STORAGE_VIRTUALIZE)
    made.array.set_fault("dependent-vdisks", "")
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[0] == "nothing-depends"
