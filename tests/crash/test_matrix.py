"""A mishap at every boundary of every kind of step: nothing is applied twice, nothing is lost, people are asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.cells import BOUNDARIES, MISHAPS, unknown_kinds
from tests.crash.storm import every_cell, rare, sample
from tests.parts import need

SEED = 20091001
ALL = {(party, mishap) for party, mishaps in MISHAPS.items() for mishap in mishaps}


def test_every_kind_of_step_that_a_playbook_may_hold_has_its_boundaries_and_is_walked_through() -> None:
    assert unknown_kinds() == set()
    found = every_cell()
    assert {cell.kind for cell in found} == set(BOUNDARIES)
    for kind, boundaries in BOUNDARIES.items():
        assert {cell.boundary for cell in found if cell.kind == kind} == set(boundaries), kind
    assert {(cell.party, cell.mishap) for cell in found} == ALL


def test_a_sample_holds_every_boundary_of_every_kind_and_every_mishap() -> None:
    for seed in range(20):
        few = rare(seed)
        drawn = [*sample(seed), *few]
        assert {(cell.kind, cell.boundary) for cell in drawn} == {(one.kind, one.boundary) for one in every_cell()}
        assert {(cell.party, cell.mishap) for cell in drawn} == ALL
        met = {(one.party, one.mishap, one.boundary) for one in every_cell() if one.rare}
        assert {(cell.party, cell.mishap, cell.boundary) for cell in few} == met


@pytest.mark.timeout(600)  # thirty whole changes each, four side by side; minutes on two busy processors
@pytest.mark.parametrize("share", ["sample", "rare"])
def test_whoever_comes_to_harm_nothing_is_applied_twice_and_nothing_is_lost(share: str) -> None:
    need("sshd")
    need("setpriv")
    words = [sys.executable, "-m", "tests.crash.storm", f"--{share}", "--workers", "4", "--seed", str(SEED)]
    done = subprocess.run(
        words, check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 with a promise broken" in done.stdout
