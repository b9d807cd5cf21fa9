"""A shelf of drives, one of whose modules is replaced: the shipped playbook step by step, with good and bad modules."""

from collections.abc import Iterator

import pytest

from gate.change import NewPart, OldPart, PartKind, Replacement, Swap
from gate.control.replacing import slots
from gate.evidence import Part, PartsReading
from gate.families import FAMILIES
from gate.finding import Outcome
from gate.inventory import ArrayFamily
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.mending import mends
from gate.playbook import parse, render
from gate.step import Step
from tests.lab.dialects.simulated import NAME, asked, known_as, reading, simulated
from tests.lab.dialects.test_playbooks import BOOKS, HANGS_S
from tests.lab.dialects.test_replacing import ByHand
from tests.lab.fleets import eventually

SV = ArrayFamily.STORAGE_VIRTUALIZE
NEW = "NEW-0001"
MODULE = PartKind.SHELF_MODULE


def shelved(pace: float = 0.02) -> StorageVirtualize:
    array = simulated(SV, pace=pace)
    assert isinstance(array, StorageVirtualize)
    array.set_fault("shelf", "")
    return array


@pytest.fixture
def array() -> Iterator[StorageVirtualize]:
    made = shelved()
    yield made
    made.stop()


def listed(array: StorageVirtualize) -> PartsReading:
    asking = FAMILIES[SV].parts
    assert asking is not None
    generator = asking()
    try:
        command = next(generator)
        while True:
            assert FAMILIES[SV].may_ask(command), command
            command = generator.send(asked(array, command))
    except StopIteration as ended:
        return PartsReading(array.name, reading(SV, array).at, ended.value)


def modules(array: StorageVirtualize) -> tuple[Part, Part]:
    first, second = (part for part in listed(array).parts or () if part.what == MODULE)
    return first, second


class Hand(ByHand):
    """Somebody at the shelf."""

    def by_hand(self, step: Step, within_s: float) -> None:
        """Do what the step says in words."""
        assert isinstance(self.array, StorageVirtualize)
        if step.id == "swap-back":
            self.array.swap_module("old")
            self.array.cable_module()
        elif step.id == "swap":
            self.array.swap_module(self.put)
        else:
            self.array.cable_module()


def bench(array: StorageVirtualize, firmware: str = "", serial: str = NEW, part: str = "", **otherwise: str) -> Hand:
    """What the plan was sealed with, and in somebody's hand what may be another module."""
    first, second = array.modules
    planned = Swap(
        what=MODULE.value,
        enclosure="2",
        slot="2",
        place="",
        old_part=second.part,
        old_serial=second.serial,
        part=array.module_part,
        serial=NEW,
        firmware=array.module_firmware,
        paper="delivery note",
        partner_slot="1",
        partner_place="",
        partner_part=first.part,
        partner_serial=first.serial,
        partner_firmware=first.firmware,
    )
    name = "replace-expansion-canister"
    playbook = parse((BOOKS / SV / f"{name}.yaml").read_bytes(), name, FAMILIES)
    known = {"array": NAME, "serial": known_as(SV)[0], "from_version": array.version, **slots(planned)}
    known |= otherwise
    words = render(playbook, {one: known[one] for one in playbook.slots}, FAMILIES)
    put = f"{part or array.module_part} {serial} {firmware or array.module_firmware}"
    return Hand(SV, array, array.images[0], words, put)


@pytest.mark.parametrize("newer", [False, True])
def test_the_modules_of_a_shelf_are_listed_with_every_level_of_their_firmware(
    array: StorageVirtualize, newer: bool
) -> None:
    array.version = array.images[-1].version if newer else array.version
    for part, sitting in zip(modules(array), array.modules, strict=True):
        assert (part.enclosure, part.part, part.serial) == ("2", sitting.part, sitting.serial)
        assert (part.firmware, part.well, part.troubles) == (array.module_firmware, True, ())
    assert reading(SV, array).problems == ()
    assert [part.what for part in listed(array).parts or ()] == ["controller", "controller", MODULE, MODULE]


def test_a_module_without_its_cables_takes_one_path_from_every_drive_of_its_shelf(array: StorageVirtualize) -> None:
    array.set_fault("swap-module", f"{array.module_part} {NEW} 5.0")
    second = modules(array)[1]
    assert (second.serial, second.firmware, second.well, second.state) == (NEW, "5.0", False, "degraded")
    problems = reading(SV, array).problems or ()
    assert [line for line in problems if line.startswith("drive ")] == [f"drive {n} is degraded" for n in range(12, 18)]
    assert "enclosure 2 has 1 of 2 canisters online" in problems


