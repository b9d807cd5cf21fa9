"""Same may be concluded from anything, different only from what the devices themselves told (IS-01, IS-02)."""

from typing import Any

import pytest

from gate.evidence import ArrayReading, Trace
from gate.inventory import Inventory
from gate.isolation import Isolation, Relation
from gate.isolation import relate as compare
from gate.landscape import Map, Place
from tests.cases import DATA_LUN, SERIALS, VAULT_LUN, fleet, port, reading, trace

FLEET = fleet()


def told(**others: ArrayReading) -> dict[str, ArrayReading]:
    """Everybody's readings; `others` replaces or adds, with underscores for hyphens."""
    return {**{name: reading(name) for name in SERIALS}, **{key.replace("_", "-"): it for key, it in others.items()}}


def locate(where: Trace | None, readings: dict[str, ArrayReading], inventory: Inventory = FLEET) -> Place:
    return Map(readings, inventory).locate(where)


def relate(
    here: Trace | None, there: Trace | None, readings: dict[str, ArrayReading], inventory: Inventory = FLEET
) -> Isolation:
    return compare(here, there, Map(readings, inventory))


DATA, BACKUP = trace("east-1", DATA_LUN), trace("vault-1", VAULT_LUN, host="bk-1", path="/backup")


def relation(here: Trace | None, there: Trace | None, readings: dict[str, ArrayReading] | None = None) -> Relation:
    found = relate(here, there, told() if readings is None else readings, FLEET)
    turned = relate(there, here, told() if readings is None else readings, FLEET)
    assert found.relation is turned.relation
    assert found.because
    return found.relation


def test_an_array_that_tells_the_ports_and_its_serial_is_the_place() -> None:
    place = locate(DATA, told(), FLEET)
    assert (place.array, place.serial) == ("east-1", SERIALS["east-1"])
    assert place.because == "it lies on east-1 (serial 0000020420E00011)"


@pytest.mark.parametrize(
    ("where", "readings", "because"),
    [
        (None, {}, "nobody asked where it lies"),
        (trace("east-1", DATA_LUN, problem="/data is not mounted"), {}, "/data on db-1: /data is not mounted"),
        (trace("east-1", DATA_LUN, target_ports=()), {}, "the disk names no target port"),
        (trace("nowhere", DATA_LUN), {}, f"no array of the inventory tells the target port {port('nowhere')}"),
        (
            DATA,
            {"west_1": reading("west-1", target_ports=(port("east-1"),))},
            "the target ports are told by several arrays: east-1, west-1",
        ),
        (
            trace("east-1", DATA_LUN, target_ports=(port("east-1"), port("nowhere"))),
            {},
            f"east-1 does not tell the target port {port('nowhere')}",
        ),
        (
            trace("east-1", DATA_LUN, target_ports=(port("east-1"), port("east-2"))),
            {},
            "the target ports are told by several arrays: east-1, east-2",
        ),
        (DATA, {"east_1": reading("east-1", serial=None)}, "serial unknown, the inventory says 0000020420E00011"),
        (DATA, {"east_1": reading("east-1", serial="0000020420E00012")}, "answers with serial 0000020420E00012"),
        (trace("gone-1", DATA_LUN), {"gone_1": reading("gone-1")}, "the inventory says nothing of it"),
        (trace("gone-1", DATA_LUN), {"gone_1": reading("gone-1", serial=None)}, "the inventory says nothing of it"),
    ],
    ids=[
        "no trace", "problem", "no ports", "foreign port", "port told twice", "stray port", "ports of two arrays",
        "no serial", "other serial", "not in the inventory", "not in the inventory and mute",
    ],
)  # fmt: skip
def test_every_doubt_about_a_place_leaves_it_unlocated(
    where: Trace | None, readings: dict[str, Any], because: str
) -> None:
    place = locate(where, told(**readings), FLEET)
    assert (place.array, place.serial) == (None, None)
    assert because in place.because
    assert relation(where, BACKUP, told(**readings)) is Relation.UNKNOWN


def test_of_several_ports_that_lead_nowhere_the_first_is_named() -> None:
    lost = trace("x", "1", target_ports=("iqn.b", "iqn.c", "iqn.a"))
    assert "tells the target port iqn.a as its own" in locate(lost, told(), FLEET).because
    stray = trace("east-1", "1", target_ports=(port("east-1"), "iqn.b", "iqn.a", "iqn.c"))
    assert "east-1 does not tell the target port iqn.a" in locate(stray, told(), FLEET).because


def test_two_measured_arrays_are_different() -> None:
    found = relate(DATA, BACKUP, told(), FLEET)
    assert found.relation is Relation.DIFFERENT
    assert found.because == ("measured on east-1 (serial 0000020420E00011) and vault-1 (serial 0000020420E00031)")
    assert (found.source.array, found.backup.array, found.shared_ports) == ("east-1", "vault-1", ())


def test_no_readings_at_all_are_unknown() -> None:
    assert relation(DATA, BACKUP, {}) is Relation.UNKNOWN
    assert relation(None, None, {}) is Relation.UNKNOWN
    found = relate(DATA, None, told(), FLEET)
    assert found.because == "nobody asked where it lies"


def test_a_shared_target_port_is_the_same_array_though_nobody_knows_which() -> None:
    both = (port("nowhere", 2), port("nowhere", 1))
    found = relate(trace("x", "1", target_ports=both), trace("x", "2", target_ports=both), {}, FLEET)
    assert found.relation is Relation.SAME
    assert found.shared_ports == (port("nowhere", 1), port("nowhere", 2))
    assert f"through the target ports {port('nowhere', 1)} and {port('nowhere', 2)}" in found.because


def test_a_shared_port_outweighs_everything_measured() -> None:
    wide = trace("east-1", VAULT_LUN, target_ports=(port("east-1"), port("vault-1")))
    assert relation(DATA, wide) is Relation.SAME


def test_one_lun_under_both_is_the_same_even_over_ports_of_two_arrays() -> None:
    found = relate(DATA, trace("vault-1", DATA_LUN), told(), FLEET)
    assert found.relation is Relation.SAME
    assert found.because == f"both lie on the LUN {DATA_LUN}"


def test_other_lun_names_on_other_ports_of_one_array_are_the_same_array() -> None:
    found = relate(DATA, trace("east-1", VAULT_LUN, target_ports=(port("east-1", 2),)), told(), FLEET)
    assert found.relation is Relation.SAME
    assert found.because == "both lie on east-1 (serial 0000020420E00011)"


def test_the_reason_of_an_unknown_relation_names_every_place_that_is_missing() -> None:
    found = relate(trace("nowhere", "1"), trace("lost", "2"), told(), FLEET)
    assert found.relation is Relation.UNKNOWN
    assert port("nowhere") in found.because
    assert port("lost") in found.because
    half = relate(DATA, trace("lost", "2"), told(), FLEET)
    assert "east-1" not in half.because
