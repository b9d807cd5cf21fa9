"""A contractor's permit is asked for by somebody who has all of the serving process, and no escort's key."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import Json, utc
from gate.change import Phase
from gate.cli.sshkey import sign
from gate.errors import Refused
from gate.escort import NAMESPACE, Go
from gate.keyholder.memory import GOES, TABLES, TAKEN, Memory
from gate.keys import public_line
from gate.permits.asking import KeyholderOffice
from gate.permits.office import SKEW
from tests.engine.histories import CANARY, CONTRACTED, ESCORTED, STAGE, plan
from tests.keyholder.world import World

HELD_BY = "lead"
"""Who says go unless a test says otherwise: a pinned approver, who holds a seat."""


def contracted(world: World) -> None:
    """Approved, with the contractor's name in the plan, and started by them."""
    world.plan = ESCORTED
    world.ready()


def asks(world: World, number: int = STAGE, attempt: int = 1, ask: str = "ask") -> None:
    step = world.plan.forward[number]
    data: dict[str, Json] = {"command": step.command, "attempt": attempt, "ask": ask, "run": "run"}
    until = utc(world.now + timedelta(minutes=10))
    world.add("escort.asked", **world.named(Phase.FORWARD, number), **data, until=until)


def goes(world: World, key: Ed25519PrivateKey | None = None, method: str = "ssh", **changed: str) -> Go:
    """Enter a go; `key` instead of the person's own."""
    step, named = world.plan.forward[STAGE], world.plan.contractor
    assert named is not None
    made = Go(
        origin=world.plan.origin,
        change=world.plan.change,
        plan_digest=world.plan.digest,
        array=CANARY,
        phase="forward",
        step=step.id,
        number=str(STAGE),
        attempt="1",
        words=step.command,
        contractor=named.person,
        firm=named.firm,
        escort=HELD_BY,
        ask="ask",
        expires=utc(world.now + timedelta(minutes=10)),
        nonce="n",
    )
    made = replace(made, **changed)  # type: ignore[arg-type]  # all but the version are texts
    signature = sign(made.text(), key or world.people[made.escort], NAMESPACE) if method == "ssh" else ""
    said: dict[str, Json] = {"statement": made.text(), "method": method, "signature": signature, "key": ""}
    world.add("escort.go", made.escort, **world.named(Phase.FORWARD, STAGE), **said)
    return made


def test_an_escorts_signed_go_opens_one_permit_and_not_a_second(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world)
    with world.keyholder():
        assert world.ask().array == CANARY
        with pytest.raises(Refused, match="a permit was made for this very go before"):
            world.ask()


def test_without_a_go_no_permit_is_made_whatever_else_is_in_the_ledger(world: World) -> None:
    contracted(world)
    with world.keyholder():
        for _ in range(2):
            with pytest.raises(Refused, match="no escort has said go for forward step stage"):
                world.ask()
            asks(world)


def test_the_escort_cannot_be_left_out_by_leaving_the_contractor_out_of_the_plan(world: World) -> None:
    contracted(world)
    world.plan = plan()
    with world.keyholder(), pytest.raises(Refused, match="not the one in force"):
        world.ask()


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"words": "do something else"}, "another words"),
        ({"array": "west-1"}, "another array"),
        ({"attempt": "2"}, "another attempt"),
        ({"ask": "an earlier one"}, "another ask"),
        ({"plan_digest": "sha256:" + "0" * 64}, "another plan digest"),
        ({"firm": "another firm"}, "another firm"),
        ({"escort": "thief"}, "nobody called thief is known"),
        ({"escort": "performer"}, "nobody called performer is known"),
        ({"escort": "asker"}, "nobody called asker is known"),
        ({"expires": "2026-11-22T12:00:00.000000Z"}, "it has expired"),
    ],
)
def test_a_go_for_anything_else_or_by_anybody_else_opens_nothing(
    world: World, changed: dict[str, str], because: str
) -> None:
    contracted(world)
    asks(world)
    if "expires" in changed:
        changed = {"expires": utc(world.now)}
    goes(world, None, "ssh", **changed)
    with world.keyholder(), pytest.raises(Refused, match=because):
        world.ask()


def test_a_go_signed_with_a_key_that_only_the_gate_has_enrolled_is_forged(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world, key=world.people["thief"])
    with world.keyholder(), pytest.raises(Refused, match="not signed by a key that is enrolled for lead"):
        world.ask()


def test_a_go_by_session_is_the_gates_word_and_counts_only_where_sessions_do(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world, method="session")
    with world.keyholder(), pytest.raises(Refused, match="said in a session"):
        world.ask()


def test_a_go_that_would_hold_for_hours_does_not_count_yet(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world, expires=utc(world.now + timedelta(hours=2)))
    with world.keyholder(), pytest.raises(Refused, match="longer than the keyholder's policy"):
        world.ask()


