"""The vendor loads the code by its own means: the gate opens the step, two people confirm it, the array is asked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gate.assembly import now
from gate.change import Grant, Purpose
from gate.engine.next import by_hand
from gate.errors import Refused
from gate.lifecycle import fold
from gate.permits.office import PermitOffice
from gate.settings import load, shipped
from gate.ssh.client import connect
from gate.ssh.pins import read_host_keys
from tests.stories.conftest import quick
from tests.stories.stage import GOOD, Stage, build

APPLY = """  - id: apply
    say: The vendor loads the new code.
    attended: Load {image} onto {array} with the vendor's own tool.
    who: vendor
    finish_first: true
    look:
"""


def by_vendor() -> bytes:
    """The shipped playbook with its apply done by hand."""
    text = shipped("playbooks/storage-virtualize/upgrade.yaml").read_text()
    start = text.index("  - id: apply\n")
    look = text.index("    look:\n", start)
    return (text[:start] + APPLY + text[look + len("    look:\n") :]).encode()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = build(edit=quick)
    try:
        home = made.settings.path.parent
        (home / "playbooks" / "storage-virtualize").mkdir(parents=True)
        (home / "playbooks" / "storage-virtualize" / "vendor.yaml").write_bytes(by_vendor())
        precheck = shipped("playbooks/storage-virtualize/precheck.yaml").read_bytes()
        (home / "playbooks" / "storage-virtualize" / "precheck.yaml").write_bytes(precheck)
        made.settings = load(made.settings.path, made.settings.data)
        made.open()
        made.ready()
        yield made
    finally:
        made.end()


def as_vendor(stage: Stage, command: str) -> None:
    """Do something on the canary past the gate, as a vendor's engineer can."""
    config = stage.settings.config
    office = PermitOffice.open(stage.settings.ca_key, timedelta(minutes=5))
    grant = Grant("chg-9999", "canary", "west-3", Purpose.FORWARD, "sha256:" + "0" * 64, now() + timedelta(minutes=5))
    permit = office.issue(grant, now())
    with connect(
        "west-3",
        config.inventory.array("west-3").ssh,
        user=config.ssh.mutate_user,
        key=permit.key,
        certificate=permit.certificate,
        pinned=read_host_keys(stage.settings.known_hosts),
    ) as session:
        assert session.run(command, deadline_s=10).exit_status == 0


def waits(stage: Stage, change: str) -> str:
    """Wait until a step is done by hand, or the gate asks; return which, and leave it there."""
    assert stage.gate is not None
    for _ in stage.rounds():
        standing = fold(stage.gate.ledger.history(change))
        plan = stage.gate.control._desk.plan(standing)
        if plan is not None and (waiting := by_hand(plan, standing)):
            return waiting[2].id
        if standing.question:
            return standing.question
    raise AssertionError


def test_two_words_alone_make_nothing_done_and_the_array_decides(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    performer, owner = people["performer"], people["data-owner"]
    change = stage.approved(GOOD, playbook="storage-virtualize/vendor")
    before = dict(stage.lab.array_counters()["west-3"])
    control.start(performer, change)
    assert waits(stage, change) == "apply"
    for who, word, by, why in (
        ("storage-engineer", "done", "a field engineer", "the requester"),
        ("auditor", "seen", "", "only a performer or the holder of a seat"),
        ("performer", "done", "", "say who of the vendor did it"),
        ("data-owner", "seen", "somebody", "only the vendor's own person"),
    ):
        with pytest.raises((Refused, ValueError), match=why):
            control.confirm(people[who], change, word=word, by=by)
    control.confirm(owner, change, word="seen")
    with pytest.raises(Refused, match="one person gives one"):
        control.confirm(owner, change, word="done", by="himself")
    control.confirm(performer, change, word="done", by="the vendor's field engineer")
    assert "the array does not show it" in waits(stage, change)
    assert stage.lab.array_counters()["west-3"].get("apply", 0) == before.get("apply", 0)

    image = stage.settings.config.images.allowed[0]
    as_vendor(
        stage,
        f"applysoftware -file {next(one.file for one in stage.settings.config.images.allowed if one.version == GOOD)}",
    )
    assert image is not None
    control.resume(performer, change, "the engineer had not pressed the button yet")
    assert stage.wait_for(change, "held", "halted", seconds=90) == "held"

    history = stage.gate.ledger.history(change)
    told = control.transcript(performer, change)
    assert told["missing"] == []
    spoken = "".join(line["text"] for part in told["parts"] for line in part["lines"])
    assert "west-3> lssystem -delim !\r\n" in spoken
    assert "west-3> scp -t /upgrade < " in spoken
    assert any(entry.kind == "step.told" and "system_" in str(entry.data["facts"]) for entry in history)
    said = [
        (entry.actor.id, entry.data["word"], entry.data["by"]) for entry in history if entry.kind == "step.confirmed"
    ]
    assert said == [("data-owner", "seen", ""), ("performer", "done", "the vendor's field engineer")]
    intended = [entry.data["step"] for entry in history if entry.kind == "step.intended"]
    assert intended.count("apply") == 1
    permits = sum(entry.kind == "permit.issued" for entry in history)
    assert permits == len(intended) - 1


def test_without_a_step_by_hand_there_is_nothing_to_confirm(stage: Stage) -> None:
    assert stage.gate is not None
    change = str(
        stage.gate.control.open(
            stage.people["storage-engineer"], stage.request(playbook="storage-virtualize/vendor"), "change.yaml"
        )["id"]
    )
    with pytest.raises(Refused, match="no step is being done by hand"):
        stage.gate.control.confirm(stage.people["performer"], change, word="done")
    assert stage.gate.ledger.history(change)[-1].kind == "attempt.refused"
