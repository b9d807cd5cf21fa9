"""When the gate rehearses by itself, on a real lab; and what it does about rehearsals that a crash cut short."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.backups.scratch import spot_of
from gate.errors import Refused
from gate.evidence import Rehearsal
from gate.gather.gather import Gathering
from gate.gather.schedule import Schedule, due, period
from gate.ledger.entry import GATE, Draft
from gate.policy import Policy
from gate.store.sqlite import SqliteLedger
from tests.gather.conftest import Site

NIGHTLY = "sidekick-nightly"
DAY = timedelta(days=1)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "since", "now", "expected"),
    [
        (None, NOON, NOON + DAY, True),
        (None, NOON, NOON + DAY - timedelta(seconds=1), False),
        (NOON, NOON - 9 * DAY, NOON + DAY, True),
        (NOON, NOON - 9 * DAY, NOON + DAY - timedelta(seconds=1), False),
    ],
)
def test_a_rehearsal_is_due_a_period_after_the_last_or_after_the_record_began(
    last: datetime | None, since: datetime, now: datetime, expected: bool
) -> None:
    assert due(last, since, DAY, now) is expected
    assert due(last, since, None, now) is False


def test_a_protections_own_period_comes_before_the_policys(site: Site) -> None:
    protection = site.settings.config.inventory.protections[0]
    never = site.settings.config.policy.model_copy(update={"rehearsal_every": "never"})
    without = protection.model_copy(update={"rehearsal_every": None})
    assert period(protection.model_copy(update={"rehearsal_every": 7 * DAY}), never) == 7 * DAY
    assert period(without, never) is None
    assert period(without, site.settings.config.policy) == DAY


class Clock:
    """A clock that a test turns on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(site: Site, gathering: Gathering, ledger: SqliteLedger, clock: Clock) -> Iterator[Schedule]:
    inventory = site.settings.config.inventory
    nightly = [each for each in inventory.protections if each.id == NIGHTLY]
    only = inventory.model_copy(update={"protections": tuple(nightly)})
    policy: Policy = site.settings.config.policy
    made = Schedule(only, policy, gathering.rehearsals, ledger, clock)
    yield made
    made.stop()


def kinds(ledger: SqliteLedger) -> list[str]:
    return [entry.kind for entry in ledger.entries()]


def test_what_is_due_is_done_once_and_again_after_its_period(
    schedule: Schedule, ledger: SqliteLedger, clock: Clock
) -> None:
    schedule.turn()
    assert kinds(ledger) == ["log.opened"]
    clock.ahead = DAY + timedelta(minutes=1)
    for _ in range(2):
        schedule.turn()
        assert kinds(ledger) == ["log.opened", "reference.recorded", "rehearsal.begun", "backup.rehearsed"]
    assert {entry.actor for entry in ledger.entries(1)} == {GATE}
    clock.ahead = 2 * DAY + timedelta(minutes=2)
    schedule.turn()
    assert kinds(ledger)[4:] == ["reference.recorded", "rehearsal.begun", "backup.rehearsed"]


def test_an_attempt_that_ended_before_anything_began_is_not_made_every_minute(
    site: Site, schedule: Schedule, ledger: SqliteLedger, clock: Clock
) -> None:
    clock.ahead = DAY + timedelta(minutes=1)
    site.lab.fault("db-1", "refuse")
    site.lab.fault("bk-1", "refuse")
    schedule.turn()
    for host in ("db-1", "bk-1"):
        site.lab.clear(host)
    schedule.turn()
    assert kinds(ledger) == ["log.opened"]


def begun(ledger: SqliteLedger, gathering: Gathering, site: Site) -> list[str]:
    """What a gate leaves that is killed in the middle: an entry, and a copy on the rehearsal host."""
    protection = next(each for each in site.settings.config.inventory.protections if each.id == NIGHTLY)
    spot = spot_of(protection, ledger.origin)
    said = {"protection": NIGHTLY, "backup": "20261120T010000Z", "host": "bk-1", "scratch": spot.place}
    ledger.append(Draft("rehearsal.begun", GATE, data=said))
    rehearser = gathering.rehearsals.rehearser
    for words in (f"mkdir -p {spot.mark}", f"mkdir {spot.back}", f"cp /backup/sidekick {spot.back}"):
        rehearser.ask("bk-1", words)
    return [spot.place]


