"""Keys of approvers: enrolled, taken away for good, and what that does to what they signed."""

from dataclasses import replace
from itertools import count

import pytest

from gate.approval import Decision, Tally
from gate.control import signing
from gate.control.enrolling import empty_seats
from gate.errors import BadInput, NotSignedIn, NotThere, Refused
from gate.keys import own, public_line
from gate.ledger.entry import Draft
from gate.person import Role
from gate.sshsig import fingerprint
from gate.standing import Standing
from tests.control.conftest import Room
from tests.stories.stage import PASSWORD

NUMBERS = count()


def spare(room: Room, person: str = "storage-lead") -> tuple[str, str]:
    """Enrol one more key for somebody; return the name of its file and its fingerprint."""
    name = f"spare-{next(NUMBERS)}"
    line = public_line(own(room.keys / name), person)
    assert room.control.enrol_key(room.who(person), line, PASSWORD) == fingerprint(line)
    return name, fingerprint(line)


def approve(room: Room, change: str, key: str) -> None:
    lead = room.who("storage-lead")
    text = room.control.statement(lead, change, "storage", "approve")
    room.control.approve(lead, change, seat="storage", statement=text, signature=room.sign(text, key))


def tally(room: Room, change: str) -> Tally:
    desk = room.control._desk
    standing = desk.standing(change)
    return desk.tally(standing, desk.plan(standing))


def test_a_key_that_is_taken_away_takes_along_what_it_signed_and_the_next_key_signs_anew(room: Room) -> None:
    change = room.checked()
    key, name = spare(room)
    approve(room, change, key)
    assert "storage" in tally(room, change).filled
    room.control.revoke_key(room.who("storage-lead"), name, "left in a train")
    entry = room.last()
    assert (entry.kind, entry.change, entry.actor.id) == ("key.revoked", None, "storage-lead")
    assert entry.data == {"person": "storage-lead", "fingerprint": name, "reason": "left in a train"}
    assert "storage" not in tally(room, change).filled
    assert tally(room, change).not_counted[0][1] == "it is not signed by a key that is enrolled for storage-lead"
    shown = room.control.show(room.who("storage-lead"), change)
    assert [one["state"] for one in shown["seats"] if one["seat"] == "storage"] == ["yours"]
    with pytest.raises(Refused, match="not enrolled for storage-lead"):
        approve(room, change, key)
    approve(room, change, "storage-lead")
    assert "storage" in tally(room, change).filled


def test_a_key_that_was_taken_away_is_never_enrolled_again_by_anybody(room: Room) -> None:
    key, name = spare(room)
    line = public_line(own(room.keys / key), "")
    room.control.revoke_key(None, name, "stolen")
    for who in ("storage-lead", "data-owner"):
        with pytest.raises(BadInput, match="was revoked, for good"):
            room.control.enrol_key(room.who(who), line, PASSWORD)
    with pytest.raises(Refused, match="revoked before, by gate"):
        room.control.revoke_key(None, name, "again")
    with pytest.raises(Refused, match="revoked before, by gate"):
        room.control.revoke_key(room.who("storage-lead"), name, "again")
    assert (room.last().kind, room.last().actor.id) == ("attempt.refused", "storage-lead")


def test_a_row_put_back_beside_the_ledger_brings_no_key_back_and_one_that_was_never_entered_is_nobodys(
    room: Room,
) -> None:
    key, name = spare(room)
    line = " ".join(public_line(own(room.keys / key), "").split()[:2])
    people = room.control._desk.people
    room.control.revoke_key(None, name, "stolen")
    with people._db.conn:
        people._db.table("key").upsert({"public": line, "person": "storage-lead"}, pk="public")
    assert line not in room.who("storage-lead").keys
    slipped_in = " ".join(public_line(own(room.keys / "slipped-in"), "").split()[:2])
    with people._db.conn:
        people._db.table("key").insert({"public": slipped_in, "person": "storage-lead"})
    try:
        assert slipped_in not in room.who("storage-lead").keys
        told = {one["fingerprint"]: one for one in room.control.enrolled_keys(room.who("storage-lead"))}
        assert (told[name]["counts"], told[name]["reason"], told[name]["by"]) == (False, "stolen", "gate")
        assert (told[fingerprint(slipped_in)]["counts"], told[fingerprint(slipped_in)]["entry"]) == (False, None)
    finally:
        people.drop_key(slipped_in)


def test_whoever_is_killed_between_the_row_and_the_entry_enrols_the_key_once_more(room: Room) -> None:
    """Also where the row was slipped in under another name: no entry says that it is theirs."""
    people = room.control._desk.people
    for before in ("storage-lead", "data-owner"):
        line = public_line(own(room.keys / f"cut-short-{before}"), "")
        people.enrol_key(before, line)
        assert fingerprint(line) not in {fingerprint(key) for key in room.who(before).keys}
        name = room.control.enrol_key(room.who("storage-lead"), line, PASSWORD)
        assert name in {fingerprint(key) for key in room.who("storage-lead").keys}
        with pytest.raises(BadInput, match="enrolled already"):
            room.control.enrol_key(room.who("data-owner"), line, PASSWORD)
        room.control.revoke_key(None, name, "the end of the test")


