"""The rest of a change's use cases: who may stop, lift, withdraw; what is not there; and what is never on record."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.errors import BadInput, GateError, Moved, NotSignedIn, NotThere, Refused
from gate.ledger.entry import Actor, Draft
from gate.person import Role
from gate.policy import Seat
from gate.standing import Standing
from tests.control.conftest import Room
from tests.stories.stage import PASSWORD


@pytest.mark.parametrize("name", ["auditor", "contractor", "storage-lead", "performer", "storage-engineer"])
def test_anybody_signed_in_may_hold_and_the_reason_is_kept(room: Room, name: str) -> None:
    change = room.opened()
    view = room.control.hold(room.who(name), change, "smoke")
    assert view["next"] == "On hold: smoke"
    assert room.entries(change)[-1].actor.id == name


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines", "\x1b[2J"])
def test_a_reason_is_one_printable_line(room: Room, reason: str) -> None:
    change = room.opened()
    with pytest.raises(BadInput) as bad:
        room.control.hold(room.who("auditor"), change, reason)
    assert bad.value.place == "reason"
    assert not room.standing(change).hold


def test_a_hold_is_lifted_by_those_who_run_the_change_only(room: Room) -> None:
    change = room.opened()
    room.control.hold(room.who("auditor"), change, "smoke")
    for name in ("auditor", "storage-engineer"):
        with pytest.raises(Refused, match="only a performer or the holder of a seat"):
            room.control.resume(room.who(name), change, "no smoke")
        assert room.entries(change)[-1].kind == "attempt.refused"
    assert room.control.resume(room.who("data-owner"), change, "no smoke")["next"].startswith("Not checked yet: ")


def test_only_the_requester_withdraws_and_only_once(room: Room) -> None:
    change = room.opened()
    for name in ("storage-lead", "performer", "auditor"):
        with pytest.raises(Refused, match="only the requester"):
            room.control.withdraw(room.who(name), change, "mine now")
        last = room.entries(change)[-1]
        assert (last.kind, last.data["who"]) == ("attempt.refused", name)
    assert room.control.withdraw(room.who("storage-engineer"), change, "never mind")["state"] == "withdrawn"
    with pytest.raises(Refused):
        room.control.withdraw(room.who("storage-engineer"), change, "again")


def _in_between(room: Room, change: str, reason: str) -> Draft:
    return Draft("hold.placed", Actor("person", "data-owner"), change, {"reason": reason})


def test_a_decision_that_an_entry_overtakes_is_made_anew_from_what_is_there_then(room: Room) -> None:
    """The gate writes a step down while a person goes back: they are not sent away for that."""
    desk, change, read = room.control._desk, room.opened(), []

    def decide(standing: Standing) -> tuple[Draft, ...]:
        read.append(standing.hold)
        if len(read) < 3:
            desk.ledger.append(_in_between(room, change, f"number {len(read)}"))
        return (Draft("hold.lifted", Actor("person", "performer"), change, {"reason": "go on"}),)

    desk.enter(change, decide)
    assert read == ["", "number 1", "number 2"]
    assert not desk.standing(change).hold


def test_a_decision_about_a_hold_is_none_about_another_one(room: Room) -> None:
    desk, change, read = room.control._desk, room.opened(), []

    def decide(standing: Standing) -> tuple[Draft, ...]:
        read.append(standing.hold)
        desk.ledger.append(_in_between(room, change, "hands in the array"))
        return (Draft("hold.lifted", Actor("person", "performer"), change, {"reason": "backing out"}),)

    with pytest.raises(Moved, match="something else is to be decided"):
        desk.enter(change, decide, lambda standing: standing.hold)
    assert read == [""]
    assert desk.standing(change).hold == "hands in the array"


def test_a_change_that_never_rests_is_said_to_have_moved(room: Room) -> None:
    desk, change = room.control._desk, room.opened()

    def decide(standing: Standing) -> tuple[Draft, ...]:
        desk.ledger.append(_in_between(room, change, "once more"))
        return (Draft("hold.lifted", Actor("person", "performer"), change, {"reason": "go on"}),)

    with pytest.raises(Moved, match="has moved"):
        desk.enter(change, decide)
    assert desk.standing(change).hold == "once more"


def test_who_lifts_a_hold_does_not_lift_one_that_was_placed_meanwhile(room: Room) -> None:
    change = room.opened()
    room.control.hold(room.who("auditor"), change, "wait for the data owner")
    shown = ("wait for the data owner", "")
    room.control.hold(room.who("data-owner"), change, "there is smoke")
    with pytest.raises(Moved, match="another hold"):
        room.control.resume(room.who("performer"), change, "go on", seen=shown)
    assert room.control.show(room.who("auditor"), change)["hold"] == "there is smoke"


def test_what_has_not_begun_cannot_be_backed_out_and_the_attempt_is_an_entry(room: Room) -> None:
    change = room.opened()
    with pytest.raises(Refused, match="nothing to back out"):
        room.control.back_out(room.who("performer"), change, "smoke")
    assert room.entries(change)[-1].data["what"] == "back out"


@pytest.mark.parametrize("change", ["chg-9999", "", "chg-1", "../ledger", "chg-0001'--", "x" * 500])
def test_a_change_that_is_not_there_is_said_to_be_not_there(room: Room, change: str) -> None:
    actor = room.who("performer")
    uses: tuple[Callable[[], object], ...] = (
        lambda: room.control.show(actor, change),
        lambda: room.control.hold(actor, change, "x"),
        lambda: room.control.start(actor, change),
        lambda: room.control.pack(actor, change),
    )
    for use in uses:
        with pytest.raises(NotThere):
            use()


@pytest.mark.parametrize("digest", ["", "sha256:", f"sha256:{'0' * 64}", "../keys/permits", f"md5:{'0' * 67}"])
def test_a_reply_of_an_unknown_digest_is_not_there(room: Room, digest: str) -> None:
    with pytest.raises(NotThere):
        room.control.reply(room.who("auditor"), digest)


def test_a_digest_of_another_form_reaches_no_file(room: Room) -> None:
    for digest in (f"sha256:{'../' * 21}x", f"sha256:{'Z' * 64}"):
        with pytest.raises(GateError):
            room.control.reply(room.who("auditor"), digest)


def test_a_contractor_neither_signs_nor_enrols_nor_rehearses(room: Room) -> None:
    contractor = room.who("contractor")
    with pytest.raises(Refused, match="a contractor signs nothing"):
        room.control.enrol_key(contractor, "ssh-ed25519 AAAA", PASSWORD)
    assert room.last().data["who"] == "contractor"
    with pytest.raises(Refused):
        room.control.rehearse(contractor, "sidekick")
    with pytest.raises(Refused):
        room.control.reference(contractor, "sidekick")


def test_only_an_administrator_adds_people(room: Room) -> None:
    for name in ("performer", "auditor", "storage-lead"):
        with pytest.raises(Refused, match="only an administrator"):
            room.control.add_person(room.who(name), "intruder", PASSWORD, [Role.ADMIN], [Seat.STORAGE])
    with pytest.raises(NotThere):
        room.who("intruder")
    with pytest.raises(NotSignedIn):
        room.control.sign_in("intruder", PASSWORD, "session")
    refused = room.last()
    assert (refused.kind, refused.actor.type, list(refused.data)) == ("auth.refused", "anonymous", ["why"])
    assert b"intruder" not in refused.body


def test_another_change_counts_as_planned_once_its_verdict_opens_and_until_it_ends(room: Room) -> None:
    """Nobody's draft holds up anybody: what cannot begin is no work in any window."""
    desk = room.control._desk
    draft, ready = room.opened(), room.checked()
    window = desk.request(desk.standing(ready)).window
    (work,) = [one for one in desk.planned(draft) if one.words.startswith(ready)]
    assert (work.words, work.opens, work.closes) == (f"{ready} (open)", window.opens, window.closes)
    assert work.on == frozenset(desk.request(desk.standing(ready)).targets)
    assert not [one for one in desk.planned(ready) if one.words.startswith((draft, ready))]
    room.control.withdraw(room.who("storage-engineer"), ready, "this story ends here")
    assert not [one for one in desk.planned(draft) if one.words.startswith(ready)]


