import os
import random
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path

import pytest

from gate.errors import BadInput, LedgerUnavailable
from gate.ledger import checkpoint, cosignature, note
from gate.ledger.checkpoint import Checkpoint
from gate.witness.logs import LogsFile
from gate.witness.server import open_witness, serve
from tests.ledger.test_note import SeedKey
from tests.witness.logs import KEY, ORIGIN, Log
from tests.witness.running import NAME, RunningWitness

Make = Callable[..., RunningWitness]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[RunningWitness] = []

    def start(*vkeys: str, name: str = NAME) -> RunningWitness:
        made.append(RunningWitness(tmp_path / f"witness-{len(made)}", *vkeys, name=name))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.kill()


def cosigned(witness: RunningWitness, old: int, size: int, log: Log | None = None) -> str:
    log = log or Log()
    status, _, text = witness.post(log.request(old, size))
    assert status == 200, text
    cosignature.check(log.head(size).text, note.read_signature(text[:-1]), witness.vkey)
    return log.signed(size) + text


def test_a_witness_answers_as_the_protocol_says(make: Make) -> None:
    witness = make(str(KEY.vkey))
    assert witness.get("/") == (200, "text/plain; charset=utf-8", f"{witness.vkey}\n")
    place = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert witness.get(place)[0] == 404
    signed = cosigned(witness, 0, 5)
    assert witness.get(place)[::2] == (200, signed)
    assert witness.post(Log().request(0, 5)) == (409, "text/x.tlog.size", "5\n")
    assert witness.post(Log(2).request(5, 7))[0] == 422
    assert witness.post(Log().request(5, 5).replace(b"old 5", b"old 6"))[0] == 400
    assert witness.post(Log(key=SeedKey("x.example")).request(0, 5))[0] == 404
    assert witness.post(Log(key=SeedKey(ORIGIN, b"\x66" * 32)).request(5, 7))[0] == 403
    assert witness.get("/add-checkpoint")[0] == 405
    assert witness.post(b"", "/sign-subtree")[0] == 405
    assert witness.get("/../key")[0] == 404
    assert witness.end() == 0


def test_what_it_cosigned_it_remembers_after_a_restart(make: Make) -> None:
    witness = make(str(KEY.vkey))
    cosigned(witness, 0, 5)
    key = witness.vkey
    assert witness.end() == 0
    witness.start()
    assert witness.vkey == key
    assert witness.post(Log().request(0, 9))[::2] == (409, "5\n")
    cosigned(witness, 5, 9)


def test_a_log_is_added_by_a_line_while_it_runs_and_a_bad_line_takes_none_away(make: Make) -> None:
    witness = make()
    assert witness.post(Log().request(0, 5))[0] == 404
    witness.know(str(KEY.vkey))
    cosigned(witness, 0, 5)
    (witness.folder / "logs").write_text("log nonsense\n")
    cosigned(witness, 5, 6)


def test_hostile_requests_leave_it_answering(make: Make) -> None:
    witness = make(str(KEY.vkey))
    assert witness.post(b"old 0\n" * 20_000)[0] in {400, 413}
    with suppress(OSError):
        assert witness.post(b"x" * 3_000_000)[0] == 413
    host, port = witness.url.removeprefix("http://").split(":")
    hanging = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in hanging:
        one.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\nold ")
    for junk in (
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=60) as one:
            one.settimeout(1)
            one.sendall(junk)
            with suppress(OSError):
                one.recv(1000)
    cosigned(witness, 0, 5)
    for one in hanging:
        one.close()


