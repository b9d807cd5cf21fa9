"""Families behind a management host: Sun StorageTek and Hitachi, on documented shapes. No array answered here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from gate.errors import BadInput
from gate.evidence import ArrayReading, Reply
from gate.families import FAMILIES
from gate.inventory import Array, ArrayFamily
from gate.playbook import parse, render
from tests.families.fixtures import BROKEN, reply, vector, well_but
from tests.lab.dialects.simulated import UNIT, asked, simulated

SUN, AMS, VSP = ArrayFamily.SUN_STORAGETEK, ArrayFamily.HITACHI_AMS, ArrayFamily.HITACHI_VSP
OURS = (SUN, AMS, VSP)
BOOKS = Path(__file__).parents[2] / "playbooks"
ASKED = [(family, question) for family in OURS for question in FAMILIES[family].questions]
HEALTH = {
    SUN: {"health", "profile"},
    AMS: {"unit", "parts", "drives", "units"},
    VSP: {"controllers", "drives", "paths", "pools", "ldevs"},
}


def said(family: ArrayFamily, name: str) -> bytes:
    return vector(family.value, name)


def array(family: ArrayFamily, **changed: bytes | Reply) -> ArrayReading:
    return well_but(family, "lab-1", **changed)


@pytest.mark.parametrize(
    ("family", "serial", "model", "version"),
    [
        (SUN, "600A0B80002FBC3A0000000042004200", "CSM200_R", "07.35.44.10"),
        (AMS, "87010042", "AMS2300", "0893-B-S"),
        (VSP, "470042", "M8H", "83-05-40-00"),
    ],
)
def test_a_well_array_tells_who_it_is_by_its_own_serial(
    family: ArrayFamily, serial: str, model: str, version: str
) -> None:
    told = array(family)
    assert (told.serial, told.model, told.version, told.problems) == (serial, model, version, ())
    assert (told.update_state, told.unknown) == ("idle", ())


def test_sun_lists_its_volumes_and_ports_and_an_ams_the_ports_of_both_kinds() -> None:
    sun = array(SUN)
    assert sun.target_ports == ("naa.201600a0b82fbc3a", "naa.201700a0b82fbc3a")
    assert sun.volumes is not None
    assert [(one.name, one.uid, one.size) for one in sun.volumes] == [
        ("contacts", "600a0b80002fbc3a0000000042000001", 1 << 40),
        ("notes", "600a0b80002fbc3a0000000042000002", 512 << 20),
    ]
    named = said(SUN, "profile").replace(
        b"World-wide port identifier: 20:16:00:a0:b8:2f:bc:3a", b"iSCSI target name: iqn.1986-03.com.sun:x"
    )
    assert array(SUN, profile=named).target_ports == ("iqn.1986-03.com.sun:x", "naa.201700a0b82fbc3a")
    ams = array(AMS)
    targets = tuple(f"iqn.1994-04.jp.co.hitachi:rsd.d7a.t.10042.{port}000" for port in ("0a", "1a"))
    assert ams.target_ports == (*targets, "naa.50060e80102b1e00", "naa.50060e80102b1e04")


def test_carriage_returns_change_nothing() -> None:
    for family in OURS:
        replies = {name: said(family, name).replace(b"\n", b"\r\n") for name in FAMILIES[family].questions}
        assert replace(array(family, **replies), raw=()) == replace(array(family), raw=())


def test_the_array_is_named_to_the_tool_in_every_question() -> None:
    assert FAMILIES[SUN].commands("lab-6140-1")["health"] == 'SMcli lab-6140-1 -c "show storageArray healthStatus;"'
    assert FAMILIES[SUN].commands("lab-6140-1")["volumes"] == 'SMcli lab-6140-1 -c "show allVolumes;"'
    assert FAMILIES[AMS].commands("lab-ams1")["parts"] == "auparts -unit lab-ams1"
    assert FAMILIES[VSP].commands("10")["paths"] == "raidcom get path -I10"
    for family in OURS:
        assert all("{" not in command for command in FAMILIES[family].commands("7").values())


@pytest.mark.parametrize(
    ("family", "command"),
    [
        (SUN, 'SMcli lab -c "reset storageArray;"'),
        (SUN, 'SMcli lab -c "show storageArray profile; reset storageArray;"'),
        (SUN, 'SMcli lab -p secret -c "show storageArray profile;"'),
        (AMS, "auluref -unit lab; reboot"),
        (AMS, "aufirmware -unit lab"),
        (VSP, "raidcom delete ldev -ldev_id 1 -I10"),
        (VSP, "raidcom get path -I10 -I11"),
    ],
)
def test_what_changes_an_array_may_be_neither_asked_nor_done(family: ArrayFamily, command: str) -> None:
    assert not FAMILIES[family].may_ask(command)
    assert FAMILIES[family].forbids(command)


@pytest.mark.parametrize(
    ("family", "question", "change", "problem"),
    [
        (SUN, "health", lambda _: said(SUN, "health-bad"), "Failed Battery"),
        (SUN, "health", lambda text: text.replace(b"optimal.\n", b"optimal.\n\nClocks differ.\n"), "Clocks differ"),
        (
            SUN,
            "profile",
            lambda text: text.replace(b"Status: Online", b"Status: Offline", 1),
            "controller A is Offline",
        ),
        (AMS, "unit", lambda text: text.replace(b"Dual", b"Single"), "its construction is Single"),
        (AMS, "parts", lambda text: text.replace(b"1  Normal", b"1  Detach", 1), "part 1  Detach"),
        (AMS, "parts", lambda text: text.replace(b"0  Normal", b"0  Failed", 1), "part 0  Failed"),
        (
            AMS,
            "drives",
            lambda text: text.replace(b"1  SAS   Normal", b"1  SAS   Failed"),
            "drive 0    1  SAS   Failed",
        ),
        (VSP, "paths", lambda text: text.replace(b"1 0 NML", b"1 0 BLK"), "path group 0 at CL2-A is BLK"),
        (VSP, "pools", lambda text: text.replace(b"POLN", b"POLF"), "pool 000 is POLF"),
    ],
)
def test_what_is_wrong_is_named(
    family: ArrayFamily, question: str, change: Callable[[bytes], bytes], problem: str
) -> None:
    told = array(family, **{question: change(said(family, question))})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_firmware_that_is_pending_is_an_update_that_waits() -> None:
    """A download that looked failed had succeeded (array-clis, S 34): the array is believed, not the tool."""
    pending = said(SUN, "profile").replace(b"Firmware version: None", b"Firmware version: 07.60.28.10")
    assert array(SUN, profile=pending).update_state == "pending 07.60.28.10"
    half = said(SUN, "profile").replace(b"Firmware version: None", b"Firmware version: 07.60.28.10", 1)
    assert array(SUN, profile=half).update_state == "pending 07.60.28.10 None"


def test_controllers_of_two_versions_have_none() -> None:
    mixed = said(SUN, "profile").replace(b"Firmware version: 07.35.44.10", b"Firmware version: 07.60.28.10", 1)
    told = array(SUN, profile=mixed)
    assert (told.version, told.update_state) == (None, "mixed")


def test_a_part_that_is_not_normal_is_an_array_that_is_not_at_rest() -> None:
    assert array(AMS, parts=said(AMS, "parts").replace(b"1  Normal", b"1  Detach", 1)).update_state == "not at rest"


@pytest.mark.parametrize(
    ("family", "question", "spoilt"),
    [
        (SUN, "profile", said(SUN, "profile").replace(b"SMcli completed successfully.\n", b"")),
        (SUN, "profile", said(SUN, "profile").replace(b"Slot B", b"Slot A")),
        (SUN, "profile", said(SUN, "profile").replace(b"      Status: Online\n", b"", 1)),
        (SUN, "profile", said(SUN, "profile").replace(b"      Status: Online\n", b"      Status: Online\n" * 2, 1)),
        (SUN, "profile", said(SUN, "profile").replace(b"Firmware version: None", b"Firmware version: soon")),
        (SUN, "health", b"There are currently no storage systems listed.\n\nSMcli failed.\n"),
        (SUN, "volumes", said(SUN, "volumes").replace(b"volumes: 2", b"volumes: 3")),
        (SUN, "volumes", said(SUN, "volumes").replace(b"\nDETAILS", b"   Number of snapshot volumes: 1\n\nDETAILS")),
        (SUN, "volumes", said(SUN, "volumes").replace(b"00:00:02\n", b"00:00:01\n")),
        (SUN, "volumes", said(SUN, "volumes").replace(b"512.000 MB", b"about half of it")),
        (AMS, "targets", said(AMS, "targets").replace(b"    iSCSI Name : iqn", b"    iSCSI Alias : iqn", 1)),
        (AMS, "targets", b"Port 0A\nPort 1A\n"),
        (AMS, "unit", said(AMS, "unit").replace(b"0893/B-S", b"soon")),
        (AMS, "unit", said(AMS, "unit") + b"Serial Number     : 87010043\n"),
        (AMS, "unit", said(AMS, "unit").rstrip(b"\n")),
        (AMS, "parts", said(AMS, "parts") + b"     2\n"),
        (AMS, "unit", b"DMED0C0002: The specified unit name is not registered.\n"),
        (AMS, "parts", said(AMS, "parts") + b"Controller 2: Normal?\n"),
        (AMS, "parts", b"Controller\n  CTL  Status\n"),
        (AMS, "drives", b"Unit  HDU  Type  Status\n   0    0  SAS   Normal\n"),
        (VSP, "instance", said(VSP, "instance").replace(b"83-05-40/00", b"x")),
        (VSP, "paths", said(VSP, "paths").replace(b" 4096\n", b"\n", 1)),
        (VSP, "pools", said(VSP, "pools").replace(b"POLS", b"STATE")),
    ],
)
def test_an_answer_that_is_not_wholly_understood_is_unknown(family: ArrayFamily, question: str, spoilt: bytes) -> None:
    told = array(family, **{question: spoilt})
    assert any(line.startswith(f"{question}: ") for line in told.unknown), told
    assert told.problems is None or question not in HEALTH[family]


@pytest.mark.parametrize(("family", "question"), ASKED)
@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_reply_that_says_nothing_leaves_its_part_unknown(family: ArrayFamily, question: str, how: str) -> None:
    told = array(family, **{question: BROKEN[how]})
    assert any(line.startswith(f"{question}: ") for line in told.unknown)
    assert told.problems is None or question not in HEALTH[family]


def test_an_array_behind_a_host_says_by_what_name_and_no_other_does() -> None:
    fields = {
        "id": "sun-1",
        "site": "west",
        "family": "sun-storagetek",
        "model": "CSM200_R",
        "serial": "600A0B80002FBC3A0000000042004200",
        "criticality": "low",
        "ssh": {"host": "192.0.2.9"},
    }
    assert Array.model_validate(fields | {"unit": "lab-6140-1"}).unit == "lab-6140-1"
    for changed in ({}, {"unit": "x; reboot"}, {"unit": "lab", "family": "dothill"}):
        with pytest.raises(ValidationError, match="unit"):
            Array.model_validate(fields | changed)


@pytest.mark.parametrize(
    ("family", "unit", "versions"),
    [
        (SUN, "lab-1", ("07.60.28.10", "07.35.44.10")),
        (AMS, "lab-1", ("0897-A", "0893-B-S")),
        (VSP, "4711", ("83-05-46-00", "83-05-40-00")),
    ],
)
def test_the_playbook_names_the_array_to_its_management_host(
    family: ArrayFamily, unit: str, versions: tuple[str, str]
) -> None:
    text = (BOOKS / family / "upgrade.yaml").read_bytes()
    slots = {"array": "sun-1", "unit": unit, "image": "code.dlp", "serial": "600A0B80"}
    slots |= {"version": versions[0], "from_version": versions[1]}
    words = render(parse(text, "upgrade.yaml", FAMILIES), slots, FAMILIES)
    for step in (*words.forward, *words.commit, *words.back_out):
        asked = step.look_command if step.attended else step.command
        assert FAMILIES[family].may_ask(asked), asked
        assert unit in asked
    assert [step.attended for step in words.forward if step.mutates] == ["vendor"]
    with pytest.raises(BadInput, match="unit"):
        parse(text.replace(b'  unit: "', b'  # "'), "upgrade.yaml", FAMILIES)
    with pytest.raises(BadInput, match="does not fit"):
        render(parse(text, "upgrade.yaml", FAMILIES), slots | {"unit": ""}, FAMILIES)


def test_what_the_common_array_manager_lists_may_be_asked_and_nothing_else_of_it() -> None:
    sun = FAMILIES[SUN]
    for words in ("sscs list storage-system", "sscs list -a lab-1 firmware", "sscs list -a lab-1 alarm"):
        assert sun.may_ask(words)
        assert sun.spoken(words) == words
    for other in (
        "sscs login -h localhost -u root",
        "sscs modify -a lab-1 firmware",
        "sscs list -a lab-1 disk; reboot",
    ):
        assert not sun.may_ask(other)
        assert sun.forbids(other)
    assert not any(command.startswith("sscs") for command in sun.questions.values())


def test_the_manager_tells_which_arrays_it_manages_or_nothing() -> None:
    reader = FAMILIES[SUN].readers["managed"]
    assert reader(reply(b"Array: lab-1\nArray: lab-2\n")) == {"arrays": "/lab-1/lab-2/"}
    assert reader(asked(simulated(SUN), "sscs list storage-system")) == {"arrays": f"/{UNIT}/"}
    for bad in (
        reply(b""),
        reply(b"Array: lab-1\n", 1),
        reply(b"Array: lab-1"),
        reply(b"Array: lab-1\nArray: lab-1\n"),
        reply(b"Array: lab-1\nYour session has ended. Log in again.\n"),
    ):
        assert set(reader(bad)) == {"unreadable"}


def test_a_sites_own_playbook_may_ask_the_manager_first() -> None:
    text = (BOOKS / SUN / "upgrade.yaml").read_text()
    extra = """steps:
  - id: managed
    say: Make sure that the manager knows the array by that name.
    ask: sscs list storage-system
    read: managed
    within: 2m
    expect:
      arrays: "*/{unit}/*"

"""
    book = parse(text.replace("steps:\n", extra, 1).encode(), "upgrade.yaml", FAMILIES)
    slots = {"array": "sun-1", "unit": "lab-1", "image": "code.dlp", "serial": "600A0B80"}
    words = render(book, slots | {"version": "07.60.28.10", "from_version": "07.35.44.10"}, FAMILIES)
    assert (words.forward[0].command, words.forward[1].command) == (
        "sscs list storage-system",
        'SMcli lab-1 -c "show storageArray profile;"',
    )
