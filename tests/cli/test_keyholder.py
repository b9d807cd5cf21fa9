"""`sangate keyholder` as its administrator types it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from gate.keyholder.sealing import open_seal
from gate.keys import public_line
from tests.engine.histories import CANARY
from tests.keyholder.world import World, make

Type = Callable[..., Result]

FILE = """\
ledger: ["{vkey}"]
socket: {home}/socket
clients: ["{user}"]
policy:
  seats: [storage, data-owner]
  waiver_seats: [data-owner, change-manager]
  approval_lifetime: 72h
  permit_lifetime: 5m
  evidence_max_age: 15m
  window_max: 24h
approvers:
  - {{id: lead, seats: [storage], keys: ["{lead}"]}}
  - {{id: owner, seats: [data-owner], keys: ["{owner}"]}}
arrays:
  - {{id: east-1}}
  - {{id: east-2, sealed: true}}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path)


@pytest.fixture
def text(world: World) -> str:
    lead, owner = (public_line(world.people[name], name) for name in ("lead", "owner"))
    return FILE.format(vkey=world.ledger.vkey, home=world.home, user=os.getuid(), lead=lead, owner=owner)


@pytest.fixture
def keyholder(world: World, text: str) -> Type:
    """Type a command for a file and a folder of its own."""
    file = world.home / "keyholder.yaml"
    file.write_text(text)

    def typed(verb: str, *words: str, given: str | None = None) -> Result:
        places = ["--data", str(world.home / "keyholder")]
        if verb in ("run", "ca", "check", "revoke", "seal"):
            places = ["--config", str(file), *(places if verb != "check" else [])]
        return CliRunner().invoke(main, ["keyholder", verb, *words, *places], input=given)

    return typed


def test_a_whole_file_says_what_it_lets_happen(keyholder: Type) -> None:
    result = keyholder("check")
    assert result.exit_code == 0
    assert "seats: storage, data-owner; 2 approvers; approvals: signed" in result.stdout


def test_which_arrays_it_sends_to_itself_is_said_too(keyholder: Type, world: World, text: str) -> None:
    line = " ".join(public_line(world.people["thief"], "").split()[:2])
    (world.home / "keyholder.yaml").write_text(
        text.replace("sealed: true", f"sealed: true, carried: {{host_keys: [{line}]}}")
    )
    result = keyholder("check")
    assert result.exit_code == 0, result.stderr
    assert f"sends the steps itself to {CANARY}: no permit of theirs leaves" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("seats: [data-owner], keys", "seats: [storage], keys", "nobody among the approvers holds the seat data-owner"),
        ("id: owner", "id: lead", '"lead" is there twice'),
        ("sealed: true", "sealed: true, source_address: [west]", "neither an address nor a network"),
        ("clients: [", "clients: [nobody-of-that-name, ", 'no user "nobody-of-that-name"'),
        ("permit_lifetime: 5m", "permit_lifetime: never", "permit_lifetime"),
        ("  window_max: 24h\n", "", "window_max"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    keyholder: Type, world: World, text: str, old: str, new: str, why: str
) -> None:
    assert old in text
    (world.home / "keyholder.yaml").write_text(text.replace(old, new, 1))
    result = keyholder("check")
    assert result.exit_code == 2
    assert why in result.stderr


def test_one_key_in_two_names_is_refused(keyholder: Type, world: World, text: str) -> None:
    """One person would fill two seats."""
    lead, owner = (public_line(world.people[name], name) for name in ("lead", "owner"))
    (world.home / "keyholder.yaml").write_text(text.replace(owner, lead))
    result = keyholder("check")
    assert result.exit_code == 2
    assert "approvers.keys" in result.stderr


def test_the_authority_is_made_once_and_its_private_half_is_nobodys(keyholder: Type, world: World) -> None:
    first, second = keyholder("ca").stdout, keyholder("ca").stdout
    assert first == second
    assert first.startswith("ssh-ed25519 ")
    assert (world.home / "keyholder" / "ca").stat().st_mode & 0o077 == 0


def test_permits_are_listed_and_revoked_and_a_hold_is_placed_and_lifted(keyholder: Type, world: World) -> None:
    world.ready()
    with world.keyholder():
        permit = world.ask()
    world.clock.at = permit.expires  # the command's own clock is later still: nothing of it lives any more
    told = json.loads(keyholder("status", "--json").stdout)
    assert [(one["serial"], one["array"]) for one in told["permits"]] == [(str(permit.serial), CANARY)]
    assert told["followed"] == world.ledger.size()
    assert "0 permits revoked" in keyholder("revoke", str(permit.serial)).stdout
    assert (world.home / "keyholder" / "revoked.krl").read_bytes().startswith(b"SSHKRL\n\0")
    assert keyholder("hold", "smoke in the hall").exit_code == 0
    assert json.loads(keyholder("status", "--json").stdout)["hold"] == "smoke in the hall"
    assert "no hold any more" in keyholder("hold").stdout
    assert "hold: none" in keyholder("status").stdout


def test_bad_words_are_refused(keyholder: Type) -> None:
    for words in (("revoke",), ("revoke", "all"), ("hold", "bell\a"), ("seal", "east-1", "--user", "x")):
        assert keyholder(*words, given="word").exit_code == 2


def test_a_credential_is_sealed_from_standard_input_and_never_shown(keyholder: Type, world: World) -> None:
    result = keyholder("seal", "east-2", "--user", "fwadmin", given="a word for the array\n")
    assert result.exit_code == 0
    assert "a word for" not in result.output
    seal = open_seal(world.home / "keyholder" / "seal")
    with world.memory() as memory:
        box = memory.sealed("east-2")
        assert box is not None
        assert seal.open("east-2", box).password == "a word for the array"
