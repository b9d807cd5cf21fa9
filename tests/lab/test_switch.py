"""A simulated switch carries paths: its portal comes and goes with it and with the array, and the bytes are theirs."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from gate.iscsi import IscsiError, Lun
from gate.lab.array import Array
from gate.lab.dialects.brocade_fos import BrocadeFos
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.lab.identity import Identity
from gate.lab.scsi import BLOCK, CheckCondition, Controller, Faults, Nexus, Unit, execute
from gate.lab.switch import Passage, attach, both
from gate.lab.target import Target
from tests.lab.fleets import GATE, eventually, running_loop
from tests.places import network

LUN, BLOCKS = 21, 64
WRITE, READ = 0x2A, 0x28


def array_of(name: str, kind: type[Array]) -> Array:
    return kind(
        name, kind.usual_model, Controller(Identity("0000030000000001", "LAB", f"iqn.2026-11.x:{name}", "0")), 0.02
    )


def moved(through: Controller, operation: int, data: bytes = b"") -> bytes:
    """Read or write the whole LUN in one command; an initiator takes the first unit attention."""
    nexus = Nexus(GATE, born=through.generation)
    cdb = bytes([operation, 0]) + (0).to_bytes(4, "big") + b"\0" + BLOCKS.to_bytes(2, "big") + b"\0" * 7
    with suppress(CheckCondition):
        execute(through, nexus, LUN, bytes(16))
    return execute(through, nexus, LUN, cdb, data).data


@pytest.fixture
def fabric() -> Iterator[tuple[Array, Array, Array]]:
    array = array_of("east-2", StorageVirtualize)
    array.controller.units[LUN] = Unit(LUN, bytearray(BLOCKS * BLOCK), frozenset({GATE}))
    made = array, array_of("sw-a", BrocadeFos), array_of("sw-b", BrocadeFos)
    yield made
    for one in made:
        one.stop()


def test_what_a_switch_spoils_is_spoilt_on_the_way_over_it_and_on_no_other(fabric: tuple[Array, Array, Array]) -> None:
    array, one, other = fabric
    bad, good = (Passage(array.controller, switch.controller) for switch in (one, other))
    content = bytes(range(256)) * (BLOCKS * BLOCK // 256)
    moved(good, WRITE, content)

    one.set_fault("flip-bits", "")
    assert moved(good, READ) == content  # what lies on the array is not touched by a switch
    moved(bad, WRITE, content)
    assert moved(good, READ) != content
    moved(good, WRITE, content)
    assert moved(good, READ) == content

    one.clear_fault("flip-bits")
    one.set_fault("eio", "")
    with pytest.raises(CheckCondition):
        moved(bad, READ)
    assert moved(good, READ) == content


def test_faults_of_the_array_are_seen_over_every_switch_and_delays_add_up(fabric: tuple[Array, Array, Array]) -> None:
    array, one, other = fabric
    array.set_fault("luns-offline", "")
    for switch in (one, other):
        with pytest.raises(CheckCondition):
            moved(Passage(array.controller, switch.controller), READ)
    assert both(Faults(slow_s=0.5, eio=True), Faults(slow_s=0.25)) == Faults(slow_s=0.75, eio=True)


def answers(target: Target) -> bool:
    """Whether an initiator logs in over this portal and reads the array's LUN."""
    with suppress(IscsiError):
        name = target.controller.identity.target
        with Lun(target.host, target.port, name, LUN, initiator=GATE, timeout_s=30) as lun:
            return len(lun.read(0, 8)) == 8 * BLOCK
    return False


def test_the_restart_of_a_switch_takes_the_paths_of_its_fabric_and_leaves_the_others(
    fabric: tuple[Array, Array, Array],
) -> None:
    array, one, other = fabric
    with running_loop() as loop:
        places = [f"{network(71)}.{number}" for number in (1, 2)]
        portals = [
            Target(Passage(array.controller, switch.controller), place, 3260, loop)
            for switch, place in zip((one, other), places, strict=True)
        ]
        for switch, portal in zip((one, other), portals, strict=True):
            attach(portal, switch, array)
            portal.open()
        assert [answers(portal) for portal in portals] == [True, True]

        one.set_fault("offline", "")
        assert [answers(portal) for portal in portals] == [False, True]
        array.set_fault("offline", "")
        assert [answers(portal) for portal in portals] == [False, False]
        array.clear_fault("offline")
        assert [answers(portal) for portal in portals] == [False, True]  # its switch is still away
        one.clear_fault("offline")
        assert eventually(lambda: [answers(portal) for portal in portals] == [True, True])
        for portal in portals:
            portal.suspend()
