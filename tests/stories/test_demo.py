"""`make demo SERVE=no` as a test: the command as people type it, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate.lab.client import is_locked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("demo")
    program = "import sys; from gate.cli.main import main; sys.exit(main(prog_name='sangate'))"
    command = [sys.executable, "-c", program, "--data", str(directory / "d"), "demo", "--no-serve"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=280)
    assert "Traceback" not in done.stderr, done.stderr
    summary = json.loads((directory / "demo-summary.json").read_text())
    return {"code": done.returncode, "page": done.stdout, **summary}


def test_every_act_ends_as_told(told: Any) -> None:
    assert [(act["act"], act["ok"]) for act in told["acts"]] == [(letter, True) for letter in "abcdef"], told["page"]
    assert told["ok"]
    assert told["code"] == 0


def test_it_says_plainly_that_the_arrays_are_simulated(told: Any) -> None:
    assert "The arrays are simulated" in told["page"]
    assert "The arrays are simulated" in told["simulated"]


def test_nothing_but_the_canary_was_touched_by_the_bad_image(told: Any) -> None:
    digests = told["acts"][3]["digests"]
    others = [name.removesuffix(" before") for name in digests if name.endswith(" before")]
    assert len(others) == 7
    assert all(digests[f"{name} before"] == digests[f"{name} after"] for name in others)
    assert "reached west-3 only" in told["acts"][3]["outcome"] or "reached west-2 only" in told["acts"][3]["outcome"]


def test_the_refusal_names_the_shared_target_port(told: Any) -> None:
    assert "iqn.1986-03.com.ibm:2145.east-1.node1" in told["acts"][0]["outcome"]


def test_the_verifier_says_where_the_byte_was_changed(told: Any) -> None:
    assert "tampered: entry " in told["acts"][5]["outcome"]


def test_no_password_is_in_what_it_wrote_down(told: Any) -> None:
    assert "sgt_" not in json.dumps(told["acts"])
    assert "sgt_" not in told["page"]


def test_permits_came_from_a_keyholder_and_the_gate_never_had_its_key(told: Any) -> None:
    directory = Path(told["directory"])
    assert (directory / "keyholder" / "ca").exists()
    assert not (directory / "data" / "keys" / "permits").exists()
    assert "Permits are made by a keyholder" in told["page"]


def test_the_lab_has_ended(told: Any) -> None:
    assert not is_locked(Path(told["directory"]) / "data" / "lab")
