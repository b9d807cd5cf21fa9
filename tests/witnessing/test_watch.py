"""The gate's side against real witnesses in processes of their own."""

import base64
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.errors import LedgerUnavailable, Outside
from gate.ledger import checkpoint, cosignature, note, policy
from gate.ledger.entry import GATE, Draft
from gate.settings import LedgerSettings
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from gate.trust import WitnessDemand, WitnessPeer, older_keys
from gate.witnessing import state
from gate.witnessing.client import exchange
from gate.witnessing.watch import Witnessing
from tests.ledger.test_cosignature import WITNESS
from tests.witness.running import RunningWitness

ORIGIN = "gate.example.com/ledger/1"
ENTRY = Draft("hold.placed", GATE, None, {"reason": "smoke"})


class Gate:
    """A ledger and what has it witnessed."""

    def __init__(self, folder: Path, witnesses: list[Any], **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        key = folder / "ledger.key"
        self.ledger: SqliteLedger = open_ledger(
            folder / "ledger.db", signer=keys.load(key, ORIGIN) if key.exists() else keys.create(key, ORIGIN)
        )
        peers = tuple(WitnessPeer(url=one.url, vkey=str(one.vkey)) for one in witnesses)
        self.settings = LedgerSettings.model_validate({"origin": ORIGIN, "witnesses": peers, **settings})
        newest = note.read_vkey(self.ledger.vkey)
        self.trust = self.settings.trust(*older_keys(newest, self.ledger.rotations()), newest)
        self.ahead = timedelta()
        self.witnessing = Witnessing(self.ledger, self.trust, self.settings, lambda: datetime.now(UTC) + self.ahead)

    def grow(self, count: int = 1) -> int:
        self.ledger.append_all([ENTRY] * count)
        return self.ledger.size()

    def close(self) -> None:
        self.witnessing.close()
        self.ledger.close()


Install = Callable[..., Gate]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    made: list[Gate] = []

    def build(*witnesses: Any, folder: str = "gate", **settings: str) -> Gate:
        made.append(Gate(tmp_path / folder, list(witnesses), **settings))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def witnesses(tmp_path: Path, install: Install) -> Iterator[list[RunningWitness]]:
    """Two witnesses that know the gate of the folder `gate`."""
    first = install()
    vkey = first.ledger.vkey
    first.close()
    running = [RunningWitness(tmp_path / name, vkey, name=f"witness.example.com/{name}") for name in ("a", "b")]
    yield running
    for one in running:
        if one.process.poll() is None:
            one.thaw()
            one.kill()


def cosigners(gate: Gate, size: int) -> list[str]:
    kept = gate.ledger.anchor(state.COSIGNED, size)
    assert kept is not None
    checkpoint.verify(kept[1].decode(), *gate.trust.keys)
    return [
        one.key.name for one in cosignature.cosigned(note.read(kept[1].decode()), [w.key for w in gate.trust.witnesses])
    ]


def test_what_is_appended_is_cosigned_within_seconds_and_kept(
    install: Install, witnesses: list[RunningWitness]
) -> None:
    gate = install(*witnesses, quorum="all")
    gate.witnessing.start()
    size = 0
    for _ in range(3):
        size = gate.grow(40)
        assert gate.witnessing.covers(size, 60)
        assert cosigners(gate, size) == ["witness.example.com/a", "witness.example.com/b"]
    seen = gate.witnessing.state()
    assert (seen.witnessed, seen.size, seen.entries, seen.alarm) == (True, size, size, "")
    assert [one.size for one in seen.witnesses] == [size, size]
    assert all(one.at is not None and not one.problem for one in seen.witnesses)
    assert seen.quorum == "2 of witness.example.com/a, witness.example.com/b"


def test_the_checkpoint_that_is_handed_out_carries_the_cosignatures_of_its_size(
    install: Install, witnesses: list[RunningWitness]
) -> None:
    gate = install(*witnesses)
    gate.witnessing.start()
    assert gate.witnessing.covers(gate.grow(), 60)
    assert cosignature.cosigned(note.read(gate.ledger.checkpoint()), [one.vkey for one in witnesses])


def test_entries_without_anybody_waiting_are_cosigned_too(install: Install, witnesses: list[RunningWitness]) -> None:
    gate = install(*witnesses)
    gate.witnessing.start()
    size = gate.grow()
    until = time.monotonic() + 60
    while gate.witnessing.state().size < size and time.monotonic() < until:
        time.sleep(0.05)
    assert gate.witnessing.state().witnessed


def test_any_one_is_enough_where_the_quorum_says_so_and_a_frozen_one_holds_up_nobody(
    install: Install, witnesses: list[RunningWitness]
) -> None:
    gate = install(*witnesses)
    gate.witnessing.start()
    witnesses[0].freeze()
    for _ in range(3):
        assert gate.witnessing.covers(gate.grow(), 60)
    assert cosigners(gate, gate.ledger.size()) == ["witness.example.com/b"]


def test_all_is_not_met_by_one_and_is_met_when_the_other_is_back(
    install: Install, witnesses: list[RunningWitness]
) -> None:
    gate = install(*witnesses, quorum="all", witness_alarm="1m")
    witnesses[1].kill()
    gate.witnessing.start()
    size = gate.grow()
    assert not gate.witnessing.covers(size, 1.5)
    assert gate.ledger.anchor(state.COSIGNED) is None
    assert gate.witnessing.state().alarm == ""
    gate.ahead = timedelta(minutes=7)
    seen = gate.witnessing.state()
    assert not seen.witnessed
    assert seen.alarm.startswith("not witnessed for 7 minutes: witness.example.com/b does not answer")
    witnesses[1].start()
    assert gate.witnessing.covers(size, 60)
    assert gate.witnessing.state().alarm == ""


def test_without_a_witness_it_says_so_and_covers_nothing(install: Install) -> None:
    gate = install()
    gate.witnessing.start()
    seen = gate.witnessing.state()
    assert (seen.witnessed, seen.quorum, seen.witnesses) == (False, "none", ())
    assert seen.alarm.startswith("not witnessed: ")
    assert not gate.witnessing.covers(1, 0.1)


def test_where_none_is_wanted_nobody_is_asked_and_nothing_is_claimed(
    install: Install, witnesses: list[RunningWitness]
) -> None:
    gate = install(*witnesses, witness="none")
    gate.witnessing.start()
    assert not gate.witnessing.covers(1, 0.5)
    seen = gate.witnessing.state()
    assert (seen.witnessed, seen.alarm, seen.demand) == (False, "", WitnessDemand.NONE)
    assert witnesses[0].post(b"old 9\n\n" + gate.ledger.checkpoint().encode())[0] == 400


def old_copy(gate: Gate, folder: Path, *, with_memory: bool = True) -> None:
    """Copy data and key as a backup program would."""
    shutil.copytree(gate.folder, folder)
    if not with_memory:
        (folder / "ledger.key.seen").unlink()


def test_a_restored_old_copy_is_behind_the_witness_and_takes_nothing(
    install: Install, witnesses: list[RunningWitness], tmp_path: Path
) -> None:
    gate = install(*witnesses)
    gate.witnessing.start()
    size = gate.grow(5)
    assert gate.witnessing.covers(size, 60)
    gate.close()
    old_copy(gate, tmp_path / "backup")
    gate = install(*witnesses)
    gate.witnessing.start()
    assert gate.witnessing.covers(gate.grow(30), 60)
    gate.close()
    shutil.rmtree(tmp_path / "gate")
    shutil.copytree(tmp_path / "backup", tmp_path / "gate")
    restored = install(*witnesses)
    assert restored.ledger.missing == 0, "its own memory is as old as itself"
    restored.witnessing.start()
    assert restored.ledger.missing == 30
    with pytest.raises(LedgerUnavailable, match=rf"has cosigned {size + 30} entries, this ledger has {size}: 30 are"):
        restored.grow()
    with pytest.raises(LedgerUnavailable):
        restored.ledger.checkpoint()
    assert len(list(restored.ledger.entries())) == size
    assert any("30 are missing" in one.problem for one in restored.witnessing.state().witnesses)


def test_a_witness_that_comes_back_later_still_stops_a_ledger_that_is_behind(
    install: Install, witnesses: list[RunningWitness], tmp_path: Path
) -> None:
    gate = install(witnesses[0])
    old_copy(gate, tmp_path / "backup")
    gate.witnessing.start()
    assert gate.witnessing.covers(gate.grow(30), 60)
    gate.close()
    shutil.rmtree(tmp_path / "gate")
    shutil.copytree(tmp_path / "backup", tmp_path / "gate")
    witnesses[0].kill()
    restored = install(witnesses[0])
    restored.witnessing.start()
    restored.grow(2)
    witnesses[0].start()
    until = time.monotonic() + 60
    while not restored.ledger.stopped and time.monotonic() < until:
        time.sleep(0.1)
    with pytest.raises(LedgerUnavailable, match="are missing"):
        restored.grow()


def test_what_a_witness_knows_under_an_older_key_of_the_log_is_proof_too(
    install: Install, witnesses: list[RunningWitness], tmp_path: Path
) -> None:
    gate = install(witnesses[0])
    old_copy(gate, tmp_path / "backup")
    first = gate.ledger.vkey
    gate.witnessing.start()
    assert gate.witnessing.covers(gate.grow(30), 60)
    gate.close()
    shutil.rmtree(tmp_path / "gate")
    shutil.copytree(tmp_path / "backup", tmp_path / "gate")
    copy = install()
    successor = keys.create(tmp_path / "gate" / "next.key", ORIGIN)
    copy.ledger.rotate(successor, GATE, "once a year")
    copy.close()
    (tmp_path / "gate" / "next.key").replace(tmp_path / "gate" / "ledger.key")
    witnesses[0].know(first, str(successor.vkey))
    handed_on = install(witnesses[0])
    handed_on.witnessing.start()
    assert "are missing" in handed_on.ledger.stopped


@pytest.mark.parametrize("both", [True, False], ids=["it still takes the old key", "it takes the new key alone"])
def test_a_copy_from_before_a_change_of_key_is_told_of_at_once_and_named_for_what_it_is(
    install: Install, witnesses: list[RunningWitness], tmp_path: Path, both: bool
) -> None:
    gate = install(witnesses[0])
    size = gate.ledger.size()
    gate.close()
    old_copy(gate, tmp_path / "backup")
    copy = install()
    first, successor = copy.ledger.vkey, keys.create(tmp_path / "gate" / "next.key", ORIGIN)
    copy.ledger.rotate(successor, GATE, "once a year")
    copy.close()
    (tmp_path / "gate" / "next.key").replace(tmp_path / "gate" / "ledger.key")
    witnesses[0].know(*([first] if both else []), str(successor.vkey))
    handed_on = install(witnesses[0])
    handed_on.witnessing.start()
    newest = handed_on.grow(30)
    assert handed_on.witnessing.covers(newest, 60)
    assert handed_on.witnessing.state().claim == ""
    handed_on.close()
    shutil.rmtree(tmp_path / "gate")
    shutil.copytree(tmp_path / "backup", tmp_path / "gate")
    restored = install(witnesses[0])
    restored.witnessing.start()
    seen = restored.witnessing.state()
    assert seen.alarm == seen.claim
    known = note.read_vkey(str(successor.vkey)).hash.hex()
    assert f"has cosigned {newest} entries of this log under the key {known}" in seen.claim
    assert f"it has {size}. Was it restored from before a change of its key?" in seen.claim
    assert not restored.ledger.stopped, "a claim alone stops nothing"


def test_another_history_under_the_same_key_stops_appending_and_is_kept_by_the_witness(
    install: Install, witnesses: list[RunningWitness], tmp_path: Path
) -> None:
    """The thief of the key, or a copy that went on by itself: as long as the real one, and signed."""
    gate = install(witnesses[0])
    old_copy(gate, tmp_path / "thief")
    gate.witnessing.start()
    assert gate.witnessing.covers(gate.grow(20), 60)
    thief = install(witnesses[0], folder="thief")
    thief.ledger.append_all([Draft("hold.placed", GATE, None, {"reason": "forged"})] * 40)
    thief.witnessing.start()
    assert "has cosigned another history" in thief.ledger.stopped
    with pytest.raises(LedgerUnavailable, match="another history"):
        thief.grow()
    assert gate.witnessing.covers(gate.grow(), 60), "the real one goes on"


class Liar(threading.Thread):
    """A witness that answers every request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.answer = answer
        self.vkey = WITNESS.vkey
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(2)
                try:
                    peer.recv(65536)
                    peer.sendall(self.answer)
                except OSError:
                    continue


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)


LIES = {
    "a larger size without proof": http(409, b"999999\n"),
    "a size that is none": http(409, b"-1\n"),
    "a huge size": http(409, b"9" * 400),
    "the old size for ever": http(409, b"0\n"),
    "no consistency": http(422, b"no"),
    "a signature of somebody else": http(200, "\u2014 somebody AAAAAAAA\n".encode()),
    "its own line, wrong": b"",
    "nothing": http(200, b""),
    "too much": http(200, b"x" * 100_000),
    "no HTTP": b"\x00\x01\x02",
    "no text": http(200, b"\xff\xfe"),
    "a redirect": b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "escapes": http(500, b"\x1b[31mred"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_witness_is_no_witness_and_cannot_stop_the_gate(install: Install, lie: str) -> None:
    forged = base64.b64encode(WITNESS.vkey.hash + (7).to_bytes(8, "big") + bytes(64))
    liar = Liar(LIES[lie] or http(200, f"\u2014 {WITNESS.vkey.name} ".encode() + forged + b"\n"))
    liar.start()
    gate = install(liar)
    gate.witnessing.start()
    size = gate.grow()
    assert not gate.witnessing.covers(size, 0.3)
    assert not gate.ledger.stopped
    (asked,) = gate.witnessing.state().witnesses
    assert asked.problem
    assert asked.problem.isprintable()
    assert asked.size == 0
    liar.socket.close()


@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["its status", "its head", "its body"]
)
def test_a_witness_that_drips_its_answer_is_given_up_as_a_whole(begin: bytes) -> None:
    door = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        peer, _ = door.accept()
        with peer, suppress(OSError):
            peer.recv(65536)
            peer.sendall(begin)
            for _ in range(400):
                peer.sendall(b"a")
                time.sleep(0.05)

    thread = threading.Thread(target=drip)
    thread.start()
    witness = policy.Witness("w", WITNESS.vkey, f"http://127.0.0.1:{door.getsockname()[1]}")
    with pytest.raises(Outside, match="w answers too much or too slowly"):
        exchange(witness, "GET", "/", None, whole=0.6)
    thread.join()
    door.close()


def test_two_gates_may_witness_each_other(install: Install, tmp_path: Path) -> None:
    gates = [install(folder=name) for name in ("east", "west")]
    beside = [
        RunningWitness(tmp_path / f"{index}-w", gates[1 - index].ledger.vkey, name=f"w.example.com/{index}")
        for index in (0, 1)
    ]
    # Both gates have one origin here, and a witness remembers by origin: each knows the other's key alone.
    try:
        for index, gate in enumerate(gates):
            gate.close()
            again = install(beside[1 - index], folder=gate.folder.name)
            again.witnessing.start()
            assert again.witnessing.covers(again.grow(), 60)
    finally:
        for one in beside:
            one.kill()


def test_the_policy_that_is_handed_out_names_the_witnesses(install: Install, witnesses: list[RunningWitness]) -> None:
    gate = install(*witnesses, quorum="2")
    read = policy.read(policy.write(gate.trust))
    assert read.keys == (note.read_vkey(gate.ledger.vkey),)
    assert [one.key for one in read.witnesses] == [one.vkey for one in witnesses]
    assert read.groups[0].need == 2
