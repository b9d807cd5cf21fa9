"""The page of one change: what it shows, and that each thing is done by the right person only."""

import re
import threading
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from tests.web.room import Room


def digests(room: Room, change: str) -> dict[str, Any]:
    view = room.control.show(room.person("operator"), change)
    return {"plan": view["plan"]["digest"], "verdict": view["verdict"]["digest"]}


def settle(room: Room) -> None:
    """Wait for the work that a POST began."""
    assert room.app.extensions["sangate"].jobs.drain(20)


def state(room: Room, change: str) -> Any:
    return room.control.show(room.person("operator"), change)["state"]


def test_a_refused_change_shows_its_red_lines_first_each_with_its_way_out(room: Room) -> None:
    room.eyes.repository_on = "east-1"
    change = room.opened()
    page = room.client("engineer").text(f"/changes/{change}")
    assert page.index("check-backup-isolated") < page.index("check-backup-recent")
    assert "Move the repository to an array outside this change" in page
    assert "iqn.1986-03.com.ibm:2145.east-1.node1" in page
    assert "Shared fate" in page


def test_lines_that_are_red_for_one_reason_stand_together_each_with_its_own_way_out(room: Room) -> None:
    room.eyes.rehearsed = False
    page = room.client("engineer").text(f"/changes/{room.opened()}")
    together = page[page.index('id="check-backup-rehearsed"') :]
    together = together[: together.index("</ul>")]
    for name in ("rehearsal-compared", "rehearsal-in-time", "rehearsed-elsewhere"):
        assert f'id="check-{name}"' in together
    assert together.count("was ever rehearsed") == 1
    assert together.count("Way out") == 4


def test_what_could_not_be_found_out_looks_different_from_what_failed(room: Room) -> None:
    room.eyes.lost = "vault-1"
    change = room.opened()
    page = room.client("engineer").text(f"/changes/{change}")
    line = page[page.index('id="check-backup-isolated"') - 80 :][:900]
    assert "tone-warn" in line
    assert "Could not be found out" in line
    assert "Array not known" in page


def test_the_picture_is_told_to_those_who_do_not_see_it(room: Room) -> None:
    change = room.opened()
    page = room.client("steward").text(f"/changes/{change}")
    told = re.findall(r"<desc[^>]*>([^<]*)</desc>", page)
    assert len(told) == 2
    assert told[0].startswith(
        "The data: /data on host db-1, on array east-1, serial 0000020420E00011. The backup: /backup"
    )


def test_the_plan_is_shown_word_for_word_with_its_digest(room: Room) -> None:
    change = room.opened()
    view = room.control.show(room.person("steward"), change)
    page = room.client("steward").text(f"/changes/{change}")
    assert view["plan"]["digest"] in page
    assert view["plan"]["image_sha256"] in page
    for phase in ("forward", "commit", "back_out"):
        for step in view["plan"][phase]:
            assert step["command"].replace("<", "&lt;") in page
    for passed_over in view["plan"]["choice"]:
        assert passed_over["because"].replace("'", "&#39;") in page


def test_a_part_is_shown_with_the_one_that_is_taken_out_and_its_partner(room: Room) -> None:
    change = room.replacing()
    page = room.client("steward").text(f"/changes/{change}")
    table = re.sub(r"<[^>]+>", " ", page[page.index('<table id="parts"') :].partition("</table>")[0])
    rows = [line.split() for line in table.splitlines() if line.strip()][1:]
    assert [row[:2] for row in rows] == [["taken", "out"], ["put", "in"], ["partner,", "stays"]]
    assert [next(word for word in row if word.startswith("11S")) for row in rows] == ["11SOLD", "11SNEW", "11SPARTNER"]
    assert "delivery note 4711" in table
    assert "controller 2: part 01LB207" in room.client("steward").text("/changes")


def test_a_part_with_other_firmware_is_refused_with_both_told(room: Room) -> None:
    page = room.client("steward").text(f"/changes/{room.replacing(firmware='8.5.0.2')}")
    assert "its partner 1 carries firmware 8.6.0.3, the new one 8.5.0.2" in page


def test_a_seat_is_filled_on_the_page_by_its_holder(room: Room) -> None:
    change = room.opened()
    answer = room.client("steward").post(f"/changes/{change}/approve", seat="data-owner", **digests(room, change))
    assert answer.status_code == 303
    page = room.client("lead").text(f"/changes/{change}")
    assert "<strong>steward</strong> signed" in page
    assert "Approve as storage" in page


