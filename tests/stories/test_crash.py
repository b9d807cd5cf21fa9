"""kill -9 of the gate at the worst moments: afterwards it looks first, and nothing is ever sent twice."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gate.assembly import assemble
from gate.lifecycle import fold
from tests.stories.conftest import quick
from tests.stories.stage import FLIPS, GOOD, Stage, build
from tests.warm import warm


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The test process signs and starts; another process drives. Short permits, so that looking comes soon."""
    made = build(edit=lambda text: quick(text).replace("permit_lifetime: 5m", "permit_lifetime: 12s"))
    try:
        made.gate = assemble(made.settings)
        made.ready()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a gate is started with that only drives."""
    with warm(tmp_path_factory.mktemp("bin"), "tests.stories.gate_process") as found:
        yield found


@contextmanager
def driving(stage: Stage, program: Path) -> Iterator[int]:
    """A gate process that drives until the block ends or it is killed; its id."""
    words = [program, stage.settings.path, stage.settings.data]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        driver = int(starter.stdout.readline().removeprefix("driving "))
        try:
            yield driver
        finally:
            with suppress(ProcessLookupError):
                os.kill(driver, signal.SIGKILL)


def kill_at(stage: Stage, program: Path, change: str, kind: str, step: str) -> None:
    """Drive until the entry is in the ledger, then kill -9 at once."""
    assert stage.gate is not None
    with driving(stage, program) as driver:
        until, size, ledger = time.monotonic() + 120, 0, stage.gate.ledger
        while time.monotonic() < until:
            if (grown := ledger.size()) > size:
                size = grown
                if any(one.kind == kind and one.data.get("step") == step for one in ledger.history(change)):
                    os.kill(driver, signal.SIGKILL)
                    return
            time.sleep(0.002)
        raise AssertionError(f"{kind} of {step} never came")


def left_open(stage: Stage, change: str) -> set[str]:
    """Steps that were intended and have not ended: what the next process has to look after."""
    assert stage.gate is not None
    told = {kind: set[str]() for kind in ("step.intended", "step.ended")}
    for entry in stage.gate.ledger.history(change):
        if entry.kind in told:
            told[entry.kind].add(str(entry.data["step"]))
    return told["step.intended"] - told["step.ended"]


def mutations(stage: Stage, array: str) -> dict[str, int]:
    """How often the array accepted each mutating command so far."""
    return dict(stage.lab.array_counters()[array])


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("step.intended", "stage"),
        ("step.intended", "prepare"),
        ("step.intended", "apply"),
        ("step.ended", "apply"),
    ],
)
def test_a_kill_while_the_canary_is_changed_never_applies_twice(
    stage: Stage, program: Path, kind: str, step: str
) -> None:
    """Killed at the entry, restarted: every mutating command was accepted exactly once, and the run goes on."""
    assert stage.gate is not None
    people, control = stage.people, stage.gate.control
    change = stage.approved(FLIPS)
    control.start(people["performer"], change)
    before = mutations(stage, "west-3")

    kill_at(stage, program, change, kind, step)
    left = left_open(stage, change)
    with driving(stage, program):
        state = stage.wait_for(change, "halted", seconds=90)
        if state.startswith("asks"):  # killed between intent and first byte: the playbook leaves "again" to a person
            assert "it was not begun" in state
            control.resume(people["performer"], change, "the array shows that nothing was begun")
            state = stage.wait_for(change, "halted", seconds=90)
        assert state == "halted"
        after = mutations(stage, "west-3")
        assert {name: after.get(name, 0) - before.get(name, 0) for name in ("prepare", "apply")} == {
            "prepare": 1,
            "apply": 1,
        }
        looks = [entry for entry in stage.gate.ledger.history(change) if entry.kind == "step.looked"]
        assert {str(look.data["step"]) for look in looks} >= left
        assert bool(looks) == bool(left)
        assert fold(stage.gate.ledger.history(change)).judgement == "failed"
        control.back_out(people["performer"], change, "the canary failed")
        assert stage.wait_for(change, "backed out") == "backed out"


def test_a_kill_while_completing_never_completes_twice(stage: Stage, program: Path) -> None:
    """The point of no return is behind; after the restart the array is asked, and the change ends as held."""
    assert stage.gate is not None
    people, control = stage.people, stage.gate.control
    change = stage.approved(GOOD)
    control.start(people["performer"], change)

    kill_at(stage, program, change, "step.intended", "complete")
    with driving(stage, program):
        assert stage.wait_for(change, "held", "halted", seconds=90) == "held"

    assert mutations(stage, "west-3")["complete"] == 1


def test_a_second_driver_on_the_same_data_is_refused(stage: Stage, program: Path) -> None:
    """The lock is the process's, not the thread's; the second one says why."""
    with driving(stage, program):
        second = subprocess.run(
            [program, stage.settings.path, stage.settings.data],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert second.returncode != 0
    assert "another process already drives" in second.stderr
