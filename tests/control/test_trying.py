"""A dry run of a change asks its canary and changes nothing: no array, no approval, no plan."""

from pathlib import Path

import pytest

from gate.errors import BadInput, GateError, NotThere, Refused
from gate.standing import State
from tests.control.conftest import Room
from tests.stories.stage import FLIPS, GOOD

BOOK = (Path(__file__).parents[2] / "playbooks" / "storage-virtualize" / "upgrade.yaml").read_bytes()
WHO = "storage-engineer"


def test_a_dry_run_is_an_entry_of_the_change_and_what_was_signed_stays_signed(room: Room) -> None:
    change = room.checked()
    room.approve(change, "storage-lead", "storage")
    before = room.standing(change)
    told: list[str] = []
    view = room.control.dry_run(room.who("performer"), change, told.append)
    run = view["dry_run"]
    assert (run["result"], run["array"]) == ("holds", view["plan"]["canary"])
    assert {step["would"] for step in run["steps"] if step["kind"] != "ask"} == {"not sent"}
    assert [(step["id"], step["command"]) for step in run["steps"] if step["phase"] == "forward"] == [
        (step["id"], step["command"]) for step in view["plan"]["forward"]
    ]
    assert any("svcupgradetest -v 8.7.0.4" in line for line in told)
    last = room.entries(change)[-1]
    assert (last.kind, last.actor.id, last.data["result"]) == ("dry_run.ended", "performer", "holds")
    assert last.data["plan_digest"] == before.plan_digest
    assert {blob.name for blob in last.blobs} == {"dry-run", "transcript", "reply"}
    after = room.standing(change)
    assert (after.state, after.verdict_digest, after.approvals) == (
        State.OPEN,
        before.verdict_digest,
        before.approvals,
    )
    assert {seat["seat"]: seat["state"] for seat in view["seats"]}["storage"] == "filled"
    assert not {"permit.issued", "step.intended"} & {entry.kind for entry in room.entries(change)}


def test_a_dry_run_says_what_would_stop_the_change(room: Room) -> None:
    change = room.checked()
    canary = room.standing(change).canary
    room.stage.lab.fault(canary, "refuses-precheck")
    try:
        run = room.control.dry_run(room.who(WHO), change)["dry_run"]
    finally:
        room.stage.lab.clear(canary, "refuses-precheck")
    assert run["result"] == "stops"
    assert "precheck" in run["because"]
    assert room.entries(change)[-1].data["result"] == "stops"


@pytest.mark.parametrize(("name", "why"), [("contractor", "a contractor"), ("auditor", "only a requester")])
def test_who_may_not_try_is_refused_and_entered(room: Room, name: str, why: str) -> None:
    change = room.opened()
    assert why in room.control.show(room.who(name), change)["may"]["dry_run"]
    with pytest.raises(Refused, match=why):
        room.control.dry_run(room.who(name), change)
    assert room.entries(change)[-1].kind == "attempt.refused"
    with pytest.raises(Refused, match=why):
        room.control.try_playbook(room.who(name), BOOK, "upgrade.yaml", "east-1", GOOD)
    assert room.last().kind == "attempt.refused"


def test_what_has_no_plan_or_is_over_is_not_tried(room: Room) -> None:
    change = room.opened()
    with pytest.raises(Refused, match="no plan to try"):
        room.control.dry_run(room.who(WHO), change)
    room.control.withdraw(room.who(WHO), change, "never mind")
    with pytest.raises(Refused, match="the change is withdrawn"):
        room.control.dry_run(room.who(WHO), change)


def test_a_playbook_is_tried_on_an_array_and_nothing_is_entered(room: Room) -> None:
    before = room.last()
    run = room.control.try_playbook(room.who(WHO), BOOK, "upgrade.yaml", "east-2", GOOD)
    assert run["result"] == "holds"
    assert run["steps"][0]["because"] == "serial 0000020420E00012, version 8.6.0.3"
    other = room.control.try_playbook(room.who(WHO), BOOK, "upgrade.yaml", "east-2", FLIPS, "8.5.0.1")
    assert other["result"] == "stops"
    assert "identify: version is" in other["because"]
    assert room.last() == before


@pytest.mark.parametrize(
    ("text", "array", "version", "error", "words"),
    [
        (BOOK, "nowhere", GOOD, NotThere, 'no array "nowhere"'),
        (BOOK, "east-1", "1.0", BadInput, "no released image"),
        (b"family: [", "east-1", GOOD, BadInput, "book.yaml"),
        (BOOK.replace(b"ask: lssystem", b"ask: rmvdisk"), "east-1", GOOD, BadInput, "not on the list"),
        (BOOK.replace(b"family: storage-virtualize", b"family: dothill"), "east-1", GOOD, BadInput, "book.yaml"),
        (b"\xff\xfe", "east-1", GOOD, BadInput, "book.yaml"),
    ],
)
def test_a_playbook_that_is_none_or_fits_nothing_is_refused_in_one_sentence(
    room: Room, text: bytes, array: str, version: str, error: type[GateError], words: str
) -> None:
    with pytest.raises(error) as refused:
        room.control.try_playbook(room.who(WHO), text, "book.yaml", array, version)
    assert words in str(refused.value)