@pytest.mark.parametrize("name", ["engineer", "operator", "reader", "lead"])
def test_nobody_else_fills_the_seat(room: Room, name: str) -> None:
    change = room.opened()
    browser = room.client(name)
    assert "Approve as data owner" not in browser.text(f"/changes/{change}")
    answer = browser.post(f"/changes/{change}/approve", seat="data-owner", **digests(room, change))
    assert answer.status_code == 403
    assert all(seat["state"] != "filled" for seat in room.control.show(room.person(name), change)["seats"])


def test_a_plan_that_moved_since_the_page_was_opened_is_not_signed(room: Room) -> None:
    change = room.opened()
    old = digests(room, change) | {"plan": "sha256:" + "0" * 64}
    answer = room.client("steward").post(f"/changes/{change}/approve", seat="data-owner", **old)
    assert answer.status_code == 409
    assert "nothing was done" in answer.get_data(as_text=True)
    assert all(seat["state"] != "filled" for seat in room.control.show(room.person("steward"), change)["seats"])


def test_where_sessions_do_not_count_the_page_leads_to_the_key(strict_room: Room) -> None:
    change = strict_room.opened()
    page = strict_room.client("steward").text(f"/changes/{change}")
    assert f"sangate change approve {change}" in page
    assert "Approve as data owner" not in page
    answer = strict_room.client("steward").post(
        f"/changes/{change}/approve", seat="data-owner", **digests(strict_room, change)
    )
    assert answer.status_code == 403


def test_denying_asks_for_a_reason_and_ends_the_change(room: Room) -> None:
    change = room.opened()
    steward = room.client("steward")
    assert steward.post(f"/changes/{change}/deny", seat="data-owner", reason="").status_code == 422
    assert steward.post(f"/changes/{change}/deny", seat="data-owner", reason="Quarter end").status_code == 303
    assert state(room, change) == "denied"


def test_a_check_runs_beside_the_request_and_its_progress_is_on_the_page(room: Room) -> None:
    change = room.open()
    room.eyes.slow = threading.Event()
    engineer = room.client("engineer")
    assert engineer.post(f"/changes/{change}/check").status_code == 303
    page = engineer.text(f"/changes/{change}")
    assert "Being done now: check" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert engineer.post(f"/changes/{change}/check").status_code == 409
    room.eyes.slow.set()
    settle(room)
    assert state(room, change) == "open"
    assert "Being done now" not in engineer.text(f"/changes/{change}")


def test_a_dry_run_shows_what_was_asked_and_what_is_not_sent(room: Room) -> None:
    change = room.opened()
    engineer = room.client("engineer")
    assert "Dry run on" not in engineer.text(f"/changes/{change}")
    room.eyes.monitor.answers["lsupdate -delim !"] = "status!success\nprogress!<b>none</b>\n"
    assert engineer.post(f"/changes/{change}/dry_run", plan="sha256:0", verdict="").status_code == 409
    assert engineer.post(f"/changes/{change}/dry_run", **digests(room, change)).status_code == 303
    settle(room)
    page = engineer.text(f"/changes/{change}")
    assert "Dry run on west-3" in page
    assert "Not all is known" in page
    assert "no answer (timed_out): no answer within 30 s" in page
    assert page.count("its look, <code>lsupdate -delim !</code>, says: not begun") == 1
    assert state(room, change) == "open"
    entry = room.control.entries(room.person("engineer"), change)[-1]
    assert (entry["kind"], entry["data"]["result"]) == ("dry_run.ended", "unknown")


def test_who_may_not_have_arrays_asked_sees_why(room: Room) -> None:
    change = room.opened()
    reader = room.client("reader")
    assert "Only a requester, a performer or the holder of a seat." in reader.text(f"/changes/{change}")
    assert reader.post(f"/changes/{change}/dry_run", **digests(room, change)).status_code == 403


def test_a_performer_starts_what_is_signed(room: Room) -> None:
    change = room.signed()
    operator = room.client("operator")
    assert operator.post(f"/changes/{change}/start", **digests(room, change)).status_code == 303
    settle(room)
    assert state(room, change) == "running"
    assert "The canary: west-3" in operator.text(f"/changes/{change}")


def test_a_start_that_the_gate_refuses_is_told_to_who_began_it(room: Room) -> None:
    change = room.signed()
    room.eyes.backup_age = timedelta(hours=30)
    operator = room.client("operator")
    operator.post(f"/changes/{change}/start", **digests(room, change))
    settle(room)
    page = operator.text(f"/changes/{change}")
    assert "Start: it was not done" in page
    assert "backup-recent is failed" in page
    assert state(room, change) == "refused"


