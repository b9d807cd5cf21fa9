"""What the gate's own office has made: remembered over a restart, revoked by change or one by one, and forgotten."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.change import Grant, Purpose
from gate.errors import BadInput, Outside
from gate.keyholding import krl
from gate.keys import public_line
from gate.permits.office import SKEW, PermitOffice
from gate.permits.register import Register

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
CA = public_line(Ed25519PrivateKey.generate(), "ca")


class Place:
    """A register's two files, and its clock."""

    def __init__(self, home: Path) -> None:
        self.memory, self.listed, self.now = home / "live", home / "revoked.krl", NOW

    def open(self) -> Register:
        return Register(CA, self.memory, self.listed, lambda: self.now)

    def revokes(self, *serials: int) -> bool:
        """Whether exactly these are on the list as it is now."""
        moment = int(self.now.timestamp())
        return self.listed.read_bytes() == krl.write(CA, serials, moment, moment)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_list_that_revokes_nothing_is_there_from_the_beginning_and_the_memory_is_nobody_elses(place: Place) -> None:
    place.open().start()
    assert place.revokes()
    assert stat.S_IMODE(place.memory.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.listed.stat().st_mode) == 0o644


def test_a_stop_revokes_every_permit_of_that_change_also_those_of_the_process_before(place: Place) -> None:
    for register in (first := place.open(), place.open()):
        register.enter(1 if register is first else 2, "chg-0001", LATER)
    register = place.open()
    register.enter(3, "chg-0002", LATER)
    register.stop("chg-0001")
    assert place.revokes(1, 2)
    register.over(3)
    assert place.revokes(1, 2, 3)
    register.enter(4, "chg-0001", LATER)
    assert place.revokes(1, 2, 3), "what people of the house need after it is not revoked with it"


def test_a_change_for_which_nothing_was_made_writes_nothing(place: Place) -> None:
    register = place.open()
    register.stop("chg-0001")
    assert not place.listed.exists()


def test_what_was_remembered_and_not_yet_listed_when_the_gate_was_killed_is_listed_at_its_start(place: Place) -> None:
    register = place.open()
    register.enter(1, "chg-0001", LATER)
    empty = place.listed.read_bytes()
    register.stop("chg-0001")
    place.listed.write_bytes(empty)
    place.open().start()
    assert place.revokes(1)
    place.listed.write_bytes(empty)
    place.open().stop("chg-0001")
    assert place.revokes(1)


def test_a_permit_that_has_ended_is_forgotten(place: Place) -> None:
    register = place.open()
    register.enter(1, "chg-0001", LATER)
    register.stop("chg-0001")
    place.now = LATER
    register.enter(2, "chg-0001", LATER + timedelta(minutes=5))
    assert place.revokes()
    assert '"1"' not in place.memory.read_text()


def test_without_a_place_to_write_nothing_is_made_and_what_was_known_stays(tmp_path: Path) -> None:
    place = Place(tmp_path / "away")
    register = place.open()
    with pytest.raises(Outside, match="cannot be written"):
        register.enter(1, "chg-0001", LATER)
    (tmp_path / "away").mkdir()
    register.stop("chg-0001")
    assert not place.listed.exists(), "that permit was never made"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"1": {"change": "chg-0001"}}', b"\xff"])
def test_a_memory_that_cannot_be_read_makes_no_permit(place: Place, content: bytes) -> None:
    place.memory.write_bytes(content)
    with pytest.raises(BadInput, match="no register of permits"):
        place.open().enter(2, "chg-0001", LATER)


def test_a_revocation_whose_list_could_not_be_written_is_on_the_next_one(place: Place) -> None:
    register = place.open()
    register.enter(1, "chg-0001", LATER)
    place.listed.unlink()
    place.listed.mkdir()
    with pytest.raises(Outside, match="cannot be written"):
        register.stop("chg-0001")
    place.listed.rmdir()
    register.enter(2, "chg-0002", LATER)
    assert place.revokes(1)


GRANT = Grant("chg-0001", "canary", "west-2", Purpose.FORWARD, f"sha256:{'a' * 64}", LATER)


def test_an_office_remembers_what_it_makes_takes_back_what_is_over_and_all_of_a_change_that_is_stopped(
    place: Place,
) -> None:
    office = PermitOffice(Ed25519PrivateKey.generate(), timedelta(hours=1), register=place.open())
    used, open_still = office.issue(GRANT, NOW), office.issue(GRANT, NOW)
    office.over(used)
    assert place.revokes(used.serial)
    office.stopped("chg-0001")
    serials = sorted((used.serial, open_still.serial))
    assert place.revokes(*serials)
    place.now = LATER + SKEW - timedelta(seconds=1)
    place.open().start()
    assert place.revokes(*serials), "an array whose clock is behind would still take it"
    place.now = LATER + SKEW
    place.open().start()
    assert place.revokes()


def test_an_office_without_a_register_has_nothing_to_take_back() -> None:
    office = PermitOffice(Ed25519PrivateKey.generate(), timedelta(hours=1))
    office.over(office.issue(GRANT, NOW))
    office.stopped("chg-0001")
    assert office.public_line().endswith(" sangate-ca")
