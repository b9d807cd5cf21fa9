"""A change whose permits are made by `sangate keyholder run`, a process of its own that alone has the CA key."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.assembly import open_record
from gate.attendance import NAMESPACE as ATTENDED
from gate.cli.sshkey import sign
from gate.keys import public_line
from gate.lifecycle import fold
from tests.stories import replacing
from tests.stories.conftest import quick
from tests.stories.stage import GOOD, PASSWORD, Stage, build

SEATS = {"storage-lead": "storage", "data-owner": "data-owner"}
PINNED = """\
ledger: ["{vkey}"]
socket: {socket}
clients: ["{user}"]
policy: {{seats: [storage, data-owner], waiver_seats: [data-owner, change-manager], approval_lifetime: 72h,
  permit_lifetime: 5m, evidence_max_age: 15m, window_max: 24h}}
approvers:
{approvers}
arrays: [{arrays}]
"""


def asking(text: str) -> str:
    """Signatures only, and permits from the keyholder."""
    text = quick(text).replace("    approvals: session ", "    approvals: signed ")
    text = text.replace("  approvals: session ", "  approvals: signed ")
    return text.replace("  keyholder: ''  ", "  keyholder: keyholder.socket  ")


@pytest.fixture(scope="module")
def keys() -> dict[str, Ed25519PrivateKey]:
    return {name: Ed25519PrivateKey.generate() for name in SEATS}


@pytest.fixture(scope="module")
def stage(keys: dict[str, Ed25519PrivateKey]) -> Iterator[Stage]:
    """A lab that trusts the keyholder's CA; the gate has no CA key at all."""
    made = build(edit=asking)
    try:
        settings = made.settings
        home = settings.data.parent / "keyholder"
        home.mkdir(mode=0o700)
        settings.ca_key.rename(home / "ca")
        ledger = open_record(settings)
        approvers = [
            f'  - {{id: {name}, seats: [{seat}], keys: ["{public_line(keys[name], name)}"]}}'
            for name, seat in SEATS.items()
        ]
        pinned = PINNED.format(
            vkey=ledger.vkey,
            socket=settings.data / "keyholder.socket",
            user=os.getuid(),
            approvers="\n".join(approvers),
            arrays=", ".join(f"{{id: {array.id}}}" for array in settings.config.inventory.arrays),
        )
        (settings.data.parent / "keyholder.yaml").write_text(pinned)
        ledger.close()
        made.open()
        made.ready()
        yield made
    finally:
        made.end()


@contextmanager
def keyholder(stage: Stage) -> Iterator[None]:
    """Run it until the block ends."""
    base = stage.settings.data.parent
    words = ["keyholder", "run", "--config", str(base / "keyholder.yaml"), "--data", str(base / "keyholder")]
    run = [sys.executable, "-c", "from gate.cli.main import main; main()", *words]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("keyholder answers on")
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def approve(stage: Stage, change: str, keys: dict[str, Ed25519PrivateKey]) -> None:
    assert stage.gate is not None
    control = stage.gate.control
    for name, seat in SEATS.items():
        if not stage.gate.people.all()[name].keys:
            control.enrol_key(stage.people[name], public_line(keys[name], name), PASSWORD)
        person = stage.gate.people.all()[name]
        text = control.statement(person, change, seat, "approve")
        control.approve(person, change, seat=seat, statement=text, signature=sign(text, keys[name]))


def test_a_change_waits_for_a_keyholder_that_is_away_and_goes_on_with_its_permits(
    stage: Stage, keys: dict[str, Ed25519PrivateKey]
) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = control.open(people["storage-engineer"], stage.request(GOOD), "change.yaml")["id"]
    control.check(people["storage-engineer"], change)
    approve(stage, change, keys)

    control.start(people["performer"], change)
    stage.wait_for(change, "halted", "held")

    standing = fold(stage.gate.ledger.history(change))
    assert "nothing was sent: the keyholder is away" in standing.question
    assert not any(counts for counts in stage.lab.array_counters().values())
    assert not stage.settings.ca_key.exists()
    with keyholder(stage):
        control.resume(people["performer"], change, "it runs")
        assert stage.wait_for(change, "held", "halted") == "held"
    touched = {name for name, counts in stage.lab.array_counters().items() if sum(counts.values())}
    assert touched == {standing.canary}
    assert Path(stage.settings.data.parent / "keyholder" / "revoked.krl").read_bytes().startswith(b"SSHKRL\n\0")


def _say(stage: Stage, who: str, change: str, word: str, key: Ed25519PrivateKey) -> None:
    assert stage.gate is not None
    control, person = stage.gate.control, stage.gate.people.all()[who]
    text = control.confirmation(person, change, word)
    control.confirm(person, change, word=word, statement=text, signature=sign(text, key, ATTENDED))


def test_a_failed_part_is_replaced_only_while_a_keyholder_agrees_to_each_step_by_hand(
    stage: Stage, keys: dict[str, Ed25519PrivateKey]
) -> None:
    """It makes no certificate for a hand, and yet no hand is asked for that it has not agreed to."""
    assert stage.gate is not None
    control, people, ledger = stage.gate.control, stage.people, stage.gate.ledger
    mine = Ed25519PrivateKey.generate()
    control.enrol_key(people["performer"], public_line(mine, "performer"), PASSWORD)
    stage.lab.fault("east-1", "partner-dead")
    asked = stage.request(**replacing.asked(replacing.replacement(stage, failed=True)))
    change = control.open(people["storage-engineer"], asked, "change.yaml")["id"]
    control.check(people["storage-engineer"], change)
    approve(stage, change, keys)
    control.start(people["performer"], change)
    came = stage.wait_for(change, "halted", "held")
    assert "there is no permit for forward step swap, and nothing was sent: the keyholder is away" in came
    assert "step.intended" not in stage.kinds(change)
    with keyholder(stage):
        control.resume(people["performer"], change, "it runs")
        for hand, value in (("swap", f"{replacing.PART} {replacing.NEW} {replacing.CODE}"), ("let-in", "")):
            replacing.waits(stage, change)
            stage.lab.fault("east-1", hand, value)
            _say(stage, "performer", change, "done", mine)
            _say(stage, "data-owner", change, "seen", keys["data-owner"])
        assert stage.wait_for(change, "held", "halted", seconds=100) == "held"
    history = ledger.history(change)
    assert [entry.data["step"] for entry in history if entry.kind == "step.intended"] == ["swap", "let-in"]
    assert "permit.issued" not in stage.kinds(change)