def test_who_may_not_start_is_refused_at_once_and_the_attempt_is_entered(room: Room) -> None:
    change = room.signed()
    answer = room.client("steward").post(f"/changes/{change}/start", **digests(room, change))
    assert answer.status_code == 403
    assert "steward is not a performer" in answer.get_data(as_text=True).lower()
    assert room.control.entries(room.person("steward"), change)[-1]["kind"] == "attempt.refused"


def test_anybody_holds_and_those_who_may_not_resume_see_why(room: Room) -> None:
    change = room.started()
    reader = room.client("reader")
    assert "Hold now" in reader.text(f"/changes/{change}")
    assert reader.post(f"/changes/{change}/do/hold", reason="The phone rings").status_code == 303
    page = reader.text(f"/changes/{change}")
    assert "<h2>On hold</h2>" in page
    assert '<p class="because">The phone rings.</p>' in page
    assert "Not by you: only a performer or the holder of a seat." in page
    assert "Only a performer or the holder of a seat." in page
    assert reader.post(f"/changes/{change}/do/resume", reason="it stopped").status_code == 403
    operator = room.client("operator")
    stale: dict[str, Any] = {"reason": "it stopped", "hold": "An older hold", "question": ""}
    assert operator.post(f"/changes/{change}/do/resume", **stale).status_code == 409, "it lifts what was shown only"
    asked: dict[str, Any] = {"reason": "it stopped", "hold": "The phone rings", "question": ""}
    assert operator.post(f"/changes/{change}/do/resume", **asked).status_code == 303
    assert not room.control.show(room.person("operator"), change)["run"]["hold"]


def test_a_reason_is_asked_for(room: Room) -> None:
    change = room.started()
    assert room.client("reader").post(f"/changes/{change}/do/hold", reason="  ").status_code == 422


def test_only_the_four_actions_can_be_named(room: Room) -> None:
    change = room.opened()
    assert room.client("adam").post(f"/changes/{change}/do/rebuild", reason="why not").status_code == 422


def test_the_requester_withdraws(room: Room) -> None:
    change = room.opened()
    assert room.client("lead").post(f"/changes/{change}/do/withdraw", reason="no").status_code == 403
    assert room.client("engineer").post(f"/changes/{change}/do/withdraw", reason="Wrong arrays").status_code == 303
    assert state(room, change) == "withdrawn"


def test_a_run_shows_steps_probes_reads_and_the_judgement(room: Room) -> None:
    change = room.started()
    room.baseline(change)
    for number in range(10):
        room.step(change, number)
    room.probes(change, 1)
    room.probes(change, 2, flipped=True)
    room.judged(change, "failed", "west-3: known-answer: the data read back differ")
    room.enter(change, "change.halted", because="the canary failed")
    page = room.client("operator").text(f"/changes/{change}")
    assert "The canary failed" in page
    assert "west-3: known-answer: the data read back differ." in page
    assert "passed in 1 of 2 rounds" in page
    assert "median read" in page
    assert 'class="round failed"' in page
    assert "10 of 10 steps" in page


def test_what_hosts_told_before_is_shown_with_the_one_that_is_no_witness_and_what_nobody_told(room: Room) -> None:
    change = room.started()
    room.baseline(change)
    room.hosts(change, 0, degraded=True)
    page = room.client("operator").text(f"/changes/{change}")
    assert "1 of 2 can be witnesses" in page
    assert "bk-1, host-raid, before the change:" in page
    assert "raid.members md0 is 1/2" in page
    assert page.count("no witness: not well itself") == 1
    assert page.count("not told: host-paths, host-ports") == 2
    assert "host-paths, before the change:" not in page  # what was not told is no finding
    room.probes(change, 1)
    room.hosts(change, 1, degraded=True)
    after = room.client("operator").text(f"/changes/{change}")
    assert after.count("passed in 1 of 1 rounds") >= 5
    assert after.count('<span class="quiet">host</span>') == 2


def test_an_interrupted_step_is_shown_as_not_known(room: Room) -> None:
    change = room.started()
    room.baseline(change)
    room.step(change, 3, outcome="unknown", because="the connection was lost")
    page = room.client("operator").text(f"/changes/{change}")
    assert "outcome not known" in page
    assert "the connection was lost" in page