def test_a_good_module_is_replaced_and_every_path_is_back(array: StorageVirtualize) -> None:
    made = bench(array)
    assert made.take(made.words.forward) is None
    assert made.take(made.words.commit) is None
    assert array.accepted == {"swap-module": 1, "cable-module": 1}
    assert reading(SV, array).problems == ()
    assert made.take(made.words.back_out) is None


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ({"firmware": "5.0_1.2"}, "carries"),
        ({"firmware": "6.13_1.1"}, "carries"),
        ({"firmware": "6.13"}, "carries"),
        ({"part": "01LB207"}, "new-in-place"),
        ({"serial": "NEW-9"}, "swap"),
    ],
)
def test_a_bad_module_stops_before_its_cables_and_goes_back(
    array: StorageVirtualize, changed: dict[str, str], step: str
) -> None:
    made = bench(array, **changed)
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[0] == step
    assert next(iter(changed.values())) in stopped[1].because
    assert (array.shelf_lost, array.accepted["cable-module"]) == (False, 0)
    assert made.take(made.words.back_out) is None
    assert eventually(lambda: reading(SV, array).problems == ())


def test_a_shelf_that_does_not_come_back_is_never_called_done_and_comes_back_with_the_old_module(
    array: StorageVirtualize,
) -> None:
    made = bench(array)
    array.set_fault("shelf-stays-away", "")
    stopped = made.take(made.words.forward, HANGS_S)
    assert stopped is not None
    assert (stopped[0], stopped[1].outcome) == ("joined", "unknown")
    assert array.controller.faults.offline
    assert {"enclosure 2 is offline", "drive 12 is offline"} < set(reading(SV, array).problems or ())
    assert made.take(made.words.back_out) is None
    assert eventually(lambda: reading(SV, array).problems == ())
    assert not array.controller.faults.offline


def test_a_drive_that_stays_on_one_path_is_not_passed_over(array: StorageVirtualize) -> None:
    made = bench(array)
    array.set_fault("module-dead", "")
    array.set_fault("drive-on-one-path", "")
    stopped = made.take(made.words.forward, HANGS_S)
    assert stopped is not None
    assert stopped[0] == "paths-back"
    assert "drive 12 is degraded" in stopped[1].because


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ("dependent-vdisks", "nothing-depends"),
        ("places", "old-in-place"),
        ("other", "partner-in-place"),
        ("first-module-away", "partner-in-place"),
    ],
)
def test_nobody_touches_the_shelf_while_a_volume_hangs_on_the_module_or_another_one_sits_there(
    array: StorageVirtualize, fault: str, step: str
) -> None:
    made = bench(array)
    if fault == "places":
        array.modules.reverse()
    elif fault == "other":
        array.modules[0] = array.modules[1]
    else:
        array.set_fault(fault, "")
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert stopped[0] == step
    assert array.accepted == {}


def test_a_controller_is_not_taken_out_as_a_module(array: StorageVirtualize) -> None:
    first, second = (array.sitting[name] for name in array.names)
    made = bench(array, enclosure="1", old_part=second.part, old_serial=second.serial, partner_serial=first.serial)
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert (stopped[0], stopped[1].because) == ("old-in-place", 'kind is "controller", not "shelf-module"')
    assert array.accepted == {}


def judged(array: StorageVirtualize) -> tuple[Outcome, str]:
    second = array.modules[1]
    request = Replacement(
        what=MODULE,
        enclosure="2",
        slot="2",
        old=OldPart(part=second.part, serial=second.serial),
        new=NewPart(part=second.part, serial=NEW, firmware="6.13_1.2", paper="delivery note"),
        failed=True,
    )
    return mends(request, reading(SV, array), listed(array))


def test_a_dead_module_explains_its_shelf_and_the_lost_paths_and_can_be_replaced(array: StorageVirtualize) -> None:
    assert judged(array)[0] is Outcome.FAILED
    array.set_fault("module-dead", "")
    assert sorted(modules(array)[1].troubles) == sorted(reading(SV, array).problems or ())
    assert judged(array)[0] is Outcome.PASSED
    made = bench(array)
    assert made.take(made.words.forward) is None
    assert reading(SV, array).problems == ()
    assert made.take(made.words.back_out) is None
    assert "module-dead" in array.faults


@pytest.mark.parametrize(
    "beside", ["rebuild", "drive-failed", "drive-on-one-path", "partner-dead", "first-module-away", "alert-elsewhere"]
)
def test_a_second_fault_beside_a_dead_module_refuses(array: StorageVirtualize, beside: str) -> None:
    array.set_fault("module-dead", "")
    array.set_fault(beside, "")
    assert judged(array)[0] is Outcome.FAILED


def test_a_module_that_was_pulled_again_before_it_joined_joins_no_more(array: StorageVirtualize) -> None:
    array.set_fault("swap-module", f"{array.module_part} {NEW} {array.module_firmware}")
    array.set_fault("cable-module", "")
    array.set_fault("swap-module", "old")
    assert not array.module_cabled
    with pytest.raises(ValueError, match="a label is"):
        array.set_fault("swap-module", "01LB310 S1")
    array.set_fault("cable-module", "")
    assert eventually(lambda: array.module_joined)
    with pytest.raises(ValueError, match="cables already"):
        array.set_fault("cable-module", "")
