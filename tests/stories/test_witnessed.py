"""
A gate that serves and a witness beside it, each in a process of its own, over a whole lab: what stops when a witness
is away, and what an old or a second copy of the data directory cannot hide.

One site goes through it all, in the order of the tests.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from gate.assembly import open_record
from gate.ledger.entry import GATE, Draft
from gate.settings import load
from gate.store import Ledger
from tests.stories.conftest import quick
from tests.stories.stage import FLIPS, GOOD, PASSWORD, Stage, build
from tests.warm import warm
from tests.witness.running import RunningWitness

SEEN = "somebody-real"
"""A name that a stranger tries to sign in with."""


class Site:
    """One configuration, one data directory; the gate in a process of its own."""

    def __init__(self, stage: Stage, program: Path) -> None:
        self.stage, self.program = stage, program
        self.data, self.config = stage.settings.data, stage.settings.data.parent / "config.yaml"
        self.plain = self.config.read_text().replace("listen: 127.0.0.1:8420", "listen: 127.0.0.1:0")
        self.serving: subprocess.Popen[str] | None = None
        self.said: list[str] = []
        self.token = self.cookie = ""
        self.port = 0

    def believe(self, demand: str, *witnesses: RunningWitness) -> None:
        """Write the configuration: how much a witness's word is needed, and whose."""
        peers = ", ".join(f'{{url: "{one.url}", vkey: "{one.vkey}"}}' for one in witnesses)
        text = self.plain.replace("  witness: preferred  ", f"  witness: {demand}  ")
        text = text.replace("  witnesses: []  ", f"  witnesses: [{peers}]  ")
        self.config.write_text(text.replace("  witness_alarm: 10m  ", "  witness_alarm: 1s  "))

    def words(self, *words: object) -> list[str]:
        given = (self.program, "--config", self.config, "--data", self.data, *words)
        return [str(word) for word in given]

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words(*words), capture_output=True, text=True, timeout=60, check=False)

    def serve(self, who: str = "performer") -> str:
        """Start to serve and sign in, where that can be; return what it said until it listened."""
        self.serving = subprocess.Popen(self.words("serve"), stderr=subprocess.PIPE, text=True)
        assert self.serving.stderr is not None
        self.said = []
        for line in self.serving.stderr:
            self.said.append(line)
            if "sangate listens on http://127.0.0.1:" in line:
                self.port = int(line.split("127.0.0.1:")[1].split()[0])
                break
        else:
            raise AssertionError("".join(self.said))
        status, told = self.ask("POST", "/api/v1/login", {"name": who, "password": PASSWORD})
        self.token = told["token"] if status == 200 else ""
        return "".join(self.said)

    def stop(self) -> None:
        if self.serving is not None:
            self.serving.send_signal(signal.SIGTERM)
            self.serving.communicate(timeout=60)
            self.serving = None

    def ask(self, method: str, path: str, body: "dict[str, str] | bytes | None" = None) -> tuple[int, Any]:
        """Ask the API; a change file goes as bytes."""
        kind = "application/yaml" if isinstance(body, bytes) else "application/json"
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.token}"}
        content = body if isinstance(body, bytes) else json.dumps(body or {}) if method == "POST" else None
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as wire:
            wire.request(method, path, content, headers)
            answer = wire.getresponse()
            return answer.status, json.loads(answer.read())

    def page(self, path: str) -> str:
        """Read a page as a browser would that has signed in before; the session lies in the working database."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as wire:
            wire.request("GET", path, headers={"Cookie": f"sangate={self.cookie}"})
            answer = wire.getresponse()
            assert answer.status == 200, (path, answer.status, answer.headers.get("Location"))
            return answer.read().decode()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        for _ in range(900):
            if holds():
                return
            time.sleep(0.1)
        raise AssertionError(f"it never came: {what}")

    def cosigned(self, reason: str = "") -> int:
        """Serve until all that is there is cosigned, with one entry more for a reason; return the size."""
        self.serve()
        if reason:
            assert self.ask("POST", "/api/v1/changes/chg-0002/hold", {"reason": reason})[0] == 200
        self.until(lambda: bool(self.ask("GET", "/api/v1/seal")[1]["witnessed"]), "a cosignature")
        size = int(self.ask("GET", "/api/v1/seal")[1]["size"])
        self.stop()
        return size

    def ledger(self, asked: Callable[[Ledger], Any]) -> Any:
        """Ask the ledger itself, while no gate is running."""
        with closing(open_record(load(self.config, self.data))) as ledger:
            return asked(ledger)

    def size(self) -> int:
        return int(self.ledger(lambda ledger: ledger.size()))

    def kinds(self, change: str) -> list[str]:
        return [one["kind"] for one in self.ask("GET", f"/api/v1/entries?change={change}&limit=1000")[1]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything is proven and one change is signed; nobody has been asked to witness it yet."""
    stage = build(edit=quick)
    try:
        gate = stage.open()
        stage.ready()
        assert stage.approved(GOOD) == "chg-0001"
        cookie = gate.control.sign_in("auditor", PASSWORD, "session").secret
        gate.close()
        with warm(tmp_path_factory.mktemp("bin")) as program:
            made = Site(stage, program)
            made.cookie = cookie
            yield made
            made.stop()
    finally:
        stage.end()


@pytest.fixture(scope="module")
def witness(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWitness]:
    made = RunningWitness(tmp_path_factory.mktemp("witness"), site.ledger(lambda ledger: ledger.vkey))
    yield made
    if made.process.poll() is None:
        made.kill()