def test_the_pack_is_taken_by_a_post_and_entered(room: Room) -> None:
    change = room.opened()
    before = room.control.size()
    answer = room.client("reader").post(f"/changes/{change}/pack")
    assert answer.mimetype == "application/zip"
    assert answer.data[:2] == b"PK"
    assert room.control.entries(room.person("reader"), None, before)[-1]["kind"] == "export.made"


def test_a_live_part_that_has_not_moved_is_not_sent_again(room: Room) -> None:
    change = room.opened()
    steward = room.client("steward")
    first = steward.get(f"/changes/{change}/live")
    tag = first.headers["ETag"]
    again = steward.get(f"/changes/{change}/live", If_None_Match=tag)
    while again.status_code == 200:  # an age such as "2 s ago" has moved on in between
        tag = again.headers["ETag"]
        again = steward.get(f"/changes/{change}/live", If_None_Match=tag)
    assert (again.status_code, again.data) == (304, b"")
    room.client("reader").post(f"/changes/{change}/do/hold", reason="wait")
    assert steward.get(f"/changes/{change}/live", If_None_Match=tag).status_code == 200


def test_a_live_part_without_a_sign_in_is_refused_and_not_led_away(room: Room) -> None:
    change = room.opened()
    assert room.client().get(f"/changes/{change}/live", X_Part="1").status_code == 401


def test_a_change_file_is_uploaded(room: Room) -> None:
    text = room.ledger.history(room.open())[0].data["title"]
    engineer = room.client("engineer")
    token = engineer.token("/changes/new")
    opened = room.control.rows(room.person("engineer"))[0]
    sent = {
        "csrf_token": token,
        "file": (BytesIO(_file(room)), "west.yaml"),
    }
    answer = engineer.http.post("/changes/new", base_url=engineer.base, data=sent, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert answer.location == "/changes/chg-0002"
    assert (text, opened["id"]) == ("Firmware 8.7.0.4 for the western arrays", "chg-0001")


def _file(room: Room) -> bytes:
    image = room.settings.config.images.allowed[0]
    return (
        "title: West\nreason: Mends a fault\nkind: firmware\nfamily: storage-virtualize\n"
        f"image: {{file: {image.file}, version: {image.version}, sha256: '{image.sha256}'}}\n"
        "targets: [west-2, west-3]\nplaybook: storage-virtualize/upgrade\n"
        "window: {opens: 2026-12-05T22:00:00Z, closes: 2026-12-06T04:00:00Z}\n"
    ).encode()


def test_a_wrong_change_file_comes_back_with_the_line_and_column(room: Room) -> None:
    engineer = room.client("engineer")
    typed = "title: West\nreason: <b>x</b>\ntragets: [west-2]\n"
    answer = engineer.post("/changes/new", text=typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'href="#text">Line 3, column 1, tragets: unknown key' in page
    assert "did you mean" in page
    assert "title: West\nreason: &lt;b&gt;x&lt;/b&gt;\ntragets: [west-2]\n</textarea>" in page


def test_a_binary_file_is_refused_with_a_sentence(room: Room) -> None:
    engineer = room.client("engineer")
    sent = {"csrf_token": engineer.token("/changes/new"), "file": (BytesIO(bytes(range(256)) * 8), "x.yaml")}
    answer = engineer.http.post("/changes/new", base_url=engineer.base, data=sent, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "The change was not opened" in answer.get_data(as_text=True)


def test_who_is_no_requester_opens_nothing_and_keeps_the_text(room: Room) -> None:
    answer = room.client("steward").post("/changes/new", text=_file(room).decode())
    assert answer.status_code == 403
    assert "title: West" in answer.get_data(as_text=True)


def test_the_list_begins_with_what_needs_the_viewer(room: Room) -> None:
    room.opened("Waits for two seats")
    room.signed("Waits for its performer")
    lead, operator = room.client("lead").text("/changes"), room.client("operator").text("/changes")
    assert lead.index("Needs you: sign as storage") > lead.index("Waits for two seats")
    assert lead.index("Waits for two seats") < lead.index("Waits for its performer")
    assert operator.index("Waits for its performer") < operator.index("Waits for two seats")
    assert "Needs you: start the canary" in operator
    assert "Nothing waits for you." in room.client("reader").text("/changes")


def test_an_empty_list_says_what_to_do(room: Room) -> None:
    assert "No change has been asked for yet" in room.client("engineer").text("/changes")
