"""An array's safety page: what lies on it, where the copy lies, what was proven in thirty days."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.control.safety import DAYS, freshness
from gate.evidence import Rehearsal, Verification
from tests.web.room import Room

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def proof(days: float, *, passed: bool = True, level: str = "V4") -> Verification:
    return Verification("p", "b", "lun", NOW - timedelta(days=days), level, passed, "read")


def rehearsal(days: float, *, passed: bool = True, level: str = "V6") -> Rehearsal:
    at = NOW - timedelta(days=days)
    return Rehearsal("p", "b", "lun", at, level, passed, "compared", 4, "bk-1", at - timedelta(days=1))


def test_the_strip_has_thirty_days_and_today_is_the_last() -> None:
    days = freshness([], [], NOW)
    assert len(days) == DAYS == 30
    assert (days[-1]["day"], days[0]["day"]) == ("2026-11-22", "2026-10-24")
    assert {day["tone"] for day in days} == {"none"}


def test_a_day_shows_the_highest_level_that_was_proven_on_it() -> None:
    days = freshness([proof(0.1), proof(2)], [rehearsal(0.2)], NOW)
    assert [(day["level"], day["tone"]) for day in days[-3:]] == [("V4", "good"), ("", "none"), ("V6", "good")]


def test_a_day_whose_last_proof_failed_is_bad_whatever_was_proven_before() -> None:
    days = freshness([proof(0.1, passed=False)], [rehearsal(0.2)], NOW)
    assert (days[-1]["tone"], days[-1]["level"]) == ("bad", "V6")


def test_what_failed_proves_no_level() -> None:
    assert freshness([], [rehearsal(0.1, passed=False)], NOW)[-1]["level"] == ""


def test_before_the_first_survey_nothing_is_known_and_that_is_said(room: Room) -> None:
    page = room.client("reader").text("/arrays")
    assert "no evidence was ever gathered" in page.lower()
    assert "Apart" not in page


def test_after_a_survey_the_page_shows_the_picture_the_times_and_who_can_delete(room: Room) -> None:
    made = room.control.survey(room.person("lead"), ["east-1"])
    assert made["unknown"] == []
    page = room.client("reader").text("/arrays/east-1")
    for words in ("sidekick-nightly", "measured on east-1", "Proven in thirty days", "vault-operations"):
        assert words in page
    assert "What could take data and copy at once" in page
    shown = room.control.safety(room.person("reader"), "east-1")["datasets"][0]["protections"][0]["fate"]
    rows = {row["dimension"]: row for row in shown}
    assert list(rows)[:3] == ["array", "replication", "partner"]
    assert (rows["site"]["source"], rows["site"]["backup"], rows["site"]["verdict"]) == ("east", "west", "different")
    assert rows["firmware"]["verdict"] == "same"  # one code level on both: the same fault may sleep in both
    assert room.control.arrays(room.person("reader"))[0]["tone"] == "good"


def test_a_repository_on_the_same_array_is_shared_fate_on_the_page(room: Room) -> None:
    room.eyes.repository_on = "east-1"
    room.control.survey(room.person("lead"), [])
    shown = room.control.safety(room.person("reader"), "east-1")
    assert (shown["tone"], shown["datasets"][0]["protections"][0]["isolation"]["relation"]) == ("bad", "same")
    assert "Shared fate" in room.client("reader").text("/arrays")


def test_who_may_not_gather_is_refused_and_the_attempt_is_entered(room: Room) -> None:
    before = room.ledger.size()
    answer = room.client("operator").post("/arrays/gather")
    assert answer.status_code in (303, 403)
    room.app.extensions["sangate"].jobs.drain(10)
    kinds = [entry.kind for entry in room.ledger.entries(before)]
    assert "attempt.refused" in kinds
    assert "evidence.gathered" not in kinds


@pytest.mark.parametrize("name", ["nowhere", "East-1", "x" * 300])
def test_an_array_outside_the_inventory_is_not_there(room: Room, name: str) -> None:
    assert room.client("reader").get(f"/arrays/{name}").status_code == 404


def test_an_array_that_lists_no_volumes_accounts_for_none_of_them(room: Room) -> None:
    room.eyes.volumes = False
    room.control.survey(room.person("lead"), ["east-1"])
    found = room.control.safety(room.person("reader"), "east-1")["coverage"]
    assert (found["percent"], found["rows"]) == (0, [])
    assert "east-1 did not list its volumes" in room.client("reader").text("/arrays/east-1").replace("East-1", "east-1")
