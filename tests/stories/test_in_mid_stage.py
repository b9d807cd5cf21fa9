"""What may still happen when approvals expire, the window closes, or somebody holds, in the middle of a stage."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gate.assembly import assemble
from gate.errors import Refused
from gate.lifecycle import fold
from tests.stories.conftest import quick
from tests.stories.stage import FLIPS, GOOD, Stage, build

SHORT = 60
"""Seconds that approvals and windows of these stories last."""

CANARY, SLOW_S = "west-3", "8"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Approvals that expire in mid-stage."""
    made = build(edit=lambda text: quick(text).replace("approval_lifetime: 72h", f"approval_lifetime: {SHORT}s"))
    try:
        made.gate = assemble(made.settings)
        made.ready()
        made.gate.close()
        yield made
    finally:
        made.end()


def soon() -> str:
    """The moment at which the window of a story closes."""
    return (datetime.now(UTC) + timedelta(seconds=SHORT)).strftime("%Y-%m-%dT%H:%M:%SZ")


def begun(stage: Stage, version: str, stop_at: str) -> str:
    """Start a change, stop the gate after the intent of one step, and wait until approvals and window are over."""
    gate = stage.open()
    change = stage.approved(version, closes=soon())
    signed = datetime.now(UTC)  # the window closes before this and SHORT, and so does the last approval
    gate.control.start(stage.people["performer"], change)
    if stop_at == "prepare":  # its reply, and the look at what it did, take longer than it takes to close the gate
        stage.comes(change, "step.intended", "stage")
        stage.lab.fault(CANARY, "slow", SLOW_S)
    stage.comes(change, "step.intended", stop_at)
    gate.close()
    stage.lab.clear(CANARY, "slow")
    time.sleep(max(0.0, (signed + timedelta(seconds=SHORT + 1) - datetime.now(UTC)).total_seconds()))
    return change


def purposes(stage: Stage, change: str) -> list[str]:
    """Purposes of the permits of a change, in order."""
    assert stage.gate is not None
    return [str(e.data["purpose"]) for e in stage.gate.ledger.history(change) if e.kind == "permit.issued"]


def test_a_failed_canary_is_backed_out_after_approvals_and_window_are_over(stage: Stage) -> None:
    """Promise 2: back-out was approved with the plan."""
    change = begun(stage, FLIPS, "apply")
    gate = stage.open()
    try:
        assert stage.wait_for(change, "halted") == "halted"
        assert fold(gate.ledger.history(change)).judgement == "failed"

        gate.control.back_out(stage.people["performer"], change, "the canary failed")

        assert stage.wait_for(change, "backed out") == "backed out"
        assert purposes(stage, change)[-1] == "back_out"
    finally:
        gate.close()


def test_before_the_apply_a_closed_window_stops_and_the_way_back_is_open(stage: Stage) -> None:
    """Promise 2: `forward` needs window and approvals at that very moment; nothing was flashed, so it halts."""
    change = begun(stage, GOOD, "prepare")
    gate = stage.open()
    try:
        assert stage.wait_for(change, "halted", "held") == "halted"
        refused = [e for e in gate.ledger.history(change) if e.kind == "attempt.refused"]
        assert "approvals are missing" in str(refused[-1].data["why"])
        with pytest.raises(Refused):
            gate.control.start(stage.people["performer"], change)

        gate.control.back_out(stage.people["performer"], change, "the window is over")

        assert stage.wait_for(change, "backed out") == "backed out"
        assert not any(e.data.get("step") == "apply" for e in gate.ledger.history(change) if e.kind == "step.intended")
    finally:
        gate.close()


def test_a_hold_from_anywhere_stops_within_seconds_and_a_begun_apply_is_ended_first(stage: Stage) -> None:
    """Promise 11, and `finish_first`: the array is not left between two controllers."""
    gate = stage.open()
    try:
        change = stage.approved(GOOD)
        gate.control.start(stage.people["performer"], change)
        stage.comes(change, "step.intended", "apply")
        threading.Thread(target=gate.control.hold, args=(stage.people["contractor"], change, "smoke")).start()

        stage.comes(change, "step.ended", "updated")
        assert wait_until_quiet(stage, change)
        standing = fold(gate.ledger.history(change))
        ended = [str(e.data["step"]) for e in gate.ledger.history(change) if e.kind == "step.ended"]
        assert standing.hold == "smoke"
        assert "updated" in ended
        assert standing.state in ("running", "soaking")
        gate.control.back_out(stage.people["performer"], change, "it burns")
        assert stage.wait_for(change, "backed out") == "backed out"
    finally:
        gate.close()


def wait_until_quiet(stage: Stage, change: str) -> bool:
    """True when the change's last three seconds brought no step entry."""
    assert stage.gate is not None
    until = time.monotonic() + 40
    size, since = -1, time.monotonic()
    while time.monotonic() < until:
        steps = [e for e in stage.gate.ledger.history(change) if e.kind.startswith("step.")]
        if len(steps) != size:
            size, since = len(steps), time.monotonic()
        if size > 0 and time.monotonic() - since > 3:
            return True
        time.sleep(0.05)
    return False


def test_finishing_goes_on_after_approvals_and_window_are_over(stage: Stage) -> None:
    """Promise 2: an update that was begun is soaked, judged and completed under the purpose `finish`."""
    change = begun(stage, GOOD, "apply")
    gate = stage.open()
    try:
        assert stage.wait_for(change, "held", "halted") == "held"
        assert purposes(stage, change)[-1] == "finish"
    finally:
        gate.close()