def left(gathering: Gathering) -> str:
    found = gathering.rehearsals.rehearser.ask("bk-1", "find /scratch/rehearsal -mindepth 1 -maxdepth 1")
    return found.stdout.decode()


def test_what_a_killed_gate_left_is_removed_and_entered_by_the_next(
    site: Site, schedule: Schedule, gathering: Gathering, ledger: SqliteLedger
) -> None:
    (place,) = begun(ledger, gathering, site)
    assert left(gathering) == f"{place}\n"
    schedule.turn()
    assert left(gathering) == ""
    (entry,) = [entry for entry in ledger.entries() if entry.kind == "rehearsal.cleared"]
    assert (entry.data["protection"], entry.data["host"], entry.data["scratch"]) == (NIGHTLY, "bk-1", place)
    schedule.turn()
    assert kinds(ledger).count("rehearsal.cleared") == 1


def test_what_was_left_where_the_inventory_names_no_scratch_any_more_is_told_and_not_called_removed(
    site: Site, schedule: Schedule, gathering: Gathering, ledger: SqliteLedger, caplog: pytest.LogCaptureFixture
) -> None:
    (place,) = begun(ledger, gathering, site)
    inventory = site.settings.config.inventory
    elsewhere = tuple(one.model_copy(update={"rehearsal_scratch": "/scratch/other"}) for one in inventory.protections)
    config = site.settings.config.model_copy(
        update={"inventory": inventory.model_copy(update={"protections": elsewhere})}
    )
    with Gathering(replace(site.settings, config=config), ledger) as edited:
        for _ in range(2):
            edited.rehearsals.sweep()
    assert "rehearsal.cleared" not in kinds(ledger)
    assert left(gathering) == f"{place}\n"
    told = [record.getMessage() for record in caplog.records if place in record.getMessage()]
    assert told == [
        f"a rehearsal of {NIGHTLY} has left {place} on bk-1, which the inventory no longer names: remove it by hand"
    ]
    schedule.turn()  # with the old words again
    assert left(gathering) == ""
    assert kinds(ledger)[-1] == "rehearsal.cleared"


def test_a_host_that_cannot_be_reached_is_tidied_up_later(
    site: Site, schedule: Schedule, gathering: Gathering, ledger: SqliteLedger
) -> None:
    begun(ledger, gathering, site)
    gathering.rehearsals.rehearser.hang_up()
    site.lab.fault("bk-1", "refuse")
    schedule.turn()
    assert "rehearsal.cleared" not in kinds(ledger)
    site.lab.clear("bk-1")
    schedule.turn()
    assert kinds(ledger)[-1] == "rehearsal.cleared"
    assert left(gathering) == ""


def test_one_rehearsal_at_a_time_on_a_host_and_its_steps_are_told(gathering: Gathering) -> None:
    refused: list[str] = []

    def progress(sentence: str) -> None:
        if "is read" in sentence and not refused:
            with pytest.raises(Refused, match="a rehearsal on bk-1 is under way"):
                gathering.rehearsals.rehearse(NIGHTLY)
            gathering.rehearsals.sweep()  # which must leave alone what is under way
            refused.append(sentence)

    record: Rehearsal = gathering.rehearsals.rehearse(NIGHTLY, progress=progress)
    assert record.passed
    assert refused
    told = gathering.rehearsals.told(NIGHTLY)
    assert "the backup is copied back" in told
    assert [sentence for sentence in told if sentence.endswith("contacts is read")] == ["contacts is read"]
    assert "the copy is removed" in told
    assert told[-1].startswith(f"{NIGHTLY}: backup")
