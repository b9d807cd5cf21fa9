"""Sinks over kills, restarts and receivers that hang: no gap, nothing twice that cannot be told, nothing stalled."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from gate.errors import Outside
from gate.export.population import Item
from gate.sink import LogFile
from gate.store.sqlite import SqliteLedger
from gate.streaming.cursors import Cursors
from gate.streaming.delivery import Delivery
from gate.streaming.logfile import FileDelivery
from gate.streaming.runner import PIECE, Streaming
from tests.export.conftest import ORIGIN, make_ledger
from tests.repository import ROOT
from tests.streaming.conftest import Receiver, grow, wall
from tests.streaming.test_webhook import delivery


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def running(ledger: SqliteLedger, folder: Path, **ways: Delivery) -> Streaming:
    made = Streaming(ledger, Cursors(folder / "sinks.db", ORIGIN), ways, wall, first_wait=0.05)
    made.start()
    return made


class Breaking:
    """Delivers nothing a few times, then everything."""

    def __init__(self, times: int) -> None:
        self.times, self.taken = times, list[int]()

    def deliver(self, items: Sequence[Item]) -> None:
        if self.times:
            self.times -= 1
            raise Outside("it is down")
        self.taken += [item.at for item in items]

    def close(self) -> None: ...


def test_what_is_appended_later_goes_out_and_a_restart_goes_on(ledger: SqliteLedger, tmp_path: Path) -> None:
    first = Breaking(0)
    sending = running(ledger, tmp_path, x=first)
    grow(ledger, 3)
    until(lambda: len(first.taken) == 15)
    sending.stop()
    grow(ledger, 2)
    second = Breaking(0)
    sending = running(ledger, tmp_path, x=second)
    until(lambda: len(second.taken) == 2)
    sending.stop()
    assert first.taken + second.taken == list(range(17))


def test_a_failure_is_shown_and_over_when_it_is_over(ledger: SqliteLedger, tmp_path: Path) -> None:
    cursors, way = Cursors(tmp_path / "sinks.db", ORIGIN), Breaking(4)
    sending = running(ledger, tmp_path, x=way)
    until(lambda: cursors.read("x").problem == "it is down" or way.taken)
    until(lambda: way.taken == list(range(12)))
    until(lambda: cursors.read("x").next == 12)
    sending.stop()
    assert (cursors.read("x").problem, cursors.read("x").since) == ("", "")


def test_one_that_hangs_stalls_none_of_the_others_nor_the_end(
    ledger: SqliteLedger, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.hanging.set()
    well = Breaking(0)
    sending = running(ledger, tmp_path, hook=delivery(receiver, timeout="30s"), well=well)
    until(lambda: len(well.taken) == 12)
    grow(ledger, 1)
    until(lambda: len(well.taken) == 13)
    assert Cursors(tmp_path / "sinks.db", ORIGIN).read("hook").next == 0
    sending.stop()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("sink ")])


def test_a_new_log_begins_at_its_first_entry(ledger: SqliteLedger, tmp_path: Path) -> None:
    sending = running(ledger, tmp_path, x=Breaking(0))
    until(lambda: Cursors(tmp_path / "sinks.db", ORIGIN).read("x").next == 12)
    sending.stop()
    assert Cursors(tmp_path / "sinks.db", "gate.example.com/ledger/2").read("x").next == 0


def test_half_a_line_that_a_kill_left_is_taken_back(ledger: SqliteLedger, tmp_path: Path) -> None:
    way = FileDelivery(LogFile.model_validate({"kind": "file", "name": "f", "path": "sent.jsonl"}), tmp_path)
    (tmp_path / "sent.jsonl").write_bytes(b'{"index":0,"whole":1}\n{"index":1,"ha')
    sending = running(ledger, tmp_path, f=way)
    until(lambda: Cursors(tmp_path / "sinks.db", ORIGIN).read("f").next == 12)
    sending.stop()
    lines = (tmp_path / "sent.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["index"] for line in lines] == [0, *range(12)]


def test_kills_leave_no_gap_and_nothing_twice_beyond_one_piece(receiver: Receiver, tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path)
    grow(ledger, 700)
    words = [sys.executable, "-m", "tests.streaming.killed", str(tmp_path), str(receiver.port)]
    for kill in range(4):
        seen = len(receiver.taken)
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
            until(lambda wanted=seen + 150: len(receiver.taken) >= wanted)  # type: ignore[misc]
            if kill == 3:
                until(lambda: Cursors(tmp_path / "sinks.db", ORIGIN).read("hook").next == 701)
                until(lambda: Cursors(tmp_path / "sinks.db", ORIGIN).read("file").next == 701)
            process.kill()
    ledger.close()
    indices = [json.loads(body)["sangateindex"] for _, body in receiver.taken]
    assert set(indices) == set(range(701))
    assert len(indices) - 701 <= 3 * PIECE
    ids: dict[str, set[bytes]] = {}
    for headers, body in receiver.taken:
        ids.setdefault(headers["webhook-id"], set()).add(body)
    assert all(len(bodies) == 1 for bodies in ids.values())
    lines = (tmp_path / "sent.jsonl").read_bytes().splitlines()
    kept = [int(found[1]) for line in lines if (found := re.match(rb'\{"index":([0-9]+),', line))]
    assert set(kept) == set(range(701))
    assert all(after <= before + 1 for before, after in pairwise(kept))
