"""One array goes first, a twin stays behind to compare with, and every target is told why it is not the one."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.canary import Choice, choose, stages
from gate.evidence import ArrayReading
from gate.inventory import Array, Criticality, Inventory
from tests.cases import array, fleet, reading

LOW, MEDIUM, HIGH, CRITICAL = Criticality
NOWHERE: frozenset[str] = frozenset()


def readings(inventory: Inventory, **others: ArrayReading | None) -> dict[str, ArrayReading]:
    """Everybody is well; `others` replaces, or removes with None, with underscores for hyphens."""
    told: dict[str, ArrayReading | None] = {item.id: reading(item.id) for item in inventory.arrays}
    told.update({key.replace("_", "-"): value for key, value in others.items()})
    return {key: value for key, value in told.items() if value is not None}


def chosen(
    *arrays: Array,
    targets: tuple[str, ...] = (),
    told: dict[str, ArrayReading] | None = None,
    repositories: frozenset[str] = NOWHERE,
    datasets: frozenset[str] = NOWHERE,
) -> Choice:
    inventory = fleet(arrays=arrays)
    asked = targets or tuple(item.id for item in arrays)
    found = choose(asked, inventory, readings(inventory) if told is None else told, repositories, datasets)
    assert [item.array for item in found.explained] == list(asked)
    assert [item.array for item in found.explained if item.chosen] == ([found.canary] if found.canary else [])
    assert all(item.because for item in found.explained)
    assert found.because
    return found


def why(found: Choice, name: str) -> str:
    return next(item.because for item in found.explained if item.array == name)


A, B, C = array("east-1", CRITICAL), array("east-2", MEDIUM), array("west-1", HIGH)


def test_the_least_critical_target_goes_first_whatever_the_order() -> None:
    for order in itertools.permutations((A, B, C)):
        found = chosen(*order)
        assert (found.canary, found.control) == ("east-2", "west-1")
    found = chosen(A, B, C)
    assert why(found, "east-2") == "lowest criticality (medium) among the targets that can be it"
    assert why(found, "west-1") == "criticality high, the canary's is medium; it is the control"
    assert why(found, "east-1") == "criticality critical, the canary's is medium"


def test_a_tie_goes_to_an_array_without_a_dataset_then_to_the_later_name() -> None:
    arrays = (array("east-1"), array("east-2"), array("east-3"))
    found = chosen(*arrays)
    assert (found.canary, found.control) == ("east-3", "east-1")
    assert why(found, "east-1") == "it is the control"
    assert why(found, "east-2") == "as fit as the canary; the choice fell by dataset and name"
    assert chosen(*arrays, datasets=frozenset({"east-3"})).canary == "east-2"
    assert chosen(*arrays, datasets=frozenset({"east-1", "east-2", "east-3"})).canary == "east-3"


def test_low_criticality_with_a_dataset_goes_before_high_criticality_without() -> None:
    assert chosen(A, B, C, datasets=frozenset({"east-2"})).canary == "east-2"


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"serial": None}, "what it runs or who it is could not be measured"),
        ({"serial": "0000020420E99999"}, "what it runs or who it is could not be measured"),
        ({"problems": None}, "its health could not be measured"),
        ({"unknown": ("lsdrive timed out",)}, "its health could not be measured"),
        ({"problems": ("node 2 is offline", "a drive failed")}, "it is not well: node 2 is offline, a drive failed"),
        ({"update_state": "system_updating"}, "its update state is system_updating, not idle"),
        ({"update_state": None}, "its update state is not known, not idle"),
    ],
)
def test_an_array_that_is_not_known_to_be_well_is_neither_canary_nor_control(
    fields: dict[str, Any], because: str
) -> None:
    inventory = fleet(arrays=(A, B, C))
    found = chosen(A, B, C, told=readings(inventory, east_2=reading("east-2", **fields)))
    assert (found.canary, found.control) == ("west-1", "east-1")
    assert why(found, "east-2") == because
    beside = chosen(A, B, targets=("east-1",), told=readings(fleet(arrays=(A, B)), east_2=reading("east-2", **fields)))
    assert beside.canary is None
    assert beside.because == "east-1 has no well array of the same model and firmware beside it to compare with"


def test_an_array_without_a_scratch_object_is_neither_canary_nor_control() -> None:
    bare = array("east-2", MEDIUM, scratch=None)
    found = chosen(A, bare, C)
    assert (found.canary, found.control) == ("west-1", "east-1")
    assert why(found, "east-2") == "it has no scratch object for known-answer data"
    assert chosen(A, bare, targets=("east-1",)).canary is None


def test_an_array_with_a_repository_is_never_the_canary_and_may_be_the_control() -> None:
    found = chosen(A, B, C, repositories=frozenset({"east-2"}))
    assert (found.canary, found.control) == ("west-1", "east-2")
    assert why(found, "east-2") == "it holds a backup repository"


@pytest.mark.parametrize("named_by", ["east-2", "west-1"])
def test_partners_are_known_from_either_side_and_neither_goes_first(named_by: str) -> None:
    one = array("east-2", MEDIUM, partner="west-1" if named_by == "east-2" else None)
    two = array("west-1", HIGH, partner="east-2" if named_by == "west-1" else None)
    found = chosen(A, one, two)
    assert found.canary == "east-1"
    assert why(found, "east-2") == "it is the partner of west-1, which is a target too"
    assert why(found, "west-1") == "it is the partner of east-2, which is a target too"


@pytest.mark.parametrize("named_by", ["east-2", "west-1"])
def test_a_partner_outside_the_targets_bars_nobody_and_is_no_control(named_by: str) -> None:
    one = array("east-2", MEDIUM, partner="west-1" if named_by == "east-2" else None)
    two = array("west-1", LOW, partner="east-2" if named_by == "west-1" else None)
    assert chosen(one, two, targets=("east-2",)).canary is None
    found = chosen(one, two, array("west-2", CRITICAL), targets=("east-2",))
    assert (found.canary, found.control) == ("east-2", "west-2")


def test_a_single_target_needs_a_twin_outside_the_targets() -> None:
    found = chosen(A, B, targets=("east-1",))
    assert (found.canary, found.control) == ("east-1", "east-2")
    alone = chosen(A)
    assert (alone.canary, alone.control) == (None, None)
    assert why(alone, "east-1") == "east-1 has no well array of the same model and firmware beside it to compare with"


def test_a_control_is_rather_another_target_then_less_critical_then_the_earlier_name() -> None:
    fifth = array("west-2", LOW)
    assert chosen(A, B, C, fifth, targets=("east-1", "east-2")).control == "east-1"
    assert chosen(A, B, C, fifth, targets=("east-1",)).control == "west-2"
    twins = (A, array("west-2", HIGH), array("east-3", HIGH))
    assert chosen(*twins, targets=("east-1",)).control == "east-3"


@pytest.mark.parametrize("fields", [{"version": "8.6.0.4"}, {"version": None}])
def test_targets_that_run_different_firmware_have_no_canary(fields: dict[str, Any]) -> None:
    inventory = fleet(arrays=(A, B, C))
    found = chosen(A, B, C, told=readings(inventory, east_1=reading("east-1", **fields)))
    assert (found.canary, found.control) == (None, None)
    assert "split the change" in found.because
    assert why(found, "east-2") == found.because


def test_targets_of_different_models_have_no_canary_and_a_barred_one_keeps_its_own_reason() -> None:
    found = chosen(array("east-1", model="LAB-FS7"), B, repositories=frozenset({"east-2"}))
    assert found.canary is None
    assert why(found, "east-1") == found.because
    assert why(found, "east-2") == "it holds a backup repository"


def test_a_control_runs_what_the_canary_runs_on_the_same_model() -> None:
    inventory = fleet(arrays=(A, B, C))
    other = readings(inventory, east_2=reading("east-2", version="8.6.0.4"))
    assert chosen(A, B, C, targets=("east-1",), told=other).control == "west-1"
    assert chosen(A, array("east-2", MEDIUM, model="LAB-FS7"), C, targets=("east-1",)).control == "west-1"


def test_without_any_reading_no_target_can_be_the_canary() -> None:
    found = chosen(A, B, told={})
    assert found.canary is None
    assert found.because == "no target can be the canary"
    assert why(found, "east-1") == "what it runs or who it is could not be measured"


def test_arrays_of_which_nobody_knows_the_firmware_are_alike_in_nothing() -> None:
    mute = {name: reading(name, version=None) for name in ("east-1", "east-2")}
    found = chosen(A, B, told=mute)
    assert found.because == "no target can be the canary"
    assert why(found, "east-2") == "what it runs or who it is could not be measured"


def test_no_targets_have_no_canary() -> None:
    assert choose((), fleet(), {}, NOWHERE, NOWHERE) == Choice(None, None, "no target can be the canary", ())


def test_a_target_that_left_the_inventory_leaves_no_canary() -> None:
    found = choose(("east-1", "gone-1"), fleet(), readings(fleet()), NOWHERE, NOWHERE)
    assert found.canary is None
    assert found.because == "gone-1: not in the inventory"
    assert [(item.array, item.chosen) for item in found.explained] == [("east-1", False), ("gone-1", False)]
    gone = tuple(f"gone-{number}" for number in range(9))
    assert choose(gone[::-1], fleet(), {}, NOWHERE, NOWHERE).because == f"{', '.join(gone)}: not in the inventory"


def drawn(*arrays: Array, canary: str) -> list[tuple[str, tuple[str, ...]]]:
    found = stages(canary, tuple(item.id for item in arrays), fleet(arrays=arrays))
    return [(stage.name, stage.arrays) for stage in found]


def test_the_canary_is_alone_then_its_own_site_then_the_others_in_order() -> None:
    names = ("west-1", "east-1", "west-2", "east-2")
    assert drawn(*map(array, names), canary="west-2") == [
        ("canary", ("west-2",)),
        ("wave-1", ("west-1",)),
        ("wave-2", ("east-1", "east-2")),
    ]


def test_a_canary_at_the_other_site_turns_the_order_of_the_sites() -> None:
    names = ("west-1", "east-1", "west-2", "east-2")
    assert drawn(*map(array, names), canary="east-2") == [
        ("canary", ("east-2",)),
        ("wave-1", ("east-1",)),
        ("wave-2", ("west-1", "west-2")),
    ]


def test_a_single_target_has_one_stage() -> None:
    assert drawn(array("east-1"), canary="east-1") == [("canary", ("east-1",))]


@pytest.mark.parametrize("turned", [False, True])
def test_partners_at_one_site_are_in_two_waves_though_only_one_names_the_other(turned: bool) -> None:
    pair = [array("east-1", partner="east-2"), array("east-2")]
    assert drawn(*(pair[::-1] if turned else pair), array("east-3"), canary="east-3")[1:] == [
        ("wave-1", ("east-2" if turned else "east-1",)),
        ("wave-2", ("east-1" if turned else "east-2",)),
    ]


def test_three_that_are_all_partners_are_in_three_waves() -> None:
    ring = (array("east-1", partner="east-2"), array("east-2", partner="east-3"), array("east-3", partner="east-1"))
    assert [wave for _, wave in drawn(*ring, array("east-4"), canary="east-4")[1:]] == [
        ("east-1",),
        ("east-2",),
        ("east-3",),
    ]


NAMES = tuple(f"{site}-{number}" for site in ("east", "west") for number in range(1, 5))


@settings(deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.data())
def test_every_target_is_in_exactly_one_stage_and_partners_are_never_together(
    names: list[str], data: st.DataObject
) -> None:
    partners = {name: data.draw(st.sampled_from([None, *names])) for name in names}
    arrays = tuple(array(name, partner=partners[name] if partners[name] != name else None) for name in names)
    found = drawn(*arrays, canary=names[0])
    assert found[0] == ("canary", (names[0],))
    assert [name for name, _ in found[1:]] == [f"wave-{number}" for number in range(1, len(found))]
    assert sorted(name for _, wave in found for name in wave) == sorted(names)
    assert all(wave for _, wave in found)
    for _, wave in found:
        assert len({name.split("-")[0] for name in wave}) == 1
        assert not any(partners[one] == two for one, two in itertools.permutations(wave, 2))


CRITICALITIES = st.sampled_from(list(Criticality))


@settings(deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.data())
def test_whatever_the_fleet_a_canary_is_fit_and_none_fitter_was_passed_over(
    names: list[str], data: st.DataObject
) -> None:
    arrays = tuple(array(name, data.draw(CRITICALITIES)) for name in names)
    targets = tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    sick = frozenset(data.draw(st.lists(st.sampled_from(names))))
    told = readings(fleet(arrays=arrays))
    told = {name: replace(item, problems=("sick",)) if name in sick else item for name, item in told.items()}
    found = chosen(*arrays, targets=targets, told=told)
    fit = set(targets) - sick
    assert (found.canary is None) is (not fit or len(set(names) - sick) < 2)
    if found.canary is not None:
        rank = {item.id: list(Criticality).index(item.criticality) for item in arrays}
        assert found.canary in fit
        assert found.control not in sick | {found.canary}
        assert rank[found.canary] == min(rank[name] for name in fit)


def test_an_array_of_which_only_the_replaced_part_is_broken_can_be_the_canary_and_never_the_control() -> None:
    inventory = fleet(arrays=(A, B))
    told = readings(inventory, east_1=reading("east-1", problems=("node node2 is offline",)))
    mended = frozenset({"east-1"})
    found = choose(("east-1",), inventory, told, NOWHERE, NOWHERE, mended)
    assert (found.canary, found.control) == ("east-1", "east-2")
    assert choose(("east-1",), inventory, told, NOWHERE, NOWHERE).canary is None
    assert choose(("east-2",), inventory, told, NOWHERE, NOWHERE, mended).control is None
    stale = told | {"east-1": reading("east-1", problems=("node node2 is offline",), unknown=("drives: lost",))}
    assert choose(("east-1",), inventory, stale, NOWHERE, NOWHERE, mended).canary is None


def test_a_partner_of_one_that_is_in_a_wave_does_not_join_it_though_the_others_there_are_none() -> None:
    three = (array("east-1"), array("east-2", partner="east-3"), array("east-3"))
    assert drawn(*three, array("east-4"), canary="east-4")[1:] == [
        ("wave-1", ("east-1", "east-2")),
        ("wave-2", ("east-3",)),
    ]
