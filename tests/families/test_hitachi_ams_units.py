"""Units of Hitachi AMS and HUS: the designators that hosts see, made by the maker's rule, and what is whose copy."""

from dataclasses import replace

import pytest

from gate.evidence import ArrayReading
from gate.families.family import Unreadable
from gate.families.hitachi_names import of_ams, of_vsp
from gate.inventory import ArrayFamily
from gate.lab.identity import Identity
from tests.families.fixtures import reply, vector, well_but
from tests.lab.dialects.simulated import reading, simulated

AMS = ArrayFamily.HITACHI_AMS


def said(name: str) -> bytes:
    return vector("hitachi-ams", name)


def array(**changed: bytes) -> ArrayReading:
    return well_but(AMS, "lab-1", **changed)


@pytest.mark.parametrize(
    ("port", "serial", "unit", "designator"),
    [
        ("50060E80102B1E04", "85042536", 3, "60060e80102b1e000511a56800000003"),
        ("50060e80104b6690", "83043697", 0, "60060e80104b669004f3257100000000"),
    ],
)
def test_a_unit_of_an_ams_has_the_designator_that_people_have_decoded(
    port: str, serial: str, unit: int, designator: str
) -> None:
    """AMS2300 and AMS2100 of the public decoding (backup-evidence, source 16)."""
    assert of_ams((port,), serial, unit) == designator


@pytest.mark.parametrize(
    ("port", "serial", "model", "unit", "designator"),
    [
        ("50060e8006d2ad10", "53933", "R7", 0x502, "60060e8006d2ad000000d2ad00000502"),
        ("50060e8012b16a00", "445418", "M8M", 2, "60060e8012b16a005040b16a00000002"),
        ("50060e8022119a13", "470042", "M8H", 0, "60060e8022119a005041119a00000000"),
        ("50060e8007274512", "10053", "R8", 10, "60060e8007274500003027450000000a"),
        ("50060e8007bb2500", "310053", "R8", 1, "60060e8007bb25000034bb2500000001"),
        ("50060e8008753801", "30008", "R9F", 1, "60060e80087538000050753800000001"),
        ("50060e8021275101", "410065", "M9S", 1, "60060e80212751005040275100000001"),
        ("50060e8021275101", "610065", "M9M", 1, "60060e80212751005060275100000001"),
    ],
)
def test_an_ldev_of_a_vsp_has_the_designator_of_its_model(
    port: str, serial: str, model: str, unit: int, designator: str
) -> None:
    """The VSP is of the public decoding, the first of the VSP Gx00 of a public reader's documentation."""
    assert of_vsp((port,), serial, model, unit) == designator


@pytest.mark.parametrize(
    ("ports", "serial", "model", "unit"),
    [
        ((), "53933", "R7", 0),
        (("50060e8006d2ad10", "50060e8006d2ae10"), "53933", "R7", 0),
        (("50060e8006d2ad10", "21000024ff000001"), "53933", "R7", 0),
        (("50060e8006d2ad10",), "53934", "R7", 0),
        (("50060e8006d2ad10",), "53933", "R99", 0),
        (("50060e8006d2ad10",), "53933", "", 0),
        (("50060e8006d2ad10",), "53933", "R7", 0x10000),
    ],
)
def test_ports_of_another_array_and_models_that_nobody_knows_name_nothing(
    ports: tuple[str, ...], serial: str, model: str, unit: int
) -> None:
    with pytest.raises(Unreadable):
        of_vsp(ports, serial, model, unit)


def test_units_are_listed_with_their_bytes_and_a_snapshot_with_its_origin() -> None:
    told = array()
    assert told.volumes is not None
    assert (told.unknown, told.problems) == ((), ())
    assert [(one.id, one.uid[24:], one.size, one.copy_of) for one in told.volumes] == [
        ("0", "00000000", 50 << 30, ()),
        ("3", "00000003", 200 << 20, ()),
        ("16", "00000010", 50 << 30, (told.volumes[0].uid,)),
    ]
    assert all(one.uid.startswith(f"60060e80102b1e00{87010042:08x}") for one in told.volumes)


@pytest.mark.parametrize(
    ("question", "spoilt"),
    [
        ("ports", said("ports").replace(b"50060E80102B1E04", b"50060E80102B1F04")),
        ("ports", said("ports").replace(b"50060E80102B1E04", b"2100002400000001")),
        ("ports", said("ports").replace(b"50060E80102B1E04", b"50060E80102B1E00")),
        ("ports", said("ports").replace(b"    1     0 ", b"    7     0 ")),
        ("ports", b"DMEC002015: The command or one of its options is not correct.\n"),
        ("units", said("units").replace(b" blocks ", b" GB ")),
        ("units", said("units").replace(b"\n    3 ", b"\n    0 ")),
        ("units", b"".join(said("units").splitlines(keepends=True)[:2])),
        ("units", said("units").replace(b"\n   16 ", b"\n   17 ")),
        ("pairs", said("pairs").replace(b"        16  Split", b"        61  Split")),
        ("pairs", said("pairs").replace(b"        16  Split", b"         0  Split")),
        ("pairs", said("pairs") + b"SS_LU0003_LU0003   3   3  Split(100%)   SnapShot   ---:Ungrouped\n"),
        ("pairs", said("pairs").replace(b"Split(100%)", b"Split")),
        ("pairs", b"DMEC002015: The command or one of its options is not correct.\n"),
        ("pairs", b"".join(said("pairs").splitlines(keepends=True)[:1])),
        ("remote", said("remote") + b"TC_LU0001_LU0001   1  S-VOL  1  Paired(100%)  TrueCopy\n"),
        ("remote", b"DMER0800CF: The optional feature is not installed.\n"),
    ],
)
def test_units_that_are_not_wholly_told_are_not_told_at_all(question: str, spoilt: bytes) -> None:
    assert spoilt != said(question)
    told = array(**{question: spoilt})
    assert told.volumes is None
    assert told.unknown


def test_a_unit_that_is_not_normal_is_a_problem() -> None:
    told = array(units=said("units").replace(b"1    Normal\n   16", b"1    Detached\n   16"))
    assert told.problems == ("unit 3 is Detached",)


def test_an_array_without_iscsi_has_the_names_of_its_other_ports() -> None:
    told = array(targets=b"DMEC002015: The command or one of its options is not correct.\n")
    assert told.target_ports == ("naa.50060e80102b1e00", "naa.50060e80102b1e04")
    assert told.unknown == ()


def test_the_lab_shows_snapshots_and_pairs_with_other_arrays_as_the_reader_takes_them() -> None:
    made = simulated(AMS)
    made.set_fault("snapshot", "9=1")
    told = reading(AMS, made)
    assert told.volumes is not None
    assert {one.id: one.copy_of for one in told.volumes} == {
        "1": (),
        "9": (made.controller.identity.naa(1).hex(),),
    }
    made.clear_fault("snapshot")
    made.set_fault("remote-pair", "")
    assert reading(AMS, made).volumes is None


def test_a_title_before_its_list_says_nothing_and_a_list_in_carriage_returns_says_the_same() -> None:
    changed = {name: said(name).replace(b"\n", b"\r\n") for name in ("ports", "units", "pairs", "remote")}
    assert replace(array(**changed), raw=()) == replace(array(), raw=())
    assert reply(b"").stdout == b""
    assert Identity("87010042", "", "", "", "60060e80").naa(1).hex()[16:] == f"{87010042:08x}00000001"
