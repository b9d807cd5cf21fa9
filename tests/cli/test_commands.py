import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gate.ledger.note import read_vkey
from tests.api.conftest import CHANGE
from tests.cli.conftest import PASSWORD, Served, Typed
from tests.parts import need

RESTORE_PLAN = """\
restore_plan:
  tiers:
    - {items: [sidekick], rto: 4h}
  tools: [restore-desk]
"""


@pytest.fixture
def change(engineer: Typed, tmp_path: Path) -> str:
    file = tmp_path / "change.yaml"
    file.write_text(CHANGE + RESTORE_PLAN)
    return str(json.loads(engineer("change", "open", file, "--json").stdout)["id"])


def view_of(sangate: Typed, change: str) -> Any:
    return json.loads(sangate("change", "show", change, "--json").stdout)


def test_a_check_that_only_could_not_find_out_is_exit_3_with_a_way_to_find_out(engineer: Typed, change: str) -> None:
    """No device of this fleet answers; nothing was found to be wrong."""
    result = engineer("change", "check", change)
    assert result.exit_code == 3
    assert "way out: What was not found out counts as no." in result.stdout
    assert "\x1b" not in result.stdout
    marks = [line[:3] for line in result.stdout.splitlines() if line[:3] in ("ok ", "?  ", "NO ")]
    assert marks.index("?  ") > max(at for at, mark in enumerate(marks) if mark == "ok ")
    told = engineer("change", "check", change, "--json")
    assert told.exit_code == 3
    assert json.loads(told.stdout)["state"] == "refused"


def test_a_start_before_anything_is_approved_is_exit_1(engineer: Typed, change: str) -> None:
    result = engineer("change", "start", change)
    assert result.exit_code == 1
    assert result.stdout == ""


def test_a_change_is_held_and_withdrawn_but_not_resumed_by_its_requester(engineer: Typed, change: str) -> None:
    assert engineer("change", "hold", change).exit_code == 2
    assert engineer("change", "hold", change, "--reason", "wait").exit_code == 0
    assert "(on hold)" in engineer("change", "list").stdout
    refused = engineer("change", "resume", change, "--reason", "go on")
    assert refused.exit_code == 1
    assert "requester" in refused.stderr
    result = engineer("change", "withdraw", change, "--reason", "not now")
    assert result.exit_code == 0
    assert view_of(engineer, change)["state"] == "withdrawn"
    assert engineer("change", "back-out", change, "--reason", "too late").exit_code == 1


def test_a_change_that_is_not_there_is_bad_input(engineer: Typed) -> None:
    for change in ("chg-9999", "../me", "x y"):
        result = engineer("change", "show", change)
        assert result.exit_code == 2
        assert "there is no" in result.stderr or "nothing at this address" in result.stderr


def test_a_decision_without_a_key_points_to_the_key_and_the_page(lead: Typed) -> None:
    result = lead("change", "approve", "chg-0001", "--seat", "storage")
    assert result.exit_code == 1
    assert "--key" in result.stderr
    assert "on the page http" in result.stderr


def test_the_record_is_shown_exported_and_verified(engineer: Typed, change: str, tmp_path: Path) -> None:
    assert change in engineer("ledger", "show", "--change", change).stdout
    assert engineer("ledger", "checkpoint").stdout.startswith("sangate.example/ledger/1\n")
    log, pack = tmp_path / "log.jsonl", tmp_path / "pack.zip"
    refused = engineer("ledger", "export", "--out", log)
    assert refused.exit_code == 1
    assert "only auditors, administrators and holders of a seat" in refused.stderr
    assert not log.exists()
    assert engineer("ledger", "export", "--local", "--out", log).exit_code == 0
    verified = engineer("ledger", "verify", log)
    assert verified.exit_code == 0, verified.output
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    altered = engineer("ledger", "verify", log)
    assert altered.exit_code == 1
    assert "WRONG" in altered.stdout.upper()
    assert engineer("ledger", "verify", tmp_path / "none.jsonl").exit_code == 3
    engineer("change", "withdraw", change, "--reason", "it is only a test")
    assert engineer("ledger", "pack", change, "--out", pack).exit_code == 0
    assert engineer("ledger", "verify", pack).exit_code == 0


def test_the_data_directory_can_be_read_without_a_server(engineer: Typed, change: str) -> None:
    nowhere = "http://127.0.0.1:1"
    assert change in engineer("change", "list", "--local", server=nowhere).stdout
    assert change in engineer("change", "show", change, "--local", server=nowhere).stdout
    assert engineer("ledger", "checkpoint", "--local", server=nowhere).exit_code == 0