def test_an_escort_without_a_seat_counts_where_they_are_pinned(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world, escort="asker", key=world.people["manager"])
    asks(world, ask="another")
    world.people["duty"] = Ed25519PrivateKey.generate()
    goes(world, escort="duty", ask="another")
    with world.keyholder(), pytest.raises(Refused, match="nobody called duty"):
        world.ask()
    pinned = [{"id": "duty", "keys": [public_line(world.people["duty"], "duty")]}]
    with world.keyholder(escorts=pinned):
        assert world.ask().array == CANARY


def test_the_same_go_after_a_crash_and_another_asking_opens_nothing(world: World) -> None:
    contracted(world)
    asks(world)
    said = goes(world)
    asks(world, ask="after the restart")
    signature = sign(said.text(), world.people[HELD_BY], NAMESPACE)
    replayed: dict[str, Json] = {"statement": said.text(), "method": "ssh", "signature": signature, "key": ""}
    world.add("escort.go", HELD_BY, **world.named(Phase.FORWARD, STAGE), **replayed)
    with world.keyholder(), pytest.raises(Refused, match="another ask"):
        world.ask()


def test_a_stop_revokes_what_was_made_and_makes_no_more_as_soon_as_it_is_heard_of(world: World) -> None:
    contracted(world)
    asks(world)
    goes(world)
    with world.keyholder(), world.memory() as memory:
        permit = world.ask()
        assert memory.revoked(world.now) == ()
        world.add("escort.stopped", "anybody", contractor="performer", firm="a firm", reason="smoke")
        with pytest.raises(Refused, match="it was stopped by anybody"):
            world.ask()
        assert memory.revoked(world.now) == (permit.serial,)


def test_nothing_goes_forward_outside_of_the_time_box_that_was_signed(world: World) -> None:
    ends = world.now + timedelta(minutes=2)
    world.plan = replace(ESCORTED, contractor=replace(CONTRACTED, not_after=utc(ends)))
    world.ready()
    asks(world)
    goes(world)
    with world.keyholder():
        assert world.ask().expires == ends
        world.now = ends
        asks(world, ask="another")
        goes(world, ask="another")
        with pytest.raises(Refused, match="the time box of performer"):
            world.ask()


def test_a_stage_that_somebody_else_has_started_is_not_the_contractors(world: World) -> None:
    world.plan = ESCORTED
    world.opened()
    world.sealed()
    world.verdict()
    world.approved()
    world.started(by="somebody")
    asks(world)
    goes(world)
    with world.keyholder(), pytest.raises(Refused, match="started by somebody, whom the plan does not name"):
        world.ask()


def test_a_memory_of_the_format_before_there_were_goes_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "keyholder.db"
    with closing(sqlite3.connect(path)) as db:
        for statement in (one for one in TABLES if one not in GOES + TAKEN):
            db.execute(statement)
        db.execute("INSERT INTO head VALUES (1, 0, x'', '')")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    for _ in range(2):
        with closing(Memory(path)) as memory:
            assert memory.head().size == 0
            with memory.turn():
                memory.spend("chg-0001", "a go" if not memory.spent("chg-0001") else "")
            assert memory.spent("chg-0001") == ("a go",)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_change_that_ends_takes_its_permits_along_also_where_the_stop_before_it_is_told_with_it(
    world: World, stopped: bool, together: bool
) -> None:
    contracted(world)
    asks(world)
    goes(world)
    with world.keyholder(), world.memory() as memory:
        permit, office = world.ask(), KeyholderOffice(world.ledger, world.socket, patience_s=30)
        if stopped:
            world.add("escort.stopped", "anybody", contractor="performer", firm="a firm", reason="smoke")
        if not together:
            office.follow()
        world.add("change.withdrawn", "lead", reason="so")
        world.add("change.closed", "lead", outcome="withdrawn")
        office.follow()
        assert memory.revoked(world.now) == (permit.serial,)
        assert memory.closed(world.plan.change)
        assert [row[-1] for row in memory.permits()] == ["stopped" if stopped else "ended"]
    assert permit.serial.to_bytes(8, "big") in (world.home / "keyholder" / "revoked.krl").read_bytes()


def test_a_permit_that_is_over_by_the_keyholders_clock_alone_is_revoked_too(world: World) -> None:
    """An array whose clock is behind would still take it."""
    contracted(world)
    asks(world)
    goes(world)
    with world.keyholder():
        permit = world.ask()
        world.now = permit.expires + SKEW / 2
        world.add("escort.stopped", "anybody", contractor="performer", firm="a firm", reason="smoke")
        KeyholderOffice(world.ledger, world.socket, patience_s=30).follow()
    assert permit.serial.to_bytes(8, "big") in (world.home / "keyholder" / "revoked.krl").read_bytes()
