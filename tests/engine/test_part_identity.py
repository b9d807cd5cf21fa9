"""While the canary soaks: is it still the planned part, and like its partner?"""

from dataclasses import replace

import pytest

from gate.change import Swap
from gate.engine.probes import part_identity
from gate.evidence import PartsReading
from gate.finding import Outcome
from tests.cases import NEW_SERIAL, NOON, OLD_SERIAL, PART_NUMBER, PARTNER_SERIAL, VERSION, canister, parts

PLANNED = Swap(
    what="controller",
    enclosure="1",
    slot="2",
    place="01-2",
    old_part=PART_NUMBER,
    old_serial=OLD_SERIAL,
    part=PART_NUMBER,
    serial=NEW_SERIAL,
    firmware=VERSION,
    paper="delivery note 4711",
    partner_slot="1",
    partner_place="01-1",
    partner_part=PART_NUMBER,
    partner_serial=PARTNER_SERIAL,
    partner_firmware=VERSION,
)
PARTNER, NEW = canister("1", PARTNER_SERIAL), canister("2", NEW_SERIAL)


def test_the_planned_part_beside_its_partner_passes() -> None:
    outcome, said = part_identity(PLANNED, parts(PARTNER, NEW))
    assert outcome is Outcome.PASSED
    assert f"controller 2: serial {NEW_SERIAL}" in said


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (parts(PARTNER, replace(NEW, serial=OLD_SERIAL)), "serial 11SOLD, expected 11SNEW"),
        (parts(PARTNER, replace(NEW, part="X99")), "part X99, expected 01LB207"),
        (parts(PARTNER, replace(NEW, firmware="8.5.0.2")), "controller 2: firmware 8.5.0.2, expected 8.6.0.3"),
        (parts(replace(PARTNER, firmware="8.5.0.2"), NEW), "controller 1: firmware 8.5.0.2, expected 8.6.0.3"),
        (parts(replace(PARTNER, serial="OTHER"), NEW), "controller 1: serial OTHER, expected 11SPARTNER"),
        (parts(PARTNER, replace(NEW, well=False, state="offline, service")), "controller 2 is offline, service"),
        (parts(replace(PARTNER, well=False, state="offline, silent"), NEW), "controller 1 is offline, silent"),
    ],
)
def test_whatever_differs_has_failed(told: PartsReading, because: str) -> None:
    outcome, said = part_identity(PLANNED, told)
    assert outcome is Outcome.FAILED
    assert because in said


@pytest.mark.parametrize(
    "told",
    [
        PartsReading("east-1", NOON, problem="no answer"),
        parts(PARTNER),
        parts(NEW),
        parts(PARTNER, replace(NEW, firmware=None)),
        parts(PARTNER, replace(NEW, serial=None)),
    ],
)
def test_what_is_not_told_is_unknown_and_never_well(told: PartsReading) -> None:
    assert part_identity(PLANNED, told)[0] is Outcome.UNKNOWN
