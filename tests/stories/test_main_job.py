"""One change from request to a canary that held, on real wires and real bytes."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.errors import Moved, Refused
from gate.export import pack
from gate.lifecycle import fold
from tests.stories.stage import FLIPS, GOOD, Stage

VERIFIER = Path(pack.__file__).with_name("verify.py")
TARGETS = ("east-1", "east-2", "east-3", "west-1", "west-2", "west-3")


def untouched(stage: Stage, canary: str) -> bool:
    """True when no array but the canary ever accepted a command that changes something."""
    return all(not counts for name, counts in stage.lab.array_counters().items() if name != canary)


def test_a_good_image_reaches_the_canary_only_and_the_canary_holds(stage: Stage, tmp_path: Path) -> None:
    """Evidence twice, one permit an act, the other arrays as they were, and a pack that verifies alone."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(GOOD)

    control.start(people["performer"], change)

    assert stage.wait_for(change, "held", "halted") == "held"
    kinds = stage.kinds(change)
    purposes = [e.data["purpose"] for e in stage.gate.ledger.history(change) if e.kind == "evidence.gathered"]
    assert purposes == ["approve", "start"]
    assert kinds.count("permit.issued") == kinds.count("step.intended")
    assert untouched(stage, "west-3")
    readings = stage.gate.gathering.arrays.read(TARGETS)
    versions = {name: reading.version for name, reading in readings.items()}
    assert versions.pop("west-3") == GOOD
    assert {"8.6.0.3"} == set(versions.values())
    packed = tmp_path / "pack.zip"
    packed.write_bytes(control.pack(people["auditor"], change))
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(packed)]
    verified = subprocess.run(command, check=False, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout


def test_the_fleet_is_no_longer_alike_so_no_canary_stands_for_it(stage: Stage) -> None:
    """After one array moved on, a plan for all six cannot be sealed, and the reason is told."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = control.open(people["storage-engineer"], stage.request(GOOD), "change.yaml")["id"]

    view = control.check(people["storage-engineer"], change)

    assert view["state"] == "refused"
    assert "differ in model or running firmware" in view["no_plan"]
    control.withdraw(people["storage-engineer"], change, "the fleet is mixed now")


REST = {"targets": "[east-1, east-2, east-3, west-1, west-2]"}


def test_a_new_nightly_backup_between_approval_and_start_voids_nothing(stage: Stage) -> None:
    """Promise 5: ids, ages and times are not part of what people signed."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(GOOD, **REST)
    stage.lab.backup_now()

    view = control.start(people["performer"], change)

    assert view["state"] == "running"
    control.hold(people["auditor"], change, "enough seen")
    control.back_out(people["performer"], change, "this story ends here")
    assert stage.wait_for(change, "backed out", "halted") == "backed out"


def test_a_moved_repository_between_approval_and_start_refuses(stage: Stage) -> None:
    """Promise 5 again: which copy is relied on is what people signed for; another safe one is another verdict."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(GOOD, **REST)
    stage.lab.move_repository("east-1")
    try:
        with pytest.raises(Refused, match="given for another verdict"):
            control.start(people["performer"], change)

        assert "attempt.refused" in stage.kinds(change)
        assert "stage.started" not in stage.kinds(change)
    finally:
        stage.lab.move_repository("vault-1")


def test_of_two_starts_at_once_exactly_one_begins(stage: Stage) -> None:
    """The start is appended only to the history that was read."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(GOOD, **REST)
    outcomes: list[str] = []

    def start() -> None:
        try:
            outcomes.append(str(control.start(people["performer"], change)["state"]))
        except (Moved, Refused) as error:
            outcomes.append(type(error).__name__)

    both = [threading.Thread(target=start) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert stage.kinds(change).count("stage.started") == 1
    assert outcomes.count("running") == 1
    control.back_out(people["performer"], change, "this story ends here")
    assert stage.wait_for(change, "backed out") == "backed out"


def test_a_list_row_that_somebody_deleted_hides_no_change_under_way(stage: Stage) -> None:
    """Lists decide nothing: what is under way is read from the ledger."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    first, second = stage.approved(GOOD, **REST), stage.approved(GOOD, **REST)
    control.start(people["performer"], first)
    control.hold(people["auditor"], first, "stay under way")
    with contextlib.closing(sqlite3.connect(stage.settings.working_db)) as lists, lists:
        lists.execute("delete from change_row where id = ?", (first,))

    with pytest.raises(Refused, match="no-conflict is failed"):
        control.start(people["performer"], second)

    control.rebuild(people["auditor"])
    control.withdraw(people["storage-engineer"], second, "this story ends here")
    control.back_out(people["performer"], first, "this story ends here")
    assert stage.wait_for(first, "backed out") == "backed out"


def test_the_wrong_people_are_refused_and_each_attempt_is_an_entry(stage: Stage) -> None:
    """Promise 6: requester, approvers and performer differ; one person one seat; a contractor none."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = control.open(people["storage-engineer"], stage.request(GOOD, **REST), "change.yaml")["id"]
    control.check(people["storage-engineer"], change)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: control.approve(people["storage-engineer"], change, seat="storage"),
        lambda: control.approve(people["contractor"], change, seat="storage"),
        lambda: control.approve(people["auditor"], change, seat="data-owner"),
        lambda: control.start(people["performer"], change),
        lambda: control.start(people["auditor"], change),
    )
    for attempt in attempts:
        with pytest.raises(Refused):
            attempt()
    control.approve(people["storage-lead"], change, seat="storage")
    with pytest.raises(Refused):
        control.approve(people["storage-lead"], change, seat="storage")
    with pytest.raises(Refused, match="data-owner"):
        control.start(people["performer"], change)

    assert stage.kinds(change).count("attempt.refused") == 7
    control.withdraw(people["storage-engineer"], change, "done")


def test_an_image_that_changed_after_approval_refuses(stage: Stage) -> None:
    """The bytes on disk are read again right before the stage."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(GOOD, **REST)
    image = stage.settings.images / "lab-8.7.0.4.img"
    kept = image.read_bytes()
    image.write_bytes(kept[:-1] + b"!")
    try:
        with pytest.raises(Refused, match="image-approved is failed"):
            control.start(people["performer"], change)
    finally:
        image.write_bytes(kept)


def test_a_bad_image_is_given_away_by_known_answer_data_and_backed_out(stage: Stage) -> None:
    """The array reports all parts well; only the data read back tell."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = stage.approved(FLIPS, **REST)

    control.start(people["performer"], change)

    assert stage.wait_for(change, "halted", "held") == "halted"
    standing = fold(stage.gate.ledger.history(change))
    assert standing.judgement == "failed"
    assert "known-answer" in standing.judged_because[0]
    health = [probe for probe in standing.probes if probe.array == standing.canary and probe.name == "health"]
    assert {"passed"} == {probe.outcome.value for probe in health}
    control.back_out(people["data-owner"], change, "the canary failed")
    assert stage.wait_for(change, "backed out") == "backed out"
    assert stage.lab.array_counters()[standing.canary]["apply"] == 1


def test_the_list_of_changes_is_the_same_after_it_is_rebuilt(stage: Stage) -> None:
    """Lists are projections; the ledger alone is the truth."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    before = control.rows(people["auditor"])

    count = control.rebuild(people["auditor"])

    assert len(before) == count
    assert before == control.rows(people["auditor"])
