"""A keyholder obeys the ledger where it takes a key away, whatever its own file has pinned."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.change import Phase, Purpose
from gate.errors import Refused
from gate.keyholder.memory import TABLES, TAKEN, Memory
from gate.keys import public_line
from gate.ledger.entry import Actor, Draft
from gate.sshsig import fingerprint
from tests.engine.histories import CANARY, STAGE
from tests.keyholder.test_escorted import asks, contracted, goes
from tests.keyholder.world import World


def revoke(world: World, who: str, key: Ed25519PrivateKey | None = None) -> str:
    name = fingerprint(public_line(key or world.people[who], who))
    data = {"person": who, "fingerprint": name, "reason": "stolen"}
    world.ledger.append(Draft("key.revoked", Actor("person", "boss"), None, data))
    return name


def test_what_a_key_signed_before_opens_nothing_once_it_was_taken_away_also_after_a_restart(world: World) -> None:
    world.ready()
    with world.keyholder():
        assert world.ask().array == CANARY
        name = revoke(world, "lead")
        with pytest.raises(Refused, match=r"approvals are missing for storage \(lead .*not signed by a key"):
            world.ask()
    with world.keyholder(), world.memory() as memory:
        assert memory.taken_keys() == {name: "lead"}
        with pytest.raises(Refused, match="approvals are missing for storage"):
            world.ask()


def test_what_has_begun_is_finished_and_taken_back_after_the_key_was_taken_away(world: World) -> None:
    world.ready()
    with world.keyholder():
        world.ask()
        revoke(world, "lead")
        world.intend(Phase.FORWARD, STAGE)
        world.add("person.answered", "performer", answer="back-out", step="", reason="a stolen key")
        assert world.ask(Phase.BACK_OUT, 0, purpose=Purpose.BACK_OUT).array == CANARY


def test_a_key_of_nobody_here_that_is_taken_away_hinders_nobody(world: World) -> None:
    world.ready()
    revoke(world, "lead", Ed25519PrivateKey.generate())
    with world.keyholder():
        assert world.ask().array == CANARY


def test_a_go_by_a_key_that_was_taken_away_opens_no_step(world: World) -> None:
    contracted(world)
    asks(world)
    second = world.people["second"] = Ed25519PrivateKey.generate()
    goes(world, escort="second")
    pinned = {"escorts": [{"id": "second", "keys": [public_line(second, "second")]}]}
    with world.keyholder(**pinned):
        revoke(world, "second")
        with pytest.raises(Refused, match="the go is not signed by a key that is enrolled for second"):
            world.ask()


def test_a_memory_of_the_format_before_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "keyholder.db"
    with closing(sqlite3.connect(path)) as db:
        for statement in (one for one in TABLES if one not in TAKEN):
            db.execute(statement)
        db.execute("INSERT INTO head VALUES (1, 0, x'', '')")
        db.execute("PRAGMA user_version = 2")
        db.commit()
    for _ in range(2):
        with closing(Memory(path)) as memory:
            assert memory.taken_keys() == {}
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO taken VALUES ('SHA256:x', 'lead', '')")
        with pytest.raises(sqlite3.IntegrityError, match="never forgets"):
            db.execute("DELETE FROM taken")
