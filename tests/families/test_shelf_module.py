"""The module of a shelf, from replies that lie, leave out, or tell more than one."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gate.evidence import Part, Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from tests.families.test_failed_part import instead
from tests.lab.dialects.simulated import asked, simulated

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
SV = FAMILIES[ArrayFamily.STORAGE_VIRTUALIZE]
DETAIL = "lsenclosurecanister -canister 2 -delim ! 2"
SHELF = b"2!degraded!expansion!yes!0!io_grp0!LAB-0024!S000022!2!1!2!2!12!2!2!0!0"


def answered(command: str, told: bytes) -> Reply:
    return Reply("a-1", command, ReplyState.ANSWERED, NOW, NOW, 0, told)


def dead(answer: Callable[[str, bytes], bytes] = lambda _, told: told) -> Part:
    """The second module is dead; `answer` may change each reply."""
    array = simulated(ArrayFamily.STORAGE_VIRTUALIZE)
    array.set_fault("shelf", "")
    array.set_fault("module-dead", "")
    assert SV.parts is not None
    asking = SV.parts()
    try:
        command = next(asking)
        while True:
            command = asking.send(answered(command, answer(command, asked(array, command).stdout)))
    except StopIteration as ended:
        part: Part = ended.value[3]
        return part


def canister(*lines: str) -> dict[str, str]:
    told = "enclosure_id!2\ncanister_id!2\ntype!expansion\n" + "".join(f"{line}\n" for line in lines)
    return dict(SV.readers["canister"](answered(DETAIL, told.encode())))


@pytest.mark.parametrize(
    ("lines", "firmware"),
    [
        (("firmware_level!6.13",), "6.13"),
        (("firmware_level!6.13", "firmware_level_2!", "firmware_level_3!E5"), "6.13_E5"),
        (("firmware_level!10.14", "firmware_level_2!E0", "firmware_level_6!3"), "10.14_E0_3"),
        (("firmware_level!", "firmware_level_2!1.2"), None),
        (("firmware_level!6.13", "firmware_level_2!not known"), None),
        (("firmware_level!6.13", "firmware_level!6.14"), None),
        (("firmware_level_2!1.2",), None),
        (("firmware_level!6.13", "firmware_level_2!1_2"), None),
    ],
)
def test_what_a_module_carries_is_all_of_its_levels_or_nothing(lines: tuple[str, ...], firmware: str | None) -> None:
    assert canister(*lines).get("module_firmware") == firmware


@pytest.mark.parametrize(
    ("lines", "cabled"),
    [
        (("status!online",), "yes"),
        (("status!degraded", "SAS_port_1_status!online", "SAS_port_2_status!offline"), "yes"),
        (("status!degraded", "SAS_port1_status!online"), "yes"),
        (("status!degraded", "SAS_port_1_status!offline", "SAS_port_2_status!offline"), "no"),
        (("status!degraded", "SAS_port_1_status!"), "no"),
        (("status!degraded",), None),
        (("status!offline", "SAS_port_x_status!online"), None),
    ],
)
def test_a_module_has_its_cables_when_it_works_or_an_end_of_them_does(
    lines: tuple[str, ...], cabled: str | None
) -> None:
    assert canister(*lines).get("cabled") == cabled


def test_all_that_is_laid_to_a_dead_module_is_its_shelf_and_the_paths_of_its_drives() -> None:
    drives = {f"drive {number} is degraded" for number in range(12, 18)}
    shelf = {"enclosure 2 is degraded", "enclosure 2 has 1 of 2 canisters online"}
    assert set(dead().troubles) == shelf | drives
    assert dead().ports == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SHELF, SHELF.replace(b"!2!1!2!2!", b"!2!1!2!1!")),  # a power supply is gone too
        (SHELF, SHELF.replace(b"!2!1!2!2!12!2!2!", b"!2!1!2!2!12!2!1!")),  # a fan
        (SHELF, SHELF.replace(b"!2!1!2!2!", b"!2!0!2!2!")),  # both modules
        (SHELF, SHELF.replace(b"degraded", b"offline")),
        (b"total_sems", b"total_others"),
    ],
)
def test_of_a_shelf_that_lacks_more_than_the_module_its_row_is_not_laid_to_it(old: bytes, new: bytes) -> None:
    told = dead(instead("lsenclosure -delim", old, new)).troubles
    assert not [line for line in told if line.startswith("enclosure")]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"12!degraded!", b"12!offline!"), (b"!2!1!!!inactive", b"!3!1!!!inactive")],
)
def test_a_drive_that_is_gone_or_sits_elsewhere_is_not_laid_to_it(old: bytes, new: bytes) -> None:
    told = dead(instead("lsdrive", old, new)).troubles
    assert "drive 12 is degraded" not in told
    assert "drive 13 is degraded" in told


@pytest.mark.parametrize("place", ["lsenclosure -delim", "lsdrive"])
def test_nothing_is_laid_to_a_module_by_a_system_that_cannot_be_read(place: str) -> None:
    def answer(command: str, told: bytes) -> bytes:
        return b"colour!shape\nred!round\n" if command.startswith(place) else told

    assert dead(answer).troubles == ()


HANGS = "lsdependentvdisks -canister 2 -enclosure 2"


@pytest.mark.parametrize(
    ("told", "holds"),
    [
        (b"", ()),
        (b"vdisk_id!vdisk_name\n0!vol-a\n7!vol-b\n", ("vol-a", "vol-b")),
        (b"vdisk_id!name\n0!vol-a\n", None),
        (b"CMMVC5753E The specified object does not exist.\n", None),
        (b"vdisk_id!vdisk_name\n0!vol", None),
    ],
)
def test_what_goes_offline_without_a_module_is_told_or_not_known(told: bytes, holds: tuple[str, ...] | None) -> None:
    assert dead(lambda command, usual: told if command.startswith(HANGS) else usual).holds == holds


@pytest.mark.parametrize("word", [b"degraded", b"online", b""])
def test_a_module_that_is_not_offline_explains_nothing(word: bytes) -> None:
    assert dead(instead(DETAIL, b"status!offline\ntype", b"status!" + word + b"\ntype")).troubles == ()


@pytest.mark.parametrize(
    ("name", "told", "ill"),
    [
        ("volumes", "id!name!status\n0!vol-a!online\n1!vol-b!degraded\n", "volume vol-b is degraded"),
        ("volumes", "id!name!status\n0!vol-a!online\n", "none"),
        ("drives", "id!status\n0!online\n7!degraded\n8!offline\n", "drive 7 is degraded, drive 8 is offline"),
        ("raid", "mdisk_name!status!raid_status\nm0!online!degraded\n", "RAID array m0: online, degraded"),
    ],
)
def test_what_is_not_well_in_a_table_is_told_line_by_line(name: str, told: str, ill: str) -> None:
    assert SV.readers[name](answered("?", told.encode())) == {"ill": ill}


@pytest.mark.parametrize("name", ["enclosures", "drives", "raid", "volumes"])
@pytest.mark.parametrize("told", [b"", b"id!name\n0!x\n", b"CMMVC5753E The specified object does not exist.\n"])
def test_a_table_that_says_nothing_is_not_well(name: str, told: bytes) -> None:
    assert set(SV.readers[name](answered("?", told))) == {"unreadable"}
