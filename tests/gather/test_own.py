"""The gate finds out where its own data lie, on the machine it runs on, before it takes anybody's word for it."""

import json
import os
from pathlib import Path

import pytest

from gate.evidence import ArrayReading, Hop, Identity, Provenance, Trace
from gate.gather.own import HERE, OwnRecord
from gate.landscape import Map
from gate.settings import load, shipped
from gate.store import Ledger
from tests.cases import DATA_LUN, NOON
from tests.families.linux_words import PORTS, devices, node, page

INVENTORY = load(shipped("config.yaml")).config.inventory
SERIAL = INVENTORY.array("east-1").serial
EAST = {"east-1": ArrayReading("east-1", NOON, serial=SERIAL, target_ports=PORTS, backends=())}
SAID = Identity("appliance", "gate-machine", Provenance.DECLARED)


def trace(ledger: Ledger, data: Path, said: str | None = "gate-machine") -> Trace:
    return OwnRecord(data, INVENTORY.model_copy(update={"gate_on": said}), ledger).trace(EAST)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of programs that answer before the machine's own; the data directory lies on a disk `sdz`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    mounted = {"target": "/", "source": "/dev/sdz", "fstype": "ext4", "maj:min": "65:144", "options": "rw"}
    answer(programs, "findmnt", json.dumps({"filesystems": [mounted]}))
    answer(programs, "lsblk", devices(node("sdz", "disk", "65:144")))
    answer(programs, "base64", page(DATA_LUN).decode())
    return programs


def answer(programs: Path, name: str, words: str, before: str = "") -> None:
    (programs / f"{name}.said").write_text(words)
    (programs / name).write_text(f"#!/bin/sh\n{before}\nexec cat {programs}/{name}.said\n")
    (programs / name).chmod(0o755)


def test_this_very_machine_is_asked(ledger: Ledger, tmp_path: Path) -> None:
    found = trace(ledger, tmp_path, None)
    assert found.hops[0] == Hop("host", HERE)
    told = found.hops[1:] and found.hops[1].kind == "mount"
    assert told or found.problem
    assert not told or Path(found.hops[1].name).stat().st_dev == tmp_path.stat().st_dev


def test_a_record_on_an_array_is_measured_there_whatever_anybody_says(
    ledger: Ledger, tmp_path: Path, machine: Path
) -> None:
    found = trace(ledger, tmp_path)
    place = Map(EAST, INVENTORY).locate(found)
    assert (found.problem, sorted(place.arrays), place.known) == ("", ["east-1"], True)
    assert SAID not in found.identities
    assert ledger.get_blob(found.raw[0])


@pytest.mark.parametrize(
    ("name", "words", "before"),
    [
        ("findmnt", "", "exit 1"),
        ("findmnt", "not JSON", ""),
        ("lsblk", devices(node("vdz", "disk", "65:144")), ""),
        ("base64", page(DATA_LUN, "iqn.2020-01.nobody:port").decode(), ""),
        ("lsblk", "", "dd if=/dev/zero bs=1M count=2 2>/dev/null"),
    ],
    ids=["fails", "garbage", "a virtual disk", "a port that nobody tells", "floods"],
)
def test_what_the_machine_cannot_tell_is_unknown_or_somebodys_word(
    ledger: Ledger, tmp_path: Path, machine: Path, name: str, words: str, before: str
) -> None:
    answer(machine, name, words, before)
    alone, said = trace(ledger, tmp_path, None), trace(ledger, tmp_path)
    assert not Map(EAST, INVENTORY).locate(alone).known
    assert (said.identities, said.problem) == ((SAID,), "")
    assert said.hops[-1].provenance is Provenance.DECLARED
    place = Map(EAST, INVENTORY).locate(said)
    assert (place.known, place.counts) == (True, False)


def test_a_program_that_hangs_or_is_not_there_holds_nothing_up(
    ledger: Ledger, tmp_path: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gate.gather.own.DEADLINE_S", 0.2)
    answer(machine, "findmnt", "", "sleep 5")
    assert "hangs" in trace(ledger, tmp_path, None).problem
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr("gate.gather.own.FIXED", "")
    assert trace(ledger, tmp_path, None).problem