def test_of_two_changes_on_the_same_arrays_started_at_once_one_begins_at_most(room: Room) -> None:
    """no-conflict is asked while neither has begun; the start itself is entered one after the other."""
    pair = [room.checked(), room.checked()]
    for change in pair:
        room.approve(change, "storage-lead", "storage")
        room.approve(change, "data-owner", "data-owner")
    performer = room.who("performer")
    together = threading.Barrier(2)
    said: list[str] = []

    def start(change: str) -> None:
        together.wait()
        try:
            room.control.start(performer, change)
        except Refused as refused:
            said.append(refused.message)

    threads = [threading.Thread(target=start, args=(change,)) for change in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begun = [change for change in pair if room.standing(change).stage]
    assert len(begun) <= 1
    assert len(said) == 2 - len(begun)
    for change in begun:
        room.control.back_out(performer, change, "this story ends here")
        assert room.stage.wait_for(change, "backed out") == "backed out"


def test_no_secret_is_in_any_entry_or_blob(room: Room) -> None:
    """Promise 12, over everything that this room's tests have put on record."""
    gate = room.stage.gate
    assert gate is not None
    secrets = [PASSWORD, "a wrong password"]
    with pytest.raises(NotSignedIn):
        room.control.sign_in("auditor", "a wrong password", "token")
    secrets += [room.control.sign_in("auditor", PASSWORD, kind).secret for kind in ("session", "token")]
    secrets.append("PRIVATE KEY")
    for folder in (room.stage.settings.keys, room.keys):
        for path in folder.iterdir():
            if b"PRIVATE KEY" in path.read_bytes():
                secrets += path.read_text().splitlines()[2:-1]
    record = b"\n".join(gate.ledger.bodies())
    blobs = [path.read_bytes() for path in Path(room.stage.settings.blobs).rglob("*") if path.is_file()]
    assert len(secrets) > 10
    assert len(blobs) > 10
    for secret in secrets:
        assert secret.encode() not in record
        assert not any(secret.encode() in blob for blob in blobs)
