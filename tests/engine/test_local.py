"""The driver among changes it cannot drive: each is stopped once, and the others go on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from gate.assembly import now
from gate.change import Plan
from gate.engine.crew import Crew
from gate.engine.hands import Clock, Hands
from gate.engine.local import Driver
from gate.errors import CannotTell, Outside
from gate.evidence import Reply, ReplyState
from gate.ledger.entry import Draft, Entry
from gate.lifecycle import fold
from gate.permits.office import PermitOffice
from gate.policy import ApprovalKind
from gate.standing import Standing, State
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.engine.histories import UPDATED, History, plan
from tests.engine.test_steps import hands_of

WAIT = 60


@dataclass(frozen=True)
class NoHands:
    """Hands that reach nothing: whatever is asked of them is a fault of the gate."""

    clock: Clock


@dataclass
class Updating:
    """An array that tells another progress each time, until it has told it `times` times."""

    times: int = 30
    asked: int = 0

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Tell how far it is."""
        self.asked += 1
        status = "system_updating" if self.asked <= self.times else "success"
        said = f"status!{status}\nprogress!{self.asked}\n".encode()
        return Reply(target, command, ReplyState.ANSWERED, now(), now(), 0, said)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(tmp_path / "ledger.db", signer=keys.create(tmp_path / "ledger.key", "gate.example/1"))
    yield opened
    opened.close()


def enter(ledger: SqliteLedger, history: History) -> str:
    """Copy a history into a real ledger."""
    for entry in history.entries:
        ledger.append(Draft(entry.kind, entry.actor, entry.change, entry.data, entry.blobs))
    return history.plan.change


def driver(
    ledger: SqliteLedger, tmp_path: Path, plan_of: Callable[[Standing], Plan], hands: Hands | None = None
) -> Driver:
    office = PermitOffice.open(tmp_path / "ca", timedelta(minutes=5))
    hands = hands or cast("Hands", NoHands(now))
    minutes = timedelta(minutes=5)
    crew = Crew(ledger, hands, office, dict, ApprovalKind.SESSION, minutes, minutes, timedelta(0))
    return Driver(crew, plan_of, tmp_path / "driver.lock")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_plan_that_cannot_be_read_halts_its_change_once(tmp_path: Path, ledger: SqliteLedger) -> None:
    change = enter(ledger, History().started())
    asked: list[int] = []

    def lost(standing: Standing) -> Plan:
        asked.append(standing.seq)
        raise CannotTell("the plan is missing from the store")

    driving = driver(ledger, tmp_path, lost)
    driving.start()
    try:
        until(lambda: fold(ledger.history(change)).state is State.HALTED)
        for number in range(3):  # each entry wakes the driver again
            size = ledger.size()
            ledger.append(Draft("attempt.refused", History().entries[0].actor, change, {"what": str(number)}))
            ledger.wait(size + 1, 1.2)
    finally:
        driving.stop()
    kinds = [entry.kind for entry in ledger.history(change)]
    assert kinds.count("change.halted") == 1
    assert len(asked) == 1
    halted = next(entry for entry in ledger.history(change) if entry.kind == "change.halted")
    assert "the gate itself failed (CannotTell)" in str(halted.data["because"])


def test_one_history_that_cannot_be_read_stops_no_other_change(tmp_path: Path, ledger: SqliteLedger) -> None:
    broken, good = plan(), plan(change="chg-0002")
    enter(ledger, History(broken).started().add("hold.placed", reason=""))
    driving = driver(ledger, tmp_path, lambda _: good)
    driving.start()
    try:
        change = enter(ledger, History(good).started())
        until(lambda: fold(ledger.history(change)).state is State.HALTED)
    finally:
        driving.stop()
    assert [entry.kind for entry in ledger.history(broken.change)][-1] == "hold.placed"


def test_a_second_driver_waits_for_the_lock_of_the_first(tmp_path: Path, ledger: SqliteLedger) -> None:
    first, second = (driver(ledger, tmp_path, lambda _: plan()) for _ in range(2))
    first.start()
    try:
        with pytest.raises(Outside, match="another process already drives"):
            second.start()
    finally:
        first.stop()
    second.start()
    second.stop()


def test_what_the_driver_writes_down_of_a_wait_does_not_interrupt_it(tmp_path: Path, ledger: SqliteLedger) -> None:
    """On hold inside a block the wait goes on: begun anew with every entry it would never come to its end."""
    wait = replace(
        plan().forward[UPDATED],
        command="lsupdate -delim !",
        reader="update",
        expect=(),
        until=(("status", ("success",)),),
        every_s=0,
    )
    steps = tuple(wait if number == UPDATED else step for number, step in enumerate(plan().forward))
    waiting = plan(forward=steps)
    voice = Updating()
    turns: list[int] = []

    def plan_of(_: Standing) -> Plan:
        turns.append(voice.asked)
        return waiting

    change = enter(ledger, History(waiting).forward(UPDATED).held())
    driving = driver(ledger, tmp_path, plan_of, replace(hands_of(voice), clock=now))
    driving.start()
    try:
        until(lambda: any(e.kind == "step.ended" and e.data["number"] == UPDATED for e in since_begun(ledger, change)))
    finally:
        driving.stop()
    told = [entry for entry in ledger.history(change) if entry.kind == "step.told"]
    assert len(told) > 10
    assert [asked for asked in turns if asked <= voice.times] == [0], "it was taken up once"


def since_begun(ledger: SqliteLedger, change: str) -> tuple[Entry, ...]:
    """The entries that the driver itself has made."""
    return ledger.history(change)[len(History().forward(UPDATED).held().entries) :]
