"""Keys and passwords from the command line: at the gate, and at the machine beside a gate that runs."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.keys import public_line
from gate.sshsig import fingerprint
from tests.cli.conftest import PASSWORD, Served, Typed


def enrolled(typed: Typed, folder: Path) -> str:
    """Enrol a key of whoever is signed in; return its fingerprint."""
    line = public_line(Ed25519PrivateKey.generate(), "spare")
    (folder / "spare.pub").write_text(line + "\n")
    made = typed("key", "enrol", folder / "spare.pub", "--password-file", "-", stdin=PASSWORD + "\n")
    assert made.output == f"enrolled {fingerprint(line)}\n"
    return fingerprint(line)


def state(typed: Typed, key: str) -> str:
    """How a key is listed."""
    (line,) = [line for line in typed("key", "list").output.splitlines() if key in line]
    return line.rpartition("  ")[2]


def test_the_last_key_of_a_seat_is_taken_away_by_its_owner_who_then_signs_in_again(
    lead: Typed, served: Served, tmp_path: Path
) -> None:
    key = enrolled(lead, tmp_path)
    assert state(lead, key) == "counts"
    refused = lead("key", "revoke", key, "--reason", "stolen")
    assert (refused.exit_code != 0, "nobody could sign as storage after it" in refused.stderr) == (True, True)
    assert "--leaves-nobody" in refused.stderr
    taken = lead("key", "revoke", key, "--reason", "stolen", "--leaves-nobody")
    assert taken.exit_code == 0, taken.output
    assert "Nobody can sign as storage now" in taken.output
    assert "sign in again" in lead("key", "list").stderr
    again = lead("login", "lead", "--password-file", "-", stdin=PASSWORD + "\n")
    assert again.exit_code == 0
    assert state(lead, key).endswith("by lead: stolen")
    (row,) = [one for one in json.loads(lead("key", "list", "--json").output) if one["fingerprint"] == key]
    assert (row["counts"], row["reason"], row["person"]) == (False, "stolen", "lead")
    refused = lead("key", "enrol", tmp_path / "spare.pub", "--password-file", "-", stdin=PASSWORD + "\n")
    assert "was revoked, for good" in refused.stderr


def test_at_the_machine_a_key_is_taken_away_beside_the_gate_that_runs(
    engineer: Typed, served: Served, tmp_path: Path
) -> None:
    key = enrolled(engineer, tmp_path)
    taken = engineer("user", "revoke-key", key, "--reason", "left in a train")
    assert taken.exit_code == 0, taken.output
    assert engineer("key", "list").exit_code != 0
    assert engineer("login", "engineer", "--password-file", "-", stdin=PASSWORD + "\n").exit_code == 0
    assert state(engineer, key).endswith("by gate: left in a train")
    twice = engineer("user", "revoke-key", key, "--reason", "again")
    assert "revoked before, by gate" in twice.stderr


def test_another_password_ends_every_sign_in_and_is_an_entry_without_it(sangate: Typed, served: Served) -> None:
    first, second = "the first password", "the second password"
    assert sangate("user", "add", "night-desk", "--password-file", "-", stdin=first + "\n").exit_code == 0
    assert sangate("login", "night-desk", "--password-file", "-", stdin=first + "\n").exit_code == 0
    assert "at least 12" in sangate("user", "password", "night-desk", "--password-file", "-", stdin="short\n").stderr
    assert "no person" in sangate("user", "password", "nobody", "--password-file", "-", stdin=second + "\n").stderr
    assert sangate("key", "list").exit_code == 0
    assert sangate("user", "password", "night-desk", "--password-file", "-", stdin=second + "\n").exit_code == 0
    assert sangate("key", "list").exit_code != 0
    assert sangate("login", "night-desk", "--password-file", "-", stdin=first + "\n").exit_code != 0
    assert sangate("login", "night-desk", "--password-file", "-", stdin=second + "\n").exit_code == 0
    told = [entry for entry in served.ledger.entries() if entry.kind == "password.changed"]
    assert [(entry.actor.id, entry.data) for entry in told] == [("gate", {"person": "night-desk"})]