def test_without_the_witness_that_is_required_nothing_is_sent_and_every_page_says_so(
    site: Site, witness: RunningWitness, tmp_path: Path
) -> None:
    site.believe("required", witness)
    site.serve()
    site.until(lambda: site.ask("GET", "/api/v1/seal")[1]["witnessed"], "the first cosignature")
    witness.kill()
    status, view = site.ask("POST", "/api/v1/changes/chg-0001/start")
    assert (status, view["state"]) == (200, "running"), "that it was started is an entry, and stands"

    site.until(lambda: "No array is touched until" in site.page("/changes/chg-0001"), "the page says so")
    assert "does not answer" in site.page("/ledger")
    time.sleep(3)
    assert not any(site.stage.lab.array_counters().values())
    assert not {"permit.issued", "step.intended"} & set(site.kinds("chg-0001"))

    witness.start()
    site.until(lambda: site.ask("GET", "/api/v1/changes/chg-0001")[1]["state"] == "held", "the canary held")
    assert "No array is touched until" not in site.page("/changes/chg-0001")
    assert site.stage.lab.array_counters()["west-3"]
    site.stop()


def test_without_the_witness_that_is_preferred_all_goes_on_and_an_alarm_is_shown(
    site: Site, witness: RunningWitness
) -> None:
    site.believe("preferred", witness)
    site.serve("storage-engineer")
    witness.kill()
    assert site.ask("POST", "/api/v1/changes", site.stage.request(FLIPS))[0] == 201
    site.until(lambda: "Not witnessed for" in site.page("/ledger"), "the alarm")
    assert "not witnessed for" in site.ask("GET", "/api/v1/seal")[1]["alarm"]
    witness.start()
    site.until(lambda: site.ask("GET", "/api/v1/seal")[1]["witnessed"], "it is cosigned again")
    site.until(lambda: "Not witnessed for" not in site.page("/ledger"), "the end of the alarm")
    site.stop()


def test_a_name_that_was_redacted_is_nowhere_in_the_data_directory(site: Site, witness: RunningWitness) -> None:
    site.serve()
    assert site.ask("POST", "/api/v1/login", {"name": SEEN, "password": PASSWORD})[0] == 401
    entries = site.ask("GET", "/api/v1/entries?start=0&limit=1000")[1]
    index = max(one["index"] for one in entries if one["kind"] == "auth.refused")
    site.stop()
    held = [path for path in site.data.rglob("*") if path.is_file() and SEEN.encode() in path.read_bytes()]
    assert [path.name for path in held] == ["private.db"]
    assert site.run("ledger", "redact", index, "name", "--reason", "asked for").returncode == 0
    assert not [path for path in site.data.rglob("*") if path.is_file() and SEEN.encode() in path.read_bytes()]


def test_an_old_copy_put_back_is_read_only_until_what_is_missing_is_back(
    site: Site, witness: RunningWitness, tmp_path: Path
) -> None:
    part, whole, left = (tmp_path / f"{name}.jsonl" for name in ("part", "whole", "left"))
    site.cosigned()
    keep(site, tmp_path / "monday")
    site.cosigned("tuesday")
    assert site.run("ledger", "export", "--local", "--blobs", "--out", part).returncode == 0
    newest = site.cosigned("wednesday")
    assert site.run("ledger", "export", "--local", "--blobs", "--out", whole).returncode == 0

    put_back(site, tmp_path / "monday")
    old = site.size()
    said = site.serve()
    assert "read-only, nothing is driven" in said
    assert f"has cosigned {newest} entries, this ledger has {old}: {newest - old} are missing" in said
    assert site.token == "", "a sign-in is an entry"
    assert "Read-only, nothing is entered and nothing is driven" in site.page("/changes")
    assert f"{newest - old} are missing" in site.page("/ledger")
    site.stop()
    assert site.run("ledger", "export", "--local", "--out", left).returncode == 0
    assert len(left.read_bytes().splitlines()) == old == site.size(), "it was read and nothing was entered"

    done = site.run("ledger", "recover", part)
    assert (done.returncode, "are still missing: nothing can be appended" in done.stdout) == (0, True), done.stderr
    assert site.size() == len(part.read_bytes().splitlines())
    done = site.run("ledger", "recover", whole)
    assert (done.returncode, "are back" in done.stdout) == (0, True), done.stderr
    site.cosigned("thursday")
    assert site.ledger(lambda ledger: [one.kind for one in ledger.entries()].count("log.recovered")) == 1


def test_a_second_history_under_the_same_key_is_refused_by_the_witness_and_stops_the_gate(
    site: Site, witness: RunningWitness, tmp_path: Path
) -> None:
    keep(site, tmp_path / "true")
    site.cosigned("the last true one")
    put_back(site, tmp_path / "true")
    site.ledger(lambda ledger: ledger.append_all([Draft("hold.placed", GATE, None, {"reason": "forged"})] * 100))
    said = site.serve()
    assert "has cosigned another history" in said
    assert "has cosigned another history" in site.page("/changes")
    assert not site.token
    with closing(sqlite3.connect(witness.folder / "witness.db")) as memory:
        assert memory.execute("SELECT count(*) FROM contradiction").fetchone()[0] > 0
    site.stop()


KEPT = ("ledger.db", "working.db", "private.db", "blobs", "keys")


def keep(site: Site, place: Path) -> None:
    """What a backup of the data directory has; the lab's part of it goes on meanwhile."""
    place.mkdir()
    for name in KEPT:
        shutil.copytree(site.data / name, place / name) if name in ("blobs", "keys") else shutil.copy(
            site.data / name, place / name
        )


def put_back(site: Site, place: Path) -> None:
    for path in (*site.data.glob("ledger.db*"), site.data / "working.db", site.data / "private.db"):
        path.unlink(missing_ok=True)
    for name in ("blobs", "keys"):
        shutil.rmtree(site.data / name)
    for path in place.iterdir():
        shutil.copytree(path, site.data / path.name) if path.is_dir() else shutil.copy(path, site.data)
