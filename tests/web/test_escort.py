"""The escort's page: the exact words, one go, one stop, and nobody presses what is not theirs."""

import re
from datetime import UTC, datetime, timedelta

from gate.canonical import utc
from gate.person import Contract, Role
from tests.web.room import PASSWORD, Room


def escorted(room: Room) -> str:
    """A change that a contractor has started, whose first mutating step waits for a go."""
    now = datetime.now(UTC)
    contract = Contract("Example Storage Services", "their field engineer", "lead", now, now + timedelta(hours=8))
    room.control.add_person(None, "field-engineer", PASSWORD, [Role.PERFORMER], contract=contract)
    change = room.open(contractor="field-engineer")
    room.control.check(room.person("engineer"), change)
    room.control.approve(room.person("lead"), change, seat="storage")
    room.control.approve(room.person("steward"), change, seat="data-owner")
    room.control.start(room.person("field-engineer"), change)
    step = room.control.show(room.person("lead"), change)["run"]["steps"][3]
    named = {name: step[name] for name in ("phase", "number", "command")} | {"step": step["id"], "array": "west-3"}
    until = utc(now + timedelta(minutes=10))
    room.enter(change, "escort.asked", **named, attempt=1, ask="a" * 32, run="run", until=until)
    return change


def test_the_escorts_page_shows_the_words_in_full_with_one_go_and_one_stop(room: Room) -> None:
    change = escorted(room)
    text = room.client("lead").text(f"/changes/{change}/escort")
    assert "Their field engineer of Example Storage Services" in text
    assert "scp -t /upgrade" in text
    assert re.search(r"<button[^>]*>.*Go</button>", text)
    assert re.search(r"<button[^>]*>.*Stop field-engineer</button>", text)
    assert "Needs you: say go" in room.client("lead").text(f"/changes/{change}")
    theirs = room.client("field-engineer").text(f"/changes/{change}/escort")
    assert "A contractor escorts nobody" in theirs
    assert not re.search(r"<button[^>]*>.*Go</button>", theirs)


def test_a_go_on_the_page_is_for_the_asking_that_it_showed(room: Room) -> None:
    change = escorted(room)
    lead = room.client("lead")
    page = f"/changes/{change}/escort"
    assert lead.post(f"/changes/{change}/go", page, ask="b" * 32).status_code == 409
    assert lead.post(f"/changes/{change}/go", page, ask="a" * 32).status_code == 303
    assert room.ledger.history(change)[-1].kind == "escort.go"


def test_a_stop_on_the_page_needs_no_words_and_shows_the_contractor_out(room: Room) -> None:
    change = escorted(room)
    theirs = room.client("field-engineer")
    lead = room.client("lead")
    assert lead.post(f"/changes/{change}/stop", f"/changes/{change}/escort").status_code == 303
    assert "Stopped by lead" in lead.text(f"/changes/{change}/escort")
    answer = theirs.http.get(f"/changes/{change}", base_url=theirs.base, follow_redirects=True)
    assert "time box of field-engineer (Example Storage Services) ended" in answer.get_data(as_text=True)


def test_a_gate_that_counts_signatures_only_shows_the_command_in_place_of_the_go(strict_room: Room) -> None:
    change = strict_room.open()
    assert "so nobody escorts it" in strict_room.client("lead").text(f"/changes/{change}/escort")
