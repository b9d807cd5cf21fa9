"""The update state machine of a lab array, and what each behaviour of an image does to the bytes behind it."""

from collections.abc import Iterator

import pytest

from gate.iscsi import CheckCondition, IscsiError, Lun
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.lab.images import IMAGES, Behaviour, LabImage, image_bytes, listing
from gate.lab.said import Declined
from gate.lab.scsi import FLIP_EVERY, Nexus, execute
from tests.lab.fleets import GATE, eventually, lone_array, target_name
from tests.places import network

PORTAL = network(23)
GOOD = next(image for image in IMAGES if image.version == "8.7.0.4")


@pytest.fixture
def array() -> Iterator[StorageVirtualize]:
    with lone_array(PORTAL) as made:
        for image in IMAGES:
            made.receive("/upgrade", image.file, image_bytes(image), admin=True)
        yield made


@pytest.fixture
def slow_array() -> Iterator[StorageVirtualize]:
    """An array whose states last long enough to be met in passing."""
    with lone_array(PORTAL, pace=1.0) as made:
        made.receive("/upgrade", GOOD.file, image_bytes(GOOD), admin=True)
        yield made


def image_that(behaviour: Behaviour) -> LabImage:
    return next(image for image in reversed(IMAGES) if image.behaviour is behaviour)


def reaches(array: StorageVirtualize, status: str) -> bool:
    return eventually(lambda: array.update.status == status)


def install(array: StorageVirtualize, behaviour: Behaviour) -> None:
    array.apply(image_that(behaviour).file)
    assert reaches(array, "system_completion_required")


def scratch() -> Lun:
    return Lun(PORTAL, 3260, target_name("west-2"), 9, initiator=GATE, timeout_s=5, within_s=30)


def test_the_digests_of_the_images_never_change() -> None:
    assert {file: digest[:15] for file, _, digest in listing()} == {
        "lab-8.6.0.3.img": "sha256:8541c9fe",
        "lab-8.7.0.3.img": "sha256:de45dc5d",
        "lab-8.7.0.4.img": "sha256:0efdb9e4",
        "lab-8.7.0.5.img": "sha256:b37a00b3",
        "lab-8.7.0.6.img": "sha256:ded21581",
        "lab-8.7.0.7.img": "sha256:03aadfd9",
        "lab-8.7.0.8.img": "sha256:ab452208",
        "lab-8.7.0.9.img": "sha256:0f6844a0",
        "lab-8.7.1.0.img": "sha256:fbfe9652",
    }


def test_an_update_goes_through_its_states_and_is_committed(slow_array: StorageVirtualize) -> None:
    array = slow_array
    array.prepare(GOOD.file)
    assert array.update.status == "system_preparing"
    assert reaches(array, "system_prepared")
    assert array.update.new_level.startswith("8.7.0.4 (build ")
    assert array.version == "8.6.0.3"
    array.apply(GOOD.file)
    assert reaches(array, "system_updating")
    assert eventually(lambda: array.controllers["node2"] == "offline")
    assert eventually(lambda: array.controllers["node1"] == "offline" and not array.serving)
    assert reaches(array, "system_completion_required")
    assert array.serving
    assert (array.version, array.committed) == ("8.7.0.4", "8.6.0.3")
    array.complete()
    assert array.update.status == "system_completing"
    assert reaches(array, "success")
    assert (array.committed, array.update.new_level) == ("8.7.0.4", "")
    assert array.accepted == {"upload": 1, "prepare": 1, "apply": 1, "complete": 1}


def test_a_restart_cuts_sessions_refuses_logins_and_shows_the_new_revision(slow_array: StorageVirtualize) -> None:
    array = slow_array
    with scratch() as lun:
        lun.capacity()
        array.apply(GOOD.file)
        assert eventually(lambda: not array.serving)
        with pytest.raises(IscsiError):
            lun.read(0, 1)
    with pytest.raises(IscsiError):
        scratch()
    assert reaches(array, "system_completion_required")
    with scratch() as lun:
        assert lun.inquiry().revision == "8704"


def test_an_abort_before_the_commit_brings_the_old_code_back(array: StorageVirtualize) -> None:
    install(array, Behaviour.SLOW)
    array.abort()
    assert reaches(array, "success")
    assert (array.version, array.controller.identity.revision) == ("8.6.0.3", "8603")
    assert array.controller.faults.slow_s == 0


def test_a_prepared_update_can_be_abandoned_without_a_restart(array: StorageVirtualize) -> None:
    array.prepare(GOOD.file)
    assert reaches(array, "system_prepared")
    array.abort()
    assert reaches(array, "success")
    assert array.serving
    assert array.version == "8.6.0.3"


def test_a_stalled_update_stays_stalled_until_it_is_aborted(array: StorageVirtualize) -> None:
    array.apply(image_that(Behaviour.STALLS).file)
    assert reaches(array, "system_stalled")
    assert array.version == "8.6.0.3"
    with pytest.raises(Declined):
        array.complete()
    array.abort()
    assert reaches(array, "success")


