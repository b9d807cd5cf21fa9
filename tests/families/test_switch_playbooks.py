"""The playbooks of switches against the fixtures of their readers: what each step would make of a well switch."""

from pathlib import Path

import pytest

from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.playbook import Rendered, holds, parse, render
from gate.step import Step
from tests.families.fixtures import reply, vector

BOOKS = Path(__file__).parents[2] / "playbooks"
FOS, MDS = ArrayFamily.BROCADE_FOS, ArrayFamily.NXOS_MDS
SLOTS = {
    FOS: {"serial": "10000027f8aa0001", "from_version": "v9.1.1c", "version": "v9.1.1d"},
    MDS: {"serial": "LAB19480042", "from_version": "8.4-2c", "version": "8.4-2f", "kickstart": "kick.bin"},
}
FIXTURES = {
    "switchshow": "switch",
    "firmwareshow": "firmware",
    "firmwaredownloadstatus": "update",
    "mapsdb --show": "health",
    "version": "version",
    "show version": "version",
    "show module": "modules",
    "show install all status": "update",
    "show install all impact kickstart bootflash:kick.bin system bootflash:image.bin": "impact",
    "show incompatibility-all system bootflash:image.bin": "incompatible",
}


def words(family: ArrayFamily) -> Rendered:
    slots = SLOTS[family] | {"array": "lab-1", "image": "image.bin"}
    return render(parse((BOOKS / family / "upgrade.yaml").read_bytes(), "upgrade.yaml", FAMILIES), slots, FAMILIES)


def told(family: ArrayFamily, command: str, reader: str, spoilt: tuple[bytes, bytes] = (b"", b"")) -> dict[str, str]:
    text = vector(family.value, FIXTURES[command])
    return dict(FAMILIES[family].readers[reader](reply(text.replace(*spoilt) if spoilt[0] else text)))


def asks(steps: tuple[Step, ...]) -> list[Step]:
    return [step for step in steps if not step.mutates]


@pytest.mark.parametrize("family", [FOS, MDS])
def test_every_step_before_the_load_passes_on_a_well_switch_and_none_that_wants_the_new_version(
    family: ArrayFamily,
) -> None:
    forward = words(family).forward
    load = next(number for number, step in enumerate(forward) if step.mutates)
    for step in forward[:load]:
        assert holds(step.expect, told(family, step.command, step.reader)), step.id
    wants_new = [step for step in asks(forward[load:]) if "version" in dict(step.expect)]
    assert wants_new
    for step in wants_new:
        assert not holds(step.expect, told(family, step.command, step.reader)), step.id


@pytest.mark.parametrize("family", [FOS, MDS])
def test_the_look_at_a_load_tells_old_from_new_and_half_from_both(family: ArrayFamily) -> None:
    load = next(step for step in words(family).forward if step.mutates)
    assert load.attended == "performer"
    old = told(family, load.look_command, load.look_reader)
    assert holds(load.look_not_begun, old)
    assert not holds(load.look_done, old)
    half = {
        FOS: told(FOS, "firmwareshow", "firmware", (b"FOS      v9.1.1c", b"FOS      v9.1.1d")),
        MDS: told(MDS, "show module", "modules", (b"2    8.4(2c)", b"2    8.4(2f)")),
    }[family]
    assert not holds(load.look_not_begun, half)
    assert holds(load.look_done, half) == (family is FOS)  # one partition is all that is asked for before the commit


def test_a_switch_is_kept_or_restored_by_commands_without_a_password() -> None:
    rendered = words(FOS)
    done = [step for step in (*rendered.commit, *rendered.back_out) if step.mutates]
    assert [step.command for step in done] == ["firmwarecommit", "firmwarerestore"]
    assert [step.point_of_no_return for step in done] == [True, False]
    assert all(step.again == "ask" for step in done)
