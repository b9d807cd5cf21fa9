"""One commit for all who wait, and each caller with an answer of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gate.errors import BadInput, LedgerUnavailable, Moved, Refused
from gate.ledger.entry import GATE, Draft, Entry
from gate.store.sqlite import SqliteLedger
from gate.store.turn import Turn
from tests.store.conftest import Opener

HELD = Draft("hold.placed", GATE, "chg-0001", {"reason": "smoke"})


def together(ledger: SqliteLedger, *calls: Callable[[], object]) -> tuple[list[Future[object]], list[str]]:
    """Let all calls queue while the turn is taken, then let them go; return what came of each, and what SQLite did."""
    said: list[str] = []
    with ThreadPoolExecutor(len(calls)) as pool, ledger._writer.alone() as (connection, _):
        connection.set_trace_callback(said.append)
        waiting = []
        for number, call in enumerate(calls, 1):
            waiting.append(pool.submit(call))
            while len(ledger._writer._turn._queue) < number:
                threading.Event().wait(0.001)
    return waiting, said


def change(number: int) -> Draft:
    return Draft("hold.placed", GATE, f"chg-{number:04}", {"reason": "smoke"})


def test_callers_that_wait_are_answered_by_one_commit(ledger: SqliteLedger) -> None:
    calls = [lambda number=number: ledger.append(change(number), expect=0) for number in range(12)]
    waiting, said = together(ledger, *calls)
    indices = [one.result().index for one in waiting]  # type: ignore[attr-defined]
    assert indices == list(range(1, 13))
    assert [line for line in said if line.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]
    ledger.examine()


def test_what_one_caller_may_not_do_fails_that_caller_alone(ledger: SqliteLedger) -> None:
    ledger.append_all([HELD, Draft("change.closed", GATE, "chg-0002", {"outcome": "held"})])
    large = Draft("hold.placed", GATE, "chg-0003", {"reason": "x" * 17000})
    miscounted = Draft("change.closed", GATE, "chg-0001", {"outcome": "held", "entries": 40})
    waiting, _ = together(
        ledger,
        lambda: ledger.append(HELD, expect=1),
        lambda: ledger.append(HELD, expect=1),
        lambda: ledger.append(change(2)),
        lambda: ledger.append_all([change(4), change(4), large]),
        lambda: ledger.append_all([change(5), miscounted]),
        lambda: ledger.append_all([change(4), change(4)], expect=0),
    )
    errors = [type(one.exception()) for one in waiting]
    assert errors == [type(None), Moved, Refused, BadInput, BadInput, type(None)]
    assert [(entry.change, entry.seq) for entry in ledger.entries(3)] == [
        ("chg-0001", 2),
        ("chg-0004", 1),
        ("chg-0004", 2),
    ]
    ledger.examine()


def test_a_later_caller_of_the_batch_sees_what_an_earlier_one_did(ledger: SqliteLedger) -> None:
    waiting, _ = together(
        ledger,
        lambda: ledger.append(HELD, expect=0),
        lambda: ledger.append(HELD, expect=1),
        lambda: ledger.append(Draft("change.closed", GATE, "chg-0001", {"outcome": "held"}), expect=2),
        lambda: ledger.append(HELD),
    )
    assert [type(one.exception()) for one in waiting[:3]] == [type(None)] * 3
    with pytest.raises(Refused, match="chg-0001 is closed"):
        waiting[3].result()
    assert ledger.history("chg-0001")[-1].data["entries"] == 3


def test_somebody_who_needs_the_turn_alone_keeps_the_place_in_the_queue(ledger: SqliteLedger) -> None:
    waiting, said = together(
        ledger, lambda: ledger.append(HELD), lambda: ledger.checkpoint(keep=True), lambda: ledger.append(HELD)
    )
    assert "\n2\n" in str(waiting[1].result())
    assert ledger.size() == 3
    assert "COMMIT" not in said, "each append is a transaction of one statement"


def test_each_caller_of_a_failed_commit_raises_an_error_of_its_own(ledger: SqliteLedger, tmp_path: Path) -> None:
    ledger.append(HELD)
    (tmp_path / "ledger.key.seen").write_text("what?")
    waiting, _ = together(ledger, *[lambda: ledger.append(HELD)] * 3)
    errors = [one.exception() for one in waiting]
    assert all(isinstance(error, LedgerUnavailable) and "damaged" in str(error) for error in errors)
    assert len({id(error) for error in errors}) == 3
    assert ledger.size() == 2


class Stopped(BaseException):
    """As KeyboardInterrupt in the middle of writing."""


def test_a_leader_that_is_stopped_leaves_nobody_waiting(ledger: SqliteLedger) -> None:
    moments = iter([True])

    def clock() -> object:
        if next(moments, False):
            raise Stopped
        return was()

    was, ledger._writer._clock = ledger._writer._clock, clock  # type: ignore[assignment]
    waiting, _ = together(ledger, *[lambda: ledger.append(HELD)] * 3)
    errors = sorted(type(one.exception()).__name__ for one in waiting)
    assert errors == ["LedgerUnavailable", "LedgerUnavailable", "Stopped"]
    assert ledger.append(HELD).index == 1


def test_a_process_that_died_before_it_said_so_beside_the_key_is_noticed(reopen: Opener, tmp_path: Path) -> None:
    first, second = reopen(), reopen()
    first.append(HELD)
    line = (tmp_path / "ledger.key.seen").read_bytes()
    second.append(HELD)
    (tmp_path / "ledger.key.seen").write_bytes(line)
    assert first.append(HELD, expect=2).index == 3
    with pytest.raises(Moved, match="entry 3 is there, 2 was read"):
        second.append(HELD, expect=2)
    first.examine()


def test_many_threads_of_two_ledgers_make_one_log(reopen: Opener) -> None:
    ledgers = [reopen(), reopen()]

    def write(worker: int) -> list[Entry]:
        mine = ledgers[worker % 2]
        return [mine.append(change(worker), expect=seq) for seq in range(25)]

    with ThreadPoolExecutor(12) as pool:
        made = [entry for entries in pool.map(write, range(12)) for entry in entries]
    assert sorted(entry.index for entry in made) == list(range(1, 301))
    assert {entry.index: entry.body for entry in made} == dict(enumerate(list(ledgers[0].bodies())[1:], 1))
    ledgers[0].examine()


def test_who_waits_too_long_for_a_thread_gives_up(tmp_path: Path) -> None:
    turn: Turn[list[str]] = Turn(tmp_path / "lock", within=0.05)
    with turn.taken(), ThreadPoolExecutor(1) as pool:

        def wait() -> None:
            with turn.led([]):
                pass

        with pytest.raises(LedgerUnavailable, match="another thread"):
            pool.submit(wait).result()
    with turn.led(["work"]) as work:
        assert work == [["work"]]
    turn.close()


def test_who_waits_too_long_for_a_process_gives_up(tmp_path: Path) -> None:
    mine: Turn[str] = Turn(tmp_path / "lock", within=0.05)
    theirs: Turn[str] = Turn(tmp_path / "lock", within=0.05)
    with theirs.taken(), pytest.raises(LedgerUnavailable, match="another process"), mine.led("work"):
        pass
    with mine.led("work") as work:
        assert work == ["work"]
    for turn in (mine, theirs):
        turn.close()
