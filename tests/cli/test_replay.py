"""`sangate change replay` over HTTP: what was said, as it was said; and confirming without a key or a step."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.canonical import Json
from gate.evidence import Reply, ReplyState
from gate.ledger.entry import GATE, Blob, Draft
from gate.transcript import recording
from tests.api.conftest import CHANGE
from tests.cli.conftest import Served, Typed


@pytest.fixture
def change(engineer: Typed, tmp_path: Path) -> str:
    file = tmp_path / "change.yaml"
    file.write_text(CHANGE)
    return str(json.loads(engineer("change", "open", file, "--json").stdout)["id"])


def said(served: Served, change: str, out: bytes) -> None:
    """Enter a step that ended, with its transcript."""
    now = datetime.now(UTC)
    cast = recording(
        f"{change} identify on west-3", [Reply("west-3", "lssystem", ReplyState.ANSWERED, now, now, 0, out)]
    )
    blob = Blob("transcript", served.ledger.put_blob(cast), len(cast))
    step: dict[str, Json] = {"phase": "forward", "step": "identify", "number": 0, "array": "west-3"}
    data: dict[str, Json] = {**step, "outcome": "done", "because": "", "reply": "", "attempt": 1}
    served.ledger.append(Draft("step.ended", GATE, change, data, (blob,)))


def test_what_was_said_is_played_without_what_a_terminal_would_obey(
    engineer: Typed, served: Served, change: str
) -> None:
    said(served, change, b"serial\x1b[2J 42\n")
    played = engineer("change", "replay", change)
    assert played.exit_code == 0
    assert played.stdout.splitlines() == [
        "--- step identify (forward)",
        "west-3> lssystem",
        "serial\\u001b[2J 42",
        "[exit status 0]",
    ]


def test_the_recording_is_written_into_a_file_for_other_players(
    engineer: Typed, served: Served, change: str, tmp_path: Path
) -> None:
    said(served, change, b"ok\n")
    assert engineer("change", "replay", change, "--out", tmp_path / "a.cast").exit_code == 0
    assert json.loads((tmp_path / "a.cast").read_text().splitlines()[0])["version"] == 2
    assert engineer("change", "replay", change, "--out", tmp_path / "none" / "a.cast").exit_code == 2


def test_where_nothing_was_said_it_says_so(engineer: Typed, change: str) -> None:
    played = engineer("change", "replay", change)
    assert (played.exit_code, played.stdout) == (0, "Nothing has been said with an array yet.\n")


def test_a_word_needs_a_key_and_a_step_that_is_done_by_hand(engineer: Typed, change: str, tmp_path: Path) -> None:
    without = engineer("change", "confirm", change, "done")
    assert without.exit_code == 1
    assert "a token signs nothing" in without.stderr
    nothing = engineer("change", "confirm", change, "done", "--key", tmp_path / "id")
    assert nothing.exit_code == 1
    assert "no step is being done by hand" in nothing.stderr
