"""What every dialect of the lab must do, also one that is added tomorrow; judged by the product's own readers."""

import pytest
from pydantic import TypeAdapter

from gate.change import Version
from gate.families import FAMILIES
from gate.inventory import SWITCHES, ArrayFamily
from gate.lab.dialects import DIALECTS
from gate.lab.faults import FAULTS, HEALTH_FAULTS
from gate.lab.images import Behaviour, image_bytes, recognise
from tests.lab.dialects.simulated import known_as, reading, simulated


@pytest.mark.parametrize("family", DIALECTS)
def test_a_well_array_is_read_to_the_end_and_nothing_is_wrong_with_it(family: ArrayFamily) -> None:
    array = simulated(family)
    told = reading(family, array)
    assert (told.unknown, told.problems, told.update_state) == ((), (), "idle")
    assert (told.serial, told.model, told.version) == (*known_as(family), array.version)


@pytest.mark.parametrize("family", DIALECTS)
def test_an_array_lists_its_ports_and_volumes_and_a_switch_has_none(family: ArrayFamily) -> None:
    array = simulated(family)
    told = reading(family, array)
    if family in SWITCHES:
        assert (told.target_ports, told.volumes, told.backends) == ((), (), ())
        return
    identity = array.controller.identity
    if family is ArrayFamily.HITACHI_VSP:  # CCI lists the ports of its iSCSI targets without their names
        assert told.target_ports == tuple(f"naa.50060e80{identity.port_root[:-2]}{port}0" for port in (0, 1))
    else:
        assert identity.target in told.target_ports
    assert told.backends == ()
    assert told.volumes is not None
    assert {volume.uid for volume in told.volumes} == {array.controller.identity.naa(lun).hex() for lun in (1, 9)}
    assert {volume.size for volume in told.volumes} == {1 << 20}


@pytest.mark.parametrize(
    ("family", "fault"),
    [(family, fault) for family in DIALECTS for fault in HEALTH_FAULTS if fault not in DIALECTS[family].without],
)
def test_what_is_wrong_with_an_array_is_seen_in_its_health_and_gone_when_it_is_mended(
    family: ArrayFamily, fault: str
) -> None:
    array = simulated(family)
    array.set_fault(fault, "")
    assert reading(family, array).problems != ()
    array.clear_fault(fault)
    assert reading(family, array).problems == ()


@pytest.mark.parametrize("family", DIALECTS)
def test_a_version_that_is_a_lie_is_what_the_reader_sees(family: ArrayFamily) -> None:
    array = simulated(family)
    array.version = DIALECTS[family].images[-1].version
    assert reading(family, array).version == array.version
    array.set_fault("lies-version", "")
    assert reading(family, array).version == array.first_version


@pytest.mark.parametrize("family", DIALECTS)
def test_nobody_who_only_reads_can_change_anything(family: ArrayFamily) -> None:
    array = simulated(family)
    image = DIALECTS[family].images[0]
    for place in ("/upgrade", "flash"):
        assert array.receive(place, image.file, image_bytes(image), admin=False)
    assert not array.accepted


@pytest.mark.parametrize("family", DIALECTS)
def test_every_dialect_has_a_good_image_and_one_that_flips_bits_and_its_own_names_for_faults(
    family: ArrayFamily,
) -> None:
    dialect = DIALECTS[family]
    assert {Behaviour.GOOD, Behaviour.FLIPS_BITS} <= {image.behaviour for image in dialect.images}
    assert not set(dialect.own_faults) & set(FAULTS)
    for image in dialect.images:
        assert TypeAdapter(Version).validate_python(image.version) == image.version
        assert recognise(image.file, image_bytes(image)) == image


@pytest.mark.parametrize("family", DIALECTS)
def test_words_that_nobody_knows_are_no_answer(family: ArrayFamily) -> None:
    """Else a misspelt question would be answered by silence, which several families take for `none`."""
    said = simulated(family).answer("xyzzy --all", admin=True)
    assert said.status != 0 or b"rror" in said.out
    assert set(DIALECTS) <= set(FAMILIES)