def test_code_that_never_returns_leaves_the_array_gone(array: StorageVirtualize) -> None:
    array.apply(image_that(Behaviour.NEVER_RETURNS).file)
    assert eventually(lambda: not array.serving)
    assert not eventually(lambda: array.serving, within_s=0.3)
    with pytest.raises(IscsiError):
        scratch()


def test_an_image_of_the_wrong_version_shows_only_when_it_runs(array: StorageVirtualize) -> None:
    array.prepare("lab-8.7.1.0.img")
    assert reaches(array, "system_prepared")
    assert array.update.new_level.startswith("8.7.1.0")
    array.apply("lab-8.7.1.0.img")
    assert reaches(array, "system_completion_required")
    assert array.version == "8.7.0.2"


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("nothing.img", None, "CMMVC5994E"),
        ("noise.img", b"\0" * 4096, "CMMVC5994E"),
        ("cut.img", image_bytes(GOOD)[:-1], "CMMVC5994E"),
        ("flipped.img", image_bytes(GOOD)[:-1] + b"\xee", "CMMVC5994E"),
    ],
)
def test_an_image_that_is_none_is_declined_and_not_counted(
    array: StorageVirtualize, file: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        array.receive("/upgrade", file, content, admin=True)
    for action in (array.prepare, array.apply):
        with pytest.raises(Declined, match=words):
            action(file)
    assert array.accepted["prepare"] + array.accepted["apply"] == 0


def test_a_downgrade_is_declined(array: StorageVirtualize) -> None:
    install(array, Behaviour.GOOD)
    array.complete()
    assert reaches(array, "success")
    with pytest.raises(Declined, match=r"upgrade path from 8\.7\.0\.4 to 8\.6\.0\.3 is unsupported"):
        array.prepare("lab-8.6.0.3.img")


def test_a_second_apply_while_one_runs_is_declined_and_not_counted(array: StorageVirtualize) -> None:
    array.apply(GOOD.file)
    with pytest.raises(Declined, match="CMMVC5963E"):
        array.apply(GOOD.file)
    assert array.accepted["apply"] == 1


def test_good_code_leaves_every_byte(array: StorageVirtualize) -> None:
    with scratch() as lun:
        lun.write(0, b"\x5a" * 65_536)
    install(array, Behaviour.GOOD)
    with scratch() as lun:
        assert lun.read(0, 128) == b"\x5a" * 65_536


def test_code_that_flips_bits_spoils_old_and_new_data_and_looks_healthy(array: StorageVirtualize) -> None:
    known = b"\x5a" * (FLIP_EVERY * 512)
    with scratch() as lun:
        lun.write(0, known)
    install(array, Behaviour.FLIPS_BITS)
    with scratch() as lun:
        old = lun.read(0, FLIP_EVERY)
        lun.write(FLIP_EVERY, known)
        new = lun.read(FLIP_EVERY, FLIP_EVERY)
        assert lun.inquiry().revision == "8703"
    for read in (old, new):
        differing = [place for place in range(len(known)) if read[place] != known[place]]
        assert len(differing) == 1
        assert (read[differing[0]] ^ known[differing[0]]).bit_count() == 1
    assert set(array.controllers.values()) == {"online"}


def test_damage_by_bad_code_outlives_the_back_out(array: StorageVirtualize) -> None:
    with scratch() as lun:
        lun.write(0, bytes(65_536))
    install(array, Behaviour.FLIPS_BITS)
    array.abort()
    assert reaches(array, "success")
    with scratch() as lun:
        assert lun.read(0, 128) != bytes(65_536)
        lun.write(0, bytes(65_536))
        assert lun.read(0, 128) == bytes(65_536)


def test_code_that_loses_writes_acknowledges_them(array: StorageVirtualize) -> None:
    install(array, Behaviour.LOST_WRITES)
    with scratch() as lun:
        lun.write(0, b"\x5a" * 512)
        assert lun.read(0, 1) == bytes(512)


def test_code_with_media_errors_says_so_in_sense_data(array: StorageVirtualize) -> None:
    install(array, Behaviour.EIO)
    with scratch() as lun:
        with pytest.raises(CheckCondition) as refusal:
            lun.read(0, 64)
        assert (refusal.value.key, refusal.value.asc) == (3, 0x11)


def test_slow_code_takes_its_time_for_every_read_and_write(array: StorageVirtualize) -> None:
    read = b"\x88" + bytes(12) + b"\x01" + bytes(2)
    write = b"\x8a" + bytes(12) + b"\x01" + bytes(2)
    nexus = Nexus(GATE)
    assert execute(array.controller, nexus, 9, read).pause == 0
    install(array, Behaviour.SLOW)
    nexus.born = array.controller.generation
    assert execute(array.controller, nexus, 9, read).pause > 0
    assert execute(array.controller, nexus, 9, write, bytes(512)).pause > 0
