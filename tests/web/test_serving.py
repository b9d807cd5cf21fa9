"""The real server: streams within their bounds, and an end that loses no running request."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.errors import CannotTell
from gate.serving import run
from gate.web.bell import Bells
from tests.web.room import ROOT, Room, later


@dataclass
class Running:
    """A server in a thread, and a way to ask it."""

    port: int
    stop: threading.Event
    cookie: str

    @contextmanager
    def ask(self, path: str, *, signed_in: bool = True) -> Iterator[http.client.HTTPResponse]:
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookie = {"Cookie": f"sangate={self.cookie}"} if signed_in else {}
        try:
            wire.request("GET", path, headers={"Accept": "text/event-stream", **cookie})
            with wire.getresponse() as answer:
                yield answer
        finally:
            wire.close()

    def status(self, path: str, *, signed_in: bool = True) -> int:
        with self.ask(path, signed_in=signed_in) as answer:
            return answer.status


@contextmanager
def serving(room: Room, **server: object) -> Iterator[Running]:
    settings = later(room.settings, listen="127.0.0.1:0", **server)
    stop, ready, ports = threading.Event(), threading.Event(), list[int]()

    def started(host: str, port: int) -> None:
        assert host == "127.0.0.1"
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=run, args=(room.app, settings, stop, started), daemon=True)
    thread.start()
    assert ready.wait(60)
    secret = room.control.sign_in("steward", "correct horse battery", "session").secret
    yield Running(ports[0], stop, secret)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_the_bell_rings_when_the_ledger_grows(room: Room) -> None:
    change = room.opened()
    with serving(room) as server, server.ask(f"/changes/{change}/bell?size={room.control.size()}") as stream:
        assert str(stream.headers["Content-Type"]).startswith("text/event-stream")
        room.enter(change, "hold.placed", reason="ring")
        lines = []
        while "event: ledger" not in lines:
            lines.append(stream.readline().decode().strip())
        assert stream.readline().decode().strip() == f"data: {room.control.size()}"


def test_the_bell_asks_for_a_sign_in(room: Room) -> None:
    with serving(room) as server:
        assert server.status("/bell", signed_in=False) == 401


def test_a_third_stream_of_one_session_waits_until_another_has_gone(room: Room) -> None:
    with serving(room) as server:
        with server.ask("/bell") as first, server.ask("/bell") as second:
            assert (first.status, second.status, server.status("/bell")) == (200, 200, 503)
        tries = (server.status("/bell") for _ in iter(lambda: time.sleep(0.1), 0))
        assert next(status for status in tries if status != 503) == 200


def test_pages_answer_while_all_streams_are_taken(room: Room) -> None:
    bells = Bells(2, lambda: 0, lambda size, timeout: False)
    bells.stream("a", 0, bool)
    bells.stream("b", 0, bool)
    with pytest.raises(CannotTell):
        bells.stream("c", 0, bool)
    assert bells.count == 2


SERVER = """
import sys, threading, time
from pathlib import Path
from flask import Flask
from tests.web.room import later, take_up
from gate.serving import run

room = take_up(Path(sys.argv[1]))

def slow():
    print("begun", flush=True)
    while not Path(sys.argv[1], "go-on").exists():
        time.sleep(0.01)
    return "answered"

room.app.add_url_rule("/slow", "slow", slow)
settings = later(room.settings, listen="127.0.0.1:0")
run(room.app, settings, threading.Event(), lambda host, port: print(port, flush=True))
room.ledger.close()
print("ended", flush=True)
"""


def test_sigterm_lets_a_running_request_end_and_then_ends_with_0(room: Room, tmp_path: Path) -> None:
    room.ledger.close()
    words = [sys.executable, "-c", SERVER, str(tmp_path / "gate")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        wire.request("GET", "/slow")
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        (tmp_path / "gate" / "go-on").touch()
        answer = wire.getresponse()
        assert (answer.status, answer.read()) == (200, b"answered")
        wire.close()
        assert process.stdout.readline() == "ended\n"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