def test_whoever_is_killed_right_after_the_entry_has_taken_the_key_away(room: Room) -> None:
    _, name = spare(room)
    before = room.who("storage-lead").keys
    data = {"person": "storage-lead", "fingerprint": name, "reason": "stolen"}
    room.control._desk.ledger.append(Draft("key.revoked", room.last().actor, None, data))
    assert len(room.who("storage-lead").keys) == len(before) - 1
    assert room.control._desk.people.owners()[name] == "storage-lead"
    room.control.settle_keys()
    assert room.control._desk.people.owners()[name] == ""


@pytest.mark.parametrize(
    ("who", "change", "sentence"),
    [
        ("data-owner", {}, "they revoke it, or an administrator"),
        ("storage-engineer", {}, "they revoke it, or an administrator"),
        ("data-owner", {"roles": frozenset({Role.ADMIN}), "contractor": True}, "they revoke it, or an administrator"),
        ("data-owner", {"roles": frozenset({Role.ADMIN})}, ""),
    ],
)
def test_its_owner_and_an_administrator_take_a_key_away_and_nobody_else(
    room: Room, who: str, change: dict[str, object], sentence: str
) -> None:
    _, name = spare(room)
    actor = replace(room.who(who), **change)  # type: ignore[arg-type]
    if not sentence:
        assert room.control.revoke_key(actor, name, "stolen")["person"] == "storage-lead"
        return
    with pytest.raises(Refused, match=sentence) as refused:
        room.control.revoke_key(actor, name, "stolen")
    assert (room.last().kind, room.last().data["why"]) == ("attempt.refused", refused.value.message)
    room.control.revoke_key(None, name, "the end of the test")


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
def test_without_a_reason_no_key_is_taken_away(room: Room, reason: str) -> None:
    held = fingerprint(public_line(own(room.keys / "storage-lead"), ""))
    with pytest.raises(BadInput, match="a reason is"):
        room.control.revoke_key(None, held, reason)
    with pytest.raises(NotThere, match="is enrolled"):
        room.control.revoke_key(None, "SHA256:" + "A" * 43, "why not")


def test_the_last_key_of_a_seat_goes_only_where_that_is_said_and_a_password_is_the_way_back(room: Room) -> None:
    held = fingerprint(public_line(own(room.keys / "data-owner"), ""))
    desk, size = room.control._desk, room.control.size()
    assert "data-owner" in empty_seats(desk.settings.config.policy, desk.people.all(), held)
    with pytest.raises(BadInput, match="nobody could sign as data-owner"):
        room.control.revoke_key(room.who("data-owner"), held, "stolen")
    assert room.control.size() == size
    key, _ = spare(room, "data-owner")
    assert empty_seats(desk.settings.config.policy, desk.people.all(), held) == []
    told = room.control.revoke_key(room.who("data-owner"), held, "stolen", leaves_nobody=True)
    assert told["empty_seats"] == []
    (room.keys / "data-owner").write_bytes((room.keys / key).read_bytes())
    (room.keys / "data-owner.pub").write_text(public_line(own(room.keys / key), "") + "\n")


def test_every_session_and_token_of_the_owner_ends_with_the_key_and_nobody_elses(room: Room) -> None:
    _, name = spare(room)
    made = [room.control.sign_in(who, PASSWORD, "token") for who in ("storage-lead", "data-owner")]
    room.control.revoke_key(None, name, "stolen")
    with pytest.raises(NotSignedIn):
        room.control.who(made[0].secret, "token")
    assert room.control.who(made[1].secret, "token").id == "data-owner"


def test_a_key_taken_away_between_the_decision_and_its_entry_signs_nothing(room: Room) -> None:
    """The thief's approval has been judged good; before it is entered the owner's revocation is."""
    change = room.checked()
    key, name = spare(room)
    lead, desk = room.who("storage-lead"), room.control._desk
    text = room.control.statement(lead, change, "storage", "approve")
    signature = room.sign(text, key)
    judged: list[tuple[Draft, ...]] = []

    def decide(standing: Standing) -> tuple[Draft, ...]:
        judged.append(signing.signed(desk, lead, standing, "storage", Decision.APPROVE, "", text, signature))
        room.control.revoke_key(None, name, "stolen")
        return judged[-1]

    with pytest.raises(Refused, match="not enrolled for storage-lead"):
        desk.enter(change, decide)
    assert [draft.kind for draft in judged[0]] == ["approval.signed"]
    assert "approval.signed" not in [entry.kind for entry in room.entries(change)]
