"""Every fuzz target takes what was really said, and a sample of mutations of it; and a finding is found."""

import random
from pathlib import Path

import pytest

from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.lab.dialects import DIALECTS
from tests.fuzz import arrays
from tests.fuzz.explore import all_targets, blindly, mutated
from tests.fuzz.target import Target
from tests.fuzz.tools import SESSIONS, sessions

TARGETS = all_targets()
SAMPLE = 120

SLOW = {"playbook": 15, "documents": 30, "yaml": 25, "handed-out": 40}
"""Targets of which one input takes tens of milliseconds, and how many of them are enough here."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_what_was_really_said_and_a_sample_of_mutations(name: str) -> None:
    target = TARGETS[name]
    seeds, chance = list(target.seeds()), random.Random(1)
    assert seeds
    for seed in chance.sample(seeds, min(len(seeds), SAMPLE)):
        target.run(seed[: target.largest])
    for _ in range(SLOW.get(name, SAMPLE)):
        target.run(mutated(chance, seeds, target.largest))
    target.run(b"")


def test_what_a_target_raises_is_kept_with_its_input(tmp_path: Path) -> None:
    def fragile(data: bytes) -> None:
        raise KeyError(len(data))

    done, wrong = blindly(Target("fragile", lambda: [b"a quiet line"], fragile), 0, tmp_path, 1)
    assert done == wrong == len(list(tmp_path.glob("fragile-*"))) == 1


@pytest.mark.parametrize("family", [family for family in FAMILIES if family in DIALECTS])
def test_there_are_sick_arrays_of_every_family_that_the_lab_speaks(family: ArrayFamily) -> None:
    cases = arrays.sick(family)
    assert len({case.question for case in cases}) >= 2
    assert arrays.healthy(arrays.read(family, arrays.well(family)))
    assert not any(arrays.healthy(arrays.read(family, case.replies)) for case in cases)


def test_every_recorded_session_is_put_again_to_its_end() -> None:
    assert {session.name.split()[0] for session in sessions()} == {path.stem for path in SESSIONS.glob("*.json")}
    assert {session.name.split()[1] for session in sessions()} == {"catalogue", "verify"}