def test_a_kill_in_the_middle_never_makes_it_cosign_two_histories_or_a_smaller_tree(make: Make) -> None:
    """Two liars share one key and race; the witness is killed again and again. What it cosigned is one history."""
    witness = make(str(KEY.vkey))
    got: list[tuple[float, Checkpoint]] = []
    stop = threading.Event()

    def lie(log: Log) -> None:
        size = 0
        while not stop.is_set():
            try:
                status, _, text = witness.post(log.request(size, size + 1))
            except (OSError, HTTPException):
                stop.wait(0.01)
                continue
            if status == 200:
                size += 1
                got.append((time.monotonic(), checkpoint.verify(log.signed(size) + text, KEY.vkey)))
            elif status == 409:
                size = min(int(text), 3000)
            elif status == 422:
                stop.wait(0.005)

    liars = [threading.Thread(target=lie, args=(Log(forked),)) for forked in (None, 0, 3, None)]
    for one in liars:
        one.start()
    chance = random.Random(7)
    for kill in range(1, 7):
        time.sleep(chance.uniform(0.15, 0.4))
        until = time.monotonic() + 30
        while len({head.size for _, head in got}) < 4 * kill and time.monotonic() < until:
            time.sleep(0.05)
        witness.kill()
        witness.start()
    stop.set()
    for one in liars:
        one.join()
    roots: dict[int, bytes] = {}
    for _, head in got:
        assert roots.setdefault(head.size, head.root) == head.root, "two histories of one size"
    assert len(roots) > 20
    newest = witness.get(f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint")[2]
    assert checkpoint.verify(newest, KEY.vkey).size >= max(roots)
    honest = [log for log in (Log(), Log(0), Log(3)) if log.head(max(roots)).root == roots[max(roots)]]
    assert all(honest[0].head(size).root == root for size, root in roots.items())


def test_the_key_is_the_owners_alone_and_a_readable_one_is_refused(make: Make, tmp_path: Path) -> None:
    witness = make(str(KEY.vkey))
    witness.end()
    path = witness.folder / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(LedgerUnavailable, match="may be read or written by others"):
        open_witness(witness.folder, name=NAME)


def test_a_witness_needs_one_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a witness needs a name"):
        open_witness(tmp_path / "w")
    (tmp_path / "logs").write_text("name witness.example.com/a\n")
    with pytest.raises(BadInput, match=r"is called witness.example.com/a in its file"):
        open_witness(tmp_path / "w", tmp_path / "logs", "witness.example.com/b")
    cosigner, memory = open_witness(tmp_path / "w", tmp_path / "logs")
    assert cosigner.key.vkey.name == "witness.example.com/a"
    memory.close()


@pytest.mark.parametrize("line", ["log", "log x y z", "log x", "witness a b", "name a b", "name a\nname b"])
def test_a_line_that_means_nothing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "logs").write_text(f"# mine\n{line}\n")
    with pytest.raises(BadInput, match=r"logs:[23]: "):
        LogsFile(tmp_path / "logs").load()


def test_the_command_says_what_is_wrong_in_a_sentence(make: Make, tmp_path: Path) -> None:
    running = make(str(KEY.vkey))
    words = [*running.process.args]  # type: ignore[misc]  # a list of words, as it was started
    listen = words.index("--listen") + 1
    for place in ("nowhere", "127.0.0.1:99999", running.url.removeprefix("http://")):
        again = [*words[:listen], place, *words[listen + 1 :]]
        again[again.index("--data") + 1] = str(tmp_path / "another")
        ended = subprocess.run(again, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert ended.returncode in {2, 4}
        assert "Traceback" not in ended.stderr
        assert ended.stderr.count("\n") <= 2


def test_a_peer_that_drips_its_request_is_bounded_as_a_whole(tmp_path: Path) -> None:
    cosigner, memory = open_witness(tmp_path / "w", name=NAME)
    stop, ready, ports = threading.Event(), threading.Event(), list[int]()

    def started(_: str, port: int, __: str) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=serve, args=(cosigner, "127.0.0.1", 0, stop, started, 0.5))
    thread.start()
    try:
        assert ready.wait(60)
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=60) as peer:
            peer.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n")
            cut = False
            for number in range(1200):
                try:
                    peer.sendall(b"X-%d: y\r\n" % number)
                except OSError:
                    cut = True
                    break
                time.sleep(0.05)
            assert cut
    finally:
        stop.set()
        thread.join()
        memory.close()
