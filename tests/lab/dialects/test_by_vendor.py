"""Arrays whose code the vendor loads: what their readers see while that goes on, and when it goes wrong."""

from collections.abc import Iterator

import pytest

from gate.families import FAMILIES as FAMILIES_READ
from gate.inventory import ArrayFamily
from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.images import Behaviour
from tests.lab.dialects.simulated import asked, reading, simulated
from tests.lab.fleets import eventually

FAMILIES = (ArrayFamily.THREE_PAR, ArrayFamily.PURITY)
Made = tuple[ArrayFamily, ByVendor]


@pytest.fixture(params=FAMILIES)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    array = simulated(request.param, pace=0.05)
    assert isinstance(array, ByVendor)
    yield request.param, array
    array.stop()


def good(array: ByVendor) -> str:
    return next(one.version for one in reversed(array.images) if one.behaviour is Behaviour.GOOD)


def test_while_it_is_loaded_the_array_has_no_version_and_afterwards_the_new_one(made: Made) -> None:
    family, array = made
    seen = set()

    def done() -> bool:
        told = reading(family, array)
        seen.add((told.version, told.update_state == "idle"))
        return array.update_word == "idle"

    array.set_fault("vendor-loads", good(array))
    assert eventually(done)
    told = reading(family, array)
    assert (told.version, told.update_state, told.problems) == (good(array), "idle", ())
    assert (None, False) in seen
    assert array.accepted == {"load": 1}
    assert not array.faults


def test_it_is_brought_back_in_the_same_way(made: Made) -> None:
    family, array = made
    array.load(good(array))
    assert eventually(lambda: array.update_word == "idle")
    array.load(array.first_version)
    assert eventually(lambda: array.update_word == "idle")
    assert reading(family, array).version == array.first_version


def test_hosts_that_do_not_come_back_make_it_revert_by_itself(made: Made) -> None:
    """The array's own software counts the hosts before and after each node (array-clis, S 20e)."""
    family, array = made
    array.set_fault("hosts-stay-away", "")
    array.load(good(array))
    assert eventually(lambda: array.update_word == "reverted")
    assert reading(family, array).version == array.first_version


def test_one_that_stalls_is_left_with_two_versions_and_tells_none(made: Made) -> None:
    family, array = made
    array.set_fault("stalls", "")
    array.load(good(array))
    assert eventually(lambda: array.update_word == "stalled")
    told = reading(family, array)
    assert told.version is None
    assert any("version" in line for line in told.unknown)


def test_a_version_that_there_is_not_and_a_second_hand_are_refused(made: Made) -> None:
    _, array = made
    with pytest.raises(ValueError, match="no image brings"):
        array.load("9.9.9")
    array.load(good(array))
    with pytest.raises(ValueError, match="already"):
        array.load(good(array))


@pytest.mark.parametrize(
    ("family", "fault", "words"),
    [
        (ArrayFamily.THREE_PAR, "alert", "Alert: New alerts"),
        (ArrayFamily.THREE_PAR, "one-path", "reaches node 0 alone"),
        (ArrayFamily.PURITY, "alert", "open warning alert Drive, bay 3: degraded"),
        (ArrayFamily.PURITY, "one-path", "reaches CT0 alone"),
        (ArrayFamily.PURITY, "partner-link", "lab-elsewhere is unhealthy"),
    ],
)
def test_a_familys_own_faults_are_seen_by_its_reader(family: ArrayFamily, fault: str, words: str) -> None:
    array = simulated(family)
    array.set_fault(fault, "")
    problems = reading(family, array).problems
    assert problems is not None
    assert any(words in line for line in problems), problems


def test_what_only_the_playbook_asks_stands_against_an_update_too() -> None:
    for family, question, reader, fact in (
        (ArrayFamily.THREE_PAR, "statcpu -iter 1", "load", ("below_half", "no")),
        (ArrayFamily.PURITY, "purealert list --csv", "alerts", ("open", "1")),
    ):
        array = simulated(family)
        array.set_fault("refuses-precheck", "")
        assert reading(family, array).problems == ()
        facts = FAMILIES_READ[family].readers[reader](asked(array, question))
        assert facts[fact[0]] == fact[1]


def test_a_running_task_is_seen_as_the_arrays_state() -> None:
    array = simulated(ArrayFamily.THREE_PAR)
    array.set_fault("task", "tune_vv")
    assert reading(ArrayFamily.THREE_PAR, array).update_state == "running 1 tasks"


@pytest.mark.parametrize("family", FAMILIES)
def test_newer_code_has_other_columns_and_ends_its_lines_otherwise(family: ArrayFamily) -> None:
    array = simulated(family)
    question = {ArrayFamily.THREE_PAR: "showsys -csvtable", ArrayFamily.PURITY: "purearray list --csv"}[family]
    old = array.answer(question, admin=False).out
    array.version = good(array) if isinstance(array, ByVendor) else ""
    new = array.answer(question, admin=False).out
    assert new.count(b",") > old.count(b",")
    assert new.endswith(b"\r\n")
    assert not old.endswith(b"\r\n")