def test_an_old_ledger_put_back_is_still_exported(sangate: Typed, served: Served, tmp_path: Path) -> None:
    config, nowhere = tmp_path / "config.yaml", "http://127.0.0.1:1"
    config.write_text(served.config.read_text())
    sangate("user", "add", "owner", "--password-file", "-", stdin=PASSWORD + "\n", config=config)
    out = ("ledger", "export", "--local", "--out")
    made = sangate(*out, tmp_path / "whole", config=config, server=nowhere)
    assert made.exit_code == 0, made.output
    assert sangate("ledger", "verify", tmp_path / "whole.jsonl").exit_code == 0
    (seen,) = (tmp_path / "data" / "keys").glob("*.seen")
    size, _, digest = seen.read_text().partition(" ")
    seen.write_text(f"{int(size) + 5:020} {digest}")
    behind = sangate(*out, tmp_path / "behind", config=config, server=nowhere)
    assert behind.exit_code == 0, behind.output
    assert (tmp_path / "behind.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_the_lists_are_the_same_after_they_are_made_again(engineer: Typed, change: str) -> None:
    before = json.loads(engineer("change", "list", "--json").stdout)
    assert "changes read again" in engineer("ledger", "rebuild").stdout
    assert json.loads(engineer("change", "list", "--json").stdout) == before
    assert change in {row["id"] for row in before}


def test_people_are_added_at_the_machine_and_passwords_are_read_never_given(sangate: Typed) -> None:
    words = ("user", "add", "owner", "--seat", "data-owner", "--password-file", "-")
    assert sangate(*words, stdin=PASSWORD + "\n").exit_code == 0
    assert sangate(*words, stdin=PASSWORD + "\n").exit_code == 2
    assert sangate("user", "add", "short", "--password-file", "-", stdin="short\n").exit_code == 2
    assert sangate("user", "add", "x", "--seat", "throne", "--password-file", "-").exit_code == 2
    people = {one["id"]: one for one in json.loads(sangate("user", "list", "--json").stdout)}
    assert people["owner"]["seats"] == ["data-owner"]
    assert "short" not in people


def test_a_private_key_is_never_sent(lead: Typed, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    result = lead("key", "enrol", file, "--password-file", "-", stdin=PASSWORD + "\n")
    assert result.exit_code == 2
    assert "private key" in result.stderr
    file.write_text("ssh-rsa AAAA somebody\n")
    assert lead("key", "enrol", file, "--password-file", "-", stdin=PASSWORD + "\n").exit_code == 2


def test_a_key_is_enrolled_once(lead: Typed, tmp_path: Path) -> None:
    command = [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")]
    subprocess.run(command, check=True)
    words = ("key", "enrol", tmp_path / "id.pub", "--password-file", "-")
    assert lead(*words, stdin="another password\n").exit_code == 1
    result = lead(*words, stdin=PASSWORD + "\n")
    assert result.stdout.startswith("enrolled SHA256:")
    assert lead(*words, stdin=PASSWORD + "\n").exit_code == 2


def test_a_report_that_no_pinned_reporter_signed_is_refused(engineer: Typed, tmp_path: Path) -> None:
    subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "report.json").write_text("{}")
    pushed = ("evidence", "report", str(tmp_path / "report.json"), "--protection", "sidekick-nightly")
    refused = engineer(*pushed, "--key", str(tmp_path / "key"))
    assert refused.exit_code == 1
    assert "not among the reporters of sidekick-nightly" in refused.stderr
    assert engineer(*pushed).exit_code == 2  # no signature beside it
    assert json.loads(engineer("evidence", "schema").stdout)["title"] == "ReportForm"


def test_evidence_of_what_is_not_there_is_bad_input(engineer: Typed) -> None:
    assert "sidekick" in engineer("evidence", "show").stdout
    assert engineer("evidence", "rehearse", "nothing").exit_code == 2


def test_what_the_inventory_needs_and_lacks_is_told(sangate: Typed) -> None:
    result = sangate("inventory", "check")
    assert result.exit_code == 3
    assert "no host key is pinned for east-1" in result.stdout
    assert "east-1" in sangate("inventory", "show").stdout


def test_what_a_new_place_misses_are_its_pins(sangate: Typed, served: Served, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_bytes(served.config.read_bytes())
    result = sangate("inventory", "check", config=config)
    assert result.exit_code == 3, result.output
    assert "no host key is pinned for east-1" in result.stdout


def test_no_lab_is_told(sangate: Typed) -> None:
    result = sangate("lab", "status")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1] == "hint: sangate lab up starts one"
    assert sangate("lab", "down").exit_code == 0
    assert sangate("lab", "up", "--fault", "nonsense").exit_code == 2


def test_the_lab_replaces_no_pins_that_are_not_its_own(sangate: Typed, served: Served, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(served.config.read_text())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "known_hosts").write_text("array.example.com ssh-ed25519 AAAA\n")
    result = sangate("lab", "up", config=config)
    assert result.exit_code == 2
    assert "these pins are not the lab's" in result.stderr


def test_an_empty_data_directory_is_enough_to_begin(sangate: Typed, served: Served, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(served.config.read_text())
    keys = sangate("inventory", "keys", config=config)
    assert keys.exit_code == 0
    assert keys.stdout.count("ssh-ed25519 ") == 3
    ledger = read_vkey(next(line for line in keys.stdout.splitlines() if line.startswith("sangate.example/ledger/1+")))
    assert sangate("inventory", "keys", config=config).stdout == keys.stdout
    words = ("user", "add", "first", "--role", "admin", "--password-file", "-")
    assert sangate(*words, stdin=PASSWORD + "\n", config=config).exit_code == 0
    assert (tmp_path / "data" / "keys").stat().st_mode & 0o777 == 0o700
    assert json.loads(sangate("ledger", "show", "--local", "--json", config=config).stdout)[0]["data"]["key"] == str(
        ledger
    )
