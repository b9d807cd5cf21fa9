"""Approvals by real ssh-keygen: what counts, everything that does not, and that each attempt is an entry."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.approval import Statement, read_statement
from gate.assembly import now
from gate.canonical import utc
from gate.errors import BadInput, Refused
from gate.settings import load
from tests.control.conftest import Room


@pytest.fixture(scope="module")
def change(room: Room) -> str:
    """One checked change; the tests that fail to sign leave it as it is."""
    return room.checked()


def refused(room: Room, change: str, signing: Callable[[], object], match: str) -> None:
    """The attempt is refused with the reason, no seat is filled, and it is an entry with the same reason."""
    before = room.standing(change)
    with pytest.raises(Refused, match=match) as error:
        signing()
    last = room.entries(change)[-1]
    assert last.kind == "attempt.refused"
    assert last.data["why"] == error.value.message
    assert room.standing(change).approvals == before.approvals


def attempt(
    room: Room,
    change: str,
    match: str,
    /,
    *,
    text: str = "",
    key: str = "storage-lead",
    namespace: str = "approval@sangate",
    seat: str = "storage",
    name: str = "storage-lead",
    **changed: Any,
) -> None:
    given = text or room.control.statement(room.who("storage-lead"), change, "storage", "approve")
    given = replace(read_statement(given), **changed).text() if changed else given
    signature = room.sign(given, key, namespace)
    person = room.who(name)
    refused(
        room,
        change,
        lambda: room.control.approve(person, change, seat=seat, statement=given, signature=signature),
        match,
    )


def test_a_session_fills_no_seat_under_this_policy(room: Room, change: str) -> None:
    lead = room.who("storage-lead")
    refused(room, change, lambda: room.control.approve(lead, change, seat="storage"), "enrolled keys only")
    assert not room.control.session_approvals


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"plan_digest": f"sha256:{'0' * 64}"}, "another plan digest"),
        ({"verdict_digest": f"sha256:{'0' * 64}"}, "another verdict digest"),
        ({"change": "chg-9999"}, "another change"),
        ({"stage": "wave-1"}, "another stage"),
        ({"origin": "elsewhere.example/ledger"}, "another origin"),
        ({"decision": "deny"}, "another decision"),
        ({"seat": "data-owner"}, "another seat"),
        ({"approver": "data-owner"}, "another approver"),
    ],
)
def test_a_statement_about_anything_else_does_not_count(
    room: Room, change: str, changed: dict[str, str], match: str
) -> None:
    attempt(room, change, match, **changed)


def test_a_statement_of_one_seat_given_for_another_does_not_count(room: Room, change: str) -> None:
    attempt(room, change, "another seat", seat="data-owner")


@pytest.mark.parametrize("hours", [-1, 73, 24 * 365])
def test_an_expiry_that_is_over_or_beyond_the_policy_does_not_count(room: Room, change: str, hours: int) -> None:
    attempt(room, change, "expired or would hold longer", expires=utc(now() + timedelta(hours=hours)))


@pytest.mark.parametrize("expires", ["", "tomorrow", "2099-01-01T00:00:00", "2099-01-01T00:00:00+00:00"])
def test_an_expiry_in_another_spelling_does_not_count(room: Room, change: str, expires: str) -> None:
    attempt(room, change, "cannot be used", expires=expires)


def test_a_key_that_is_not_enrolled_or_is_somebody_elses_does_not_count(room: Room, change: str) -> None:
    attempt(room, change, "not enrolled for storage-lead", key="stranger")
    attempt(room, change, "not enrolled for storage-lead", key="data-owner")


def test_a_signature_for_another_purpose_or_another_text_does_not_count(room: Room, change: str) -> None:
    attempt(room, change, "was made for 'file', not for", namespace="file")
    lead = room.who("storage-lead")
    one, two = (room.control.statement(lead, change, "storage", "approve") for _ in range(2))
    signature = room.sign(one, "storage-lead")
    refused(
        room,
        change,
        lambda: room.control.approve(lead, change, seat="storage", statement=two, signature=signature),
        "does not fit the statement",
    )


@pytest.mark.parametrize(
    "spoil", [lambda text: "", lambda text: " " + text, lambda text: text + "\n", lambda text: "{}"]
)
def test_a_text_that_is_not_exactly_a_statement_does_not_count(
    room: Room, change: str, spoil: Callable[[str], str]
) -> None:
    lead = room.who("storage-lead")
    text = spoil(room.control.statement(lead, change, "storage", "approve"))
    signature = room.sign(text, "storage-lead")
    refused(
        room,
        change,
        lambda: room.control.approve(lead, change, seat="storage", statement=text, signature=signature),
        "cannot be used",
    )


def test_a_statement_that_lost_its_signature_is_not_taken_for_a_session(room: Room, change: str) -> None:
    lead = room.who("storage-lead")
    text = room.control.statement(lead, change, "storage", "approve")
    refused(room, change, lambda: room.control.approve(lead, change, seat="storage", statement=text), "cannot be used")


def test_who_may_not_sit_gets_no_statement_and_signs_nothing(room: Room, change: str) -> None:
    for name, seat, why in (
        ("storage-engineer", "storage", "requester"),
        ("contractor", "storage", "contractor"),
        ("auditor", "storage", "does not hold"),
        ("storage-lead", "data-owner", "does not hold"),
        ("storage-lead", "backup-owner", "asks for no seat"),
    ):
        person = room.who(name)
        with pytest.raises(Refused, match=why):
            room.control.statement(person, change, seat, "approve")
    for seat in ("king", ""):
        with pytest.raises(BadInput, match="there is no seat"):
            room.control.statement(room.who("storage-lead"), change, seat, "approve")


def test_good_signatures_fill_the_seats_and_nothing_counts_twice(room: Room) -> None:
    change = room.checked()
    lead = room.who("storage-lead")
    text = room.control.statement(lead, change, "storage", "approve")
    signature = room.sign(text, "storage-lead")
    view = room.control.approve(lead, change, seat="storage", reason="read it", statement=text, signature=signature)
    seat = next(seat for seat in view["seats"] if seat["seat"] == "storage")
    assert (seat["state"], seat["approver"], seat["method"]) == ("filled", "storage-lead", "ssh")
    kept = room.entries(change)[-1]
    assert kept.kind == "approval.signed"
    assert (kept.data["statement"], kept.data["signature"]) == (text, signature)
    assert kept.data["key"] in lead.keys
    assert Statement(**json.loads(text)).nonce == read_statement(text).nonce

    def again() -> object:
        return room.control.approve(lead, change, seat="storage", statement=text, signature=signature)

    refused(room, change, again, "on record already")
    fresh = read_statement(text)
    attempt(room, change, "filled by storage-lead", text=replace(fresh, nonce="0" * 32).text())
    with pytest.raises(Refused, match="missing for data-owner"):
        room.control.start(room.who("performer"), change)
    view = room.approve(change, "data-owner", "data-owner")
    assert view["next"] == "All seats are filled; a performer can start it in its window."


def test_a_denial_by_session_closes_and_later_attempts_belong_to_no_change(room: Room) -> None:
    change = room.checked()
    owner, lead = room.who("data-owner"), room.who("storage-lead")
    with pytest.raises(BadInput, match="a reason is needed"):
        room.control.deny(owner, change, seat="data-owner", reason=" ")
    text = room.control.statement(lead, change, "storage", "approve")
    view = room.control.deny(owner, change, seat="data-owner", reason="not this week")
    assert (view["state"], view["closed"]) == ("denied", "denied")
    whole = len(room.entries(change))
    performer, engineer = room.who("performer"), room.who("storage-engineer")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: room.control.approve(
            lead, change, seat="storage", statement=text, signature=room.sign(text, "storage-lead")
        ),
        lambda: room.control.start(performer, change),
        lambda: room.control.check(engineer, change),
        lambda: room.control.hold(performer, change, "smoke"),
        lambda: room.control.resume(performer, change, "no smoke"),
        lambda: room.control.back_out(performer, change, "smoke"),
        lambda: room.control.withdraw(engineer, change, "never mind"),
    )
    for late in attempts:
        before = room.control.size()
        with pytest.raises(Refused):
            late()
        last = room.last()
        assert room.control.size() == before + 1
        assert (last.kind, last.change, last.seq) == ("attempt.refused", None, None)
    assert len(room.entries(change)) == whole


def test_a_signed_denial_closes_too_and_says_how_it_was_made(room: Room) -> None:
    change = room.checked()
    lead = room.who("storage-lead")
    text = room.control.statement(lead, change, "storage", "deny")
    signature = room.sign(text, "storage-lead")
    refused(
        room,
        change,
        lambda: room.control.approve(lead, change, seat="storage", statement=text, signature=signature),
        "another decision",
    )
    room.control.deny(lead, change, seat="storage", reason="no", statement=text, signature=signature)
    denied = next(entry for entry in room.entries(change) if entry.kind == "approval.denied")
    assert (denied.data["method"], denied.data["signature"]) == ("ssh", signature)


def test_after_a_check_that_sealed_another_plan_old_signatures_count_no_more(room: Room) -> None:
    """Promise 5: a longer soak is a material difference; who signed has to sign again."""
    change = room.checked()
    room.approve(change, "storage-lead", "storage")
    text = room.control.statement(room.who("data-owner"), change, "data-owner", "approve")
    signature = room.sign(text, "data-owner")
    stage = room.stage
    assert stage.gate is not None
    stage.gate.close()
    path = stage.settings.path
    path.write_text(path.read_text().replace("  soak: 2s  ", "  soak: 3s  "))
    stage.settings = load(path, stage.settings.data)
    stage.open()
    old = room.standing(change).plan_digest

    view = room.control.check(room.who("storage-engineer"), change)

    assert view["plan"]["digest"] != old
    assert [seat["state"] for seat in view["seats"]] == ["empty", "empty"]
    assert view["not_counted"] == [{"who": "storage-lead (storage)", "because": "it was given for another plan"}]
    owner = room.who("data-owner")
    refused(
        room,
        change,
        lambda: room.control.approve(owner, change, seat="data-owner", statement=text, signature=signature),
        "another plan digest",
    )
