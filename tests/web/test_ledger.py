"""The ledger's pages: seal, check, filters, export, time line, controls, and a ledger that was really damaged."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gate.export import verify
from gate.ledger.entry import ANONYMOUS, GATE, Draft
from tests.export.readers import spreadsheet
from tests.web.room import Room


def jobs(room: Room) -> Any:
    return room.app.extensions["sangate"].jobs


def damage(room: Room, *changes: str) -> None:
    """What somebody with the file and SQLite can do, who puts back what would show it."""
    with sqlite3.connect(room.settings.ledger_db) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for change in changes:
            assert connection.execute(change).rowcount > 0, change
        for _, text in triggers:
            connection.execute(text)
    connection.close()


def test_a_check_by_the_stand_alone_verifier_is_shown_with_its_time_and_entered(room: Room) -> None:
    room.opened()
    reader = room.client("reader")
    assert "never" in reader.text("/ledger")
    assert reader.post("/ledger/check", "/ledger").status_code == 303
    assert jobs(room).drain(60)
    page = reader.text("/ledger")
    assert "Verified" in page
    assert "just now" in page or "s ago" in page
    (entry,) = [one for one in room.ledger.entries() if one.kind == "ledger.checked"]
    assert (entry.actor.id, entry.data["result"]) == ("reader", "verified")


def test_a_damaged_entry_shows_both_hashes_and_what_to_do_and_the_page_stays(room: Room) -> None:
    change, reader = room.opened("The western arrays"), room.client("reader")
    assert "Verified" not in reader.text("/ledger")
    damage(
        room,
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'western', 'eastern') AS BLOB) WHERE seq = 1",
        "UPDATE entry SET body = x'00' WHERE idx = 3",
    )
    reader.post("/ledger/check", "/ledger")
    assert jobs(room).drain(60)
    page = reader.text("/ledger?start=0")
    found = room.control.last_check()
    assert found is not None
    assert found["result"] == "changed"
    assert found["expected"] != found["found"]
    assert found["expected"] in page
    assert found["found"] in page
    assert "The record is not what was signed" in page
    assert "The whole log: " in page or "the whole log: " in page
    assert str(room.settings.data) not in page
    assert "What to do" in page
    assert "Damaged" in page
    assert "Change opened" in page
    assert change in page


def test_a_blob_that_was_deleted_or_altered_at_rest_is_told_by_the_check(room: Room) -> None:
    room.signed("Without its plan")
    reader = room.client("reader")
    plans = [blob.sha256 for one in room.ledger.entries() for blob in one.blobs if blob.name == "plan"]
    path = room.settings.blobs / plans[0][7:9] / plans[0][9:]
    content = path.read_bytes()
    path.unlink()
    reader.post("/ledger/check", "/ledger")
    assert jobs(room).drain(60)
    assert f"he plan that an entry names is not there: {plans[0]}" in reader.text("/ledger")
    assert "Cannot tell" in reader.text("/ledger")
    path.write_bytes(content.replace(b"west", b"east"))
    reader.post("/ledger/check", "/ledger")
    assert jobs(room).drain(60)
    assert "has other bytes than when it was written" in reader.text("/ledger")
    path.write_bytes(content)
    reader.post("/ledger/check", "/ledger")
    assert jobs(room).drain(60)
    assert "Verified" in reader.text("/ledger")


def test_entries_that_were_taken_out_leave_a_page_that_says_so(room: Room) -> None:
    room.opened()
    damage(room, "DELETE FROM entry WHERE idx = 4")
    reader = room.client("reader")
    assert "entries are missing" in reader.text("/ledger?start=0")
    reader.post("/ledger/check", "/ledger")
    assert jobs(room).drain(60)
    assert "The record is not what was signed" in reader.text("/ledger?start=0")


def test_entries_are_filtered_and_a_filter_that_is_none_is_said(room: Room) -> None:
    room.signed("Filtered")
    reader = room.client("reader")
    page = reader.text("/ledger?kind=approval.signed&actor=lead")
    assert page.count('class="entry') == 1 + page.count('class="entry loud')
    assert "restore tried on Friday" not in page
    assert "No entry fits kind change.withdrawn." in reader.text("/ledger?kind=change.withdrawn")
    for query in ("from=yesterday", "kind=x", "change=../etc", "from=2026-01-02&to=2026-01-01"):
        answer = reader.text(f"/ledger?{query}")
        assert 'role="alert"' in answer, query


def test_a_filtered_list_goes_on_where_it_ended(room: Room) -> None:
    for number in range(130):
        room.ledger.append(Draft("config.loaded", GATE, None, {"policy": f"p{number}"}))
    found = room.control.browse(room.person("reader"), limit=50, start=room.control.size() - 130)
    assert [one["data"]["policy"] for one in found["entries"]] == [f"p{number}" for number in range(50)]
    more = room.control.browse(room.person("reader"), limit=100, start=found["next"])
    assert [one["data"]["policy"] for one in more["entries"]] == [f"p{number}" for number in range(50, 130)]
    assert more["next"] is None


def test_an_export_is_made_in_the_back_and_taken_by_who_asked(room: Room) -> None:
    room.signed("Exported")
    reader, other = room.client("reader"), room.client("adam")
    asked = reader.post("/ledger/export", "/ledger", format="csv", kind="approval.signed")
    assert asked.status_code == 303
    assert jobs(room).drain(60)
    page = reader.text("/ledger")
    address = page.partition('href="/ledger/export/')[2].partition('"')[0]
    held = spreadsheet(reader.get(f"/ledger/export/{address}").data)
    assert [json.loads(body)["actor"]["id"] for _, _, body in held.records] == ["lead", "steward"]
    assert other.get(f"/ledger/export/{address}").status_code == 404
    assert reader.get("/ledger/export/0123456789abcdef").status_code == 404


def test_the_complete_archive_is_taken_from_the_page_and_verifies_as_it_is(room: Room, tmp_path: Path) -> None:
    room.signed("Taken whole")
    room.ledger.append(Draft("auth.refused", ANONYMOUS, None, {"name": "a real name", "why": "wrong"}))
    reader, lead = room.client("reader"), room.client("lead")
    for who, disclose in ((reader, True), (reader, False), (lead, False)):
        assert ('value="disclosed"' in who.text("/ledger")) == (who is reader)
        assert 'value="complete"' in who.text("/ledger")
        assert 'value="complete"' not in who.text("/ledger?kind=log.opened")
        assert who.post("/ledger/export", "/ledger", format="disclosed" if disclose else "complete").status_code == 303
        assert jobs(room).drain(60)
        address = who.text("/ledger").partition('href="/ledger/export/')[2].partition('"')[0]
        taken = who.get(f"/ledger/export/{address}")
        assert "ledger.zip" in taken.headers["Content-Disposition"]
        (tmp_path / "all.zip").write_bytes(taken.data)
        report = verify.Report()
        assert verify.main([str(tmp_path / "all.zip")], report) == verify.VERIFIED, report.lines
        assert (b"a real name" in taken.data) == disclose
        taken.close()
    assert lead.post("/ledger/export", "/ledger", format="disclosed").status_code == 403
    assert reader.post("/ledger/export", "/ledger", format="complete", kind="log.opened").status_code == 422
    made = [one.data["what"] for one in room.ledger.entries() if one.kind == "export.made"]
    assert made == ["complete with private fields", "complete", "complete"]


def test_who_may_not_take_the_record_is_told_so_and_asked_for_no_click(room: Room) -> None:
    change, operator = room.opened(), room.client("operator")
    page = operator.text("/ledger")
    assert "Only auditors, administrators and holders of a seat take more" in page
    assert 'action="/ledger/export"' not in page
    assert 'action="/ledger/export"' in operator.text(f"/ledger?change={change}")
    assert operator.post("/ledger/export", "/ledger", format="csv").status_code == 403
    assert operator.post("/ledger/export", "/ledger", format="csv", change=change).status_code == 303
    assert jobs(room).drain(60)
    (refusal,) = [one for one in room.ledger.entries() if one.kind == "attempt.refused"]
    assert (refusal.actor.id, refusal.data["what"]) == ("operator", "export csv")


@pytest.mark.parametrize("fields", [{"format": "xml"}, {"format": "csv", "from": "x"}, {"kind": "x"}])
def test_an_export_that_cannot_be_made_is_said_at_once(room: Room, fields: dict[str, Any]) -> None:
    assert room.client("reader").post("/ledger/export", "/ledger", **fields).status_code == 422


def test_a_change_is_told_as_a_time_line(room: Room) -> None:
    change = room.signed("Told <b>in time</b>")
    page = room.client("reader").text(f"/changes/{change}/record")
    order = [
        page.index(word) for word in ("Change opened", "Evidence gathered", "Plan sealed", "Verdict given", "Approved")
    ]
    assert order == sorted(order)
    assert "Told &lt;b&gt;in time&lt;/b&gt;" in page
    assert "Take the evidence pack" in page


def test_controls_are_shown_for_a_period(room: Room) -> None:
    room.opened()
    reader = room.client("reader")
    assert "A.8.32" in reader.text("/ledger/controls")
    empty = reader.text("/ledger/controls?from=2001-01-01&to=2001-01-02")
    assert "0 of" in empty
    assert "No entry in this period evidences it." in empty
    assert 'role="alert"' in reader.text("/ledger/controls?from=soon")
