"""What was reported counts for data that lie where the report says, and for no others."""

from dataclasses import replace
from typing import Any

import pytest

from gate.backups.report import NOT_TOLD
from gate.checks import backup_rehearsed, backup_verified
from gate.evidence import Report
from gate.finding import Outcome
from gate.gather.known import latest
from gate.gather.records import Known
from gate.gather.reports import readings, rehearsals, verifications
from gate.inventory import BackupTool, Inventory
from gate.landscape import Place
from tests.cases import (
    DATA_LUN,
    NOON,
    SERIALS,
    VAULT_LUN,
    case,
    evidence,
    fleet,
    protection,
    rehearsal,
    run,
    trace,
    verification,
)

REPORTED = protection(tool=BackupTool.REPORT)
FLEET: Inventory = fleet(protections=(REPORTED,))
KEPT = {"nightly": trace("vault-1", VAULT_LUN, host="bk-1", path="/backup")}
HERE, ELSEWHERE = SERIALS["east-1"], SERIALS["east-2"]


def lies(array: str = "east-1") -> dict[str, Place]:
    return {"sidekick": case().map.locate(trace(array, DATA_LUN))}


def report(serial: str = HERE, **changed: Any) -> Report:
    given: dict[str, Any] = {
        "id": "night-1",
        "run": run(),
        "verification": verification(),
        "rehearsal": rehearsal(),
    }
    told = {**given, **changed}
    at = NOON.replace(hour=11)
    return Report("nightly", told["id"], serial, VAULT_LUN, told.get("at", at), at, "sha256:key", told["run"],
                  told["verification"], told["rehearsal"])  # fmt: skip


def test_a_restore_and_a_read_count_where_the_data_lie_on_the_array_that_is_named() -> None:
    good = report()
    assert rehearsals(FLEET, Known(reports=(good,)), lies()) == (good.rehearsal,)
    assert verifications(FLEET, (good,), lies()) == (good.verification,)


@pytest.mark.parametrize(
    "places", [lies(), {}, {"sidekick": Place()}, lies("west-1")], ids=["east-1", "-", "?", "west-1"]
)
def test_of_data_on_another_array_they_prove_nothing_and_say_so(places: dict[str, Place]) -> None:
    other = report(ELSEWHERE)
    for found in (rehearsals(FLEET, Known(reports=(other,)), places), verifications(FLEET, (other,), places)):
        assert [(one.level, one.passed) for one in found] == [("V0", False)]
        assert f"the report night-1 is about data on the array {ELSEWHERE}" in found[0].because


@pytest.mark.parametrize(("serial", "outcome"), [(HERE, Outcome.PASSED), (ELSEWHERE, Outcome.FAILED)])
def test_the_checks_refuse_by_a_report_about_other_data_and_name_it(serial: str, outcome: Outcome) -> None:
    one = report(serial)
    told = evidence(
        rehearsals=latest(rehearsals(FLEET, Known(reports=(one,)), lies()), KEPT),
        verifications=verifications(FLEET, (one,), lies()),
    )
    for check in (backup_rehearsed, backup_verified):
        found = check.check(case(told, inventory=FLEET))
        assert found.outcome is outcome
        assert (f"about data on the array {ELSEWHERE}" in found.because) is (serial == ELSEWHERE)


def test_runs_come_from_reports_about_these_data_alone() -> None:
    early = NOON.replace(hour=9)
    older = report(ELSEWHERE, id="night-0", run=run("strange"), at=early)
    found = readings(FLEET, (older, report()), lies(), KEPT)["nightly"]
    assert ([one.id for one in found.runs], found.problem) == ([run().id], "")
    newest = report(ELSEWHERE, id="night-2", run=run("strange"))
    found = readings(FLEET, (replace(report(), at=early), newest), lies(), KEPT)["nightly"]
    assert [one.id for one in found.runs] == [run().id]
    assert found.problem.startswith(f"the newest report is about data on the array {ELSEWHERE}")


def test_a_report_that_names_no_array_shows_a_restore_and_compares_nothing() -> None:
    """Such is that of pgdrill, about a repository that the gate reads itself."""
    drilled = report(NOT_TOLD, verification=None, rehearsal=rehearsal(level="V5", tables=(), reference_at=None))
    assert rehearsals(FLEET, Known(reports=(drilled,)), lies()) == (drilled.rehearsal,)
    for more in (report(NOT_TOLD, verification=None), report(NOT_TOLD, rehearsal=replace(rehearsal(), tables=()))):
        found = rehearsals(FLEET, Known(reports=(more,)), lies())
        assert [(one.level, one.passed) for one in found] == [("V0", False)]
        assert "on an array that it does not name" in found[0].because


def test_what_the_gate_rehearsed_itself_leaves_no_room_for_what_was_reported() -> None:
    known = Known(reports=(report(),), rehearsals=(rehearsal(),))
    assert rehearsals(FLEET, known, lies()) == ()
    stranger = Known(reports=(replace(report(), protection="gone"),))
    assert rehearsals(FLEET, stranger, lies()) == ()
