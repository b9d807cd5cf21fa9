"""A contractor performs a change: an escort reads every command before it goes, and anybody can stop it at once."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.canonical import Json
from gate.change import Grant, Phase, Purpose
from gate.errors import GateError, Moved, NotSignedIn, Refused
from gate.escort import read_go
from gate.ledger.entry import Actor, Draft, Entry
from gate.lifecycle import fold
from gate.permits.office import Permit, PermitOffice
from gate.person import Person
from gate.ssh.client import connect
from gate.ssh.pins import read_host_keys
from gate.standing import Standing
from tests.stories import replacing
from tests.stories.conftest import quick
from tests.stories.stage import GOOD, PASSWORD, Stage, build, contract

PATIENCE = 90


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A mended installation whose clock a story may put forward."""
    made = build(edit=quick)
    try:
        made.open(now)
        made.ready()
        yield made
    finally:
        made.end()


AHEAD = [timedelta(0)]


def now() -> datetime:
    return datetime.now(UTC) + AHEAD[0]


def standing(stage: Stage, change: str) -> Standing:
    assert stage.gate is not None
    return fold(stage.gate.ledger.history(change))


def until(stage: Stage, change: str, holds: Callable[[Standing], bool]) -> Standing:
    """Wait until something is true of the change."""
    found = standing(stage, change)
    try:
        for _ in stage.rounds(PATIENCE):
            if holds(found := standing(stage, change)):
                break
    except TimeoutError:
        raise AssertionError((found.state, found.hold, found.question, found.asked)) from None
    return found


def asked(stage: Stage, change: str, step: str = "") -> Standing:
    """Wait until a go is asked for, for one step where it is named."""
    assert stage.gate is not None
    desk = stage.gate.control._desk

    def waits(found: Standing) -> bool:
        if found.asked is None or found.asked.go is not None:
            return False
        return not step or desk.sealed_plan(found).steps(found.asked.phase)[found.asked.number].id == step

    return until(stage, change, waits)


def escorted(stage: Stage, change: str, before: str) -> Standing:
    """Say go as the escort to every step before the one named; return once that one waits."""
    assert stage.gate is not None
    desk = stage.gate.control._desk
    while True:
        found = asked(stage, change)
        assert found.asked is not None
        if desk.sealed_plan(found).steps(found.asked.phase)[found.asked.number].id == before:
            return found
        stage.gate.control.go(stage.people["escort"], change, seen=found.asked.ask)


def started(stage: Stage, **changed: str) -> str:
    """A change that names the contractor, approved so and started by them."""
    assert stage.gate is not None
    change = stage.approved(GOOD, contractor="contractor", **changed)
    stage.gate.control.start(person(stage, "contractor"), change)
    return change


def person(stage: Stage, name: str) -> Person:
    assert stage.gate is not None
    return stage.gate.people.get(name)


def entries(stage: Stage, change: str, kind: str) -> list[Entry]:
    assert stage.gate is not None
    return [entry for entry in stage.gate.ledger.history(change) if entry.kind == kind]


def renew(stage: Stage) -> None:
    """The administrator opens the time box anew, as after a stop."""
    assert stage.gate is not None
    stage.gate.control.set_contract("contractor", contract())


def test_who_may_perform_and_be_named_is_decided_before_anything_begins(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    unnamed = stage.approved(GOOD)
    with pytest.raises(Refused, match="the plan names no contractor"):
        control.start(people["contractor"], unnamed)
    control.withdraw(people["storage-engineer"], unnamed, "enough")
    named = stage.approved(GOOD, contractor="contractor")
    plan = control.show(people["auditor"], named)["plan"]["contractor"]
    assert (plan["firm"], plan["name"]) == ("Example Storage Services", "their field engineer")
    with pytest.raises(Refused, match="the plan names contractor of Example Storage Services"):
        control.start(people["performer"], named)
    control.set_contract("contractor", contract(hours=11))
    with pytest.raises(Refused, match="approvals are missing"):
        control.start(person(stage, "contractor"), named)
    control.withdraw(people["storage-engineer"], named, "enough")
    for name in ("performer", "nobody"):
        change = control.open(people["storage-engineer"], stage.request(GOOD, contractor=name), "change.yaml")["id"]
        view = control.check(people["storage-engineer"], change)
        assert view["state"] == "refused"
        assert f"there is no contractor {name}" in view["no_plan"]
    renew(stage)


def test_a_stop_in_mid_command_cuts_the_connection_shuts_the_contractor_out_and_leaves_the_truth(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    token = control.sign_in("contractor", PASSWORD, "token").secret
    change = started(stage)
    escorted(stage, change, "prepare")
    stolen = taken(stage, change)
    assert opens(stage, stolen) == ""
    stage.lab.fault("west-3", "hangs")
    control.go(people["escort"], change)
    until(stage, change, lambda one: any(not mark.outcome for mark in one.marks.values()))
    time.sleep(0.5)
    control.stop(people["data-owner"], change, "that is not what was agreed")
    came = until(stage, change, lambda one: all(mark.outcome for mark in one.marks.values()))
    stage.lab.clear("west-3", "hangs")

    assert came.hold == "stopped by data-owner: that is not what was agreed"
    assert "refused the login" in opens(stage, stolen)  # an hour before its end
    prepared = next(mark for mark in came.marks.values() if mark.outcome == "unknown")
    assert "ended" in prepared.because or "nothing was sent" in prepared.because
    for door in (lambda: control.who(token, "token"), lambda: control.sign_in("contractor", PASSWORD, "session")):
        with pytest.raises(NotSignedIn, match=r"the time box of contractor \(Example Storage Services\) ended"):
            door()
    assert stage.gate.people.get("contractor").shut(datetime.now(UTC))
    looked = until(stage, change, lambda one: all(mark.settled or mark.looked for mark in one.marks.values()))
    assert not looked.question
    with pytest.raises(Refused, match="no step waits for a go"):
        control.go(people["escort"], change)
    control.resume(people["performer"], change, "to see what is refused")
    assert stage.wait_for(change, "halted") == "halted"
    assert "the time box of contractor" in str(entries(stage, change, "change.halted")[-1].data["because"])
    _back(stage, change)


def taken(stage: Stage, change: str) -> Permit:
    """A permit of the gate's own office for the canary, as somebody who has read the gate's memory holds it."""
    assert stage.gate is not None
    ends = datetime.now(UTC) + timedelta(hours=1)
    grant = Grant(change, "canary", "west-3", Purpose.FORWARD, standing(stage, change).plan_digest, ends)
    office = stage.gate.driver._crew.office
    assert isinstance(office, PermitOffice)
    return office.issue(grant, datetime.now(UTC))


def opens(stage: Stage, permit: Permit) -> str:
    """Why the canary does not let that permit in; empty when it does."""
    endpoint = stage.settings.config.inventory.array("west-3").ssh
    pinned = read_host_keys(stage.settings.known_hosts)
    try:
        connect(
            "west-3", endpoint, user="fwadmin", key=permit.key, certificate=permit.certificate, pinned=pinned
        ).close()
    except GateError as error:
        return error.message
    return ""


def _back(stage: Stage, change: str) -> None:
    """People of the house take the canary back; each step of it needs a go too."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    control.back_out(people["performer"], change, "enough")
    for _ in stage.rounds(PATIENCE):
        if (found := standing(stage, change)).closed:
            break
        assert not found.question, found.question
        if found.asked is not None and found.asked.go is None:
            control.go(people["storage-lead"], change, seen=found.asked.ask)
    assert standing(stage, change).closed == "backed out"
    renew(stage)


def test_a_stop_while_the_array_applies_lets_it_end_there_and_sends_nothing_more(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = started(stage)
    waiting = escorted(stage, change, "apply")
    assert waiting.asked is not None
    apply = (Phase.FORWARD, waiting.asked.number)
    updated = (Phase.FORWARD, waiting.asked.number + 1)
    control.go(people["escort"], change)
    until(stage, change, lambda one: bool((sent := one.marks.get(apply)) and sent.outcome))
    control.stop(people["contractor"], change, "smoke")
    found = until(stage, change, lambda one: bool((seen := one.marks.get(updated)) and seen.at))
    assert found.stopped == "contractor"
    assert [entry.data["step"] for entry in entries(stage, change, "step.intended")][-1] == "apply"
    assert {mark.outcome for mark in found.marks.values()} <= {"done", "unknown", ""}
    _back(stage, change)


def test_a_go_that_is_forged_into_the_ledger_opens_nothing(stage: Stage) -> None:
    """What the door would refuse, written past it: the rule reads the statement again, and the change stops."""
    assert stage.gate is not None
    for forged in ({"escort": "contractor"}, {"words": "applysoftware -force"}):
        change = started(stage)
        asked(stage, change)
        honest = read_go(stage.gate.control.go_statement(stage.people["escort"], change))
        made = replace(honest, **forged)  # type: ignore[arg-type]  # both are texts
        said: dict[str, Json] = {"statement": made.text(), "method": "session", "signature": "", "key": ""}
        place: dict[str, Json] = {
            "phase": made.phase,
            "step": made.step,
            "number": int(made.number),
            "array": made.array,
        }
        stage.gate.ledger.append(Draft("escort.go", Actor("person", made.escort), change, {**place, **said}))
        assert stage.wait_for(change, "halted", seconds=PATIENCE) == "halted"
        assert not entries(stage, change, "permit.issued")
        _back(stage, change)


def test_a_gate_that_was_killed_between_go_and_intent_asks_for_another_go(stage: Stage) -> None:
    assert stage.gate is not None
    change = started(stage)
    found = asked(stage, change)
    assert found.asked is not None
    stage.gate.close()
    AHEAD[0] = timedelta(seconds=1)
    gate = stage.open(now)
    again = until(stage, change, lambda one: bool(one.asked and one.asked.ask != (found.asked and found.asked.ask)))
    assert again.asked is not None
    assert again.asked.go is None
    with pytest.raises(Moved):
        gate.control.go(stage.people["escort"], change, seen=found.asked.ask)
    gate.control.stop(stage.people["escort"], change, "enough")
    _back(stage, change)


def test_a_contractor_performs_a_change_with_an_escort_from_start_to_held(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    change = started(stage)
    found = asked(stage, change, "stage")
    assert not entries(stage, change, "permit.issued")
    _wrong_goes(stage, change, found)
    while standing(stage, change).state.value != "held":
        found = until(stage, change, lambda one: one.state.value == "held" or bool(one.asked and not one.asked.go))
        if found.asked is not None:
            control.go(people["escort"], change, seen=found.asked.ask)

    plan = control._desk.sealed_plan(standing(stage, change))
    history = stage.gate.ledger.history(change)
    for at, entry in enumerate(history):
        if entry.kind == "step.intended":
            *_, asks, go, permit = [one.kind for one in history[:at] if one.kind != "attempt.refused"]
            assert (asks, go, permit) == ("escort.asked", "escort.go", "permit.issued")
            said = read_go(str(history[at - 2].data["statement"]))
            step = plan.steps(Phase(str(entry.data["phase"])))[int(str(entry.data["number"]))]
            assert (said.words, said.array, said.attempt) == (step.command, "west-3", "1")
            assert (said.escort, said.firm) == ("escort", "Example Storage Services")
    mutating = sum(step.mutates for phase in (Phase.FORWARD, Phase.COMMIT) for step in plan.steps(phase))
    assert len(entries(stage, change, "escort.go")) == len(entries(stage, change, "step.intended")) == mutating
    _no_credential_by_any_door(stage, change)


def test_a_contractor_replaces_a_part_by_hand_with_a_go_for_each_touch(stage: Stage) -> None:
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    stage.lab.fault("east-1", "partner-dead")
    change = started(stage, **replacing.asked(replacing.replacement(stage, failed=True)))
    put = {"swap": f"{replacing.PART} {replacing.NEW} {replacing.CODE}", "let-in": ""}
    for hand, value in put.items():
        found = asked(stage, change, hand)
        assert control.show(people["auditor"], change)["by_hand"] is None
        assert [one.data["step"] for one in entries(stage, change, "step.intended")].count(hand) == 0
        with pytest.raises(Refused, match="no step is being done by hand"):
            control.confirm(person(stage, "contractor"), change, word="done")
        with pytest.raises(Refused, match="a contractor escorts nobody"):
            control.go(person(stage, "contractor"), change)
        assert found.asked is not None
        control.go(people["escort"], change, seen=found.asked.ask)
        replacing.waits(stage, change)
        stage.lab.fault("east-1", hand, value)
        with pytest.raises(Refused, match="a contractor is not the second pair of eyes"):
            control.confirm(person(stage, "contractor"), change, word="seen")
        control.confirm(person(stage, "contractor"), change, word="done")
        control.confirm(people["data-owner"], change, word="seen")
    until(stage, change, lambda one: one.state.value == "held" or bool(one.question))

    assert standing(stage, change).state.value == "held", standing(stage, change).question
    words = [read_go(str(one.data["statement"])).words for one in entries(stage, change, "escort.go")]
    assert [replacing.NEW in said for said in words] == [True, False]
    assert len(entries(stage, change, "step.intended")) == len(words)
    assert not entries(stage, change, "permit.issued")


def _wrong_goes(stage: Stage, change: str, found: Standing) -> None:
    """Everybody who may not say go, every go that is not for this asking; each refusal is an entry."""
    assert stage.gate is not None
    assert found.asked is not None
    control, people = stage.gate.control, stage.people
    for name, why in (
        ("contractor", "a contractor escorts nobody"),
        ("storage-engineer", "the requester does not escort"),
        ("auditor", "only an escort or the holder of a seat"),
    ):
        with pytest.raises(Refused, match=why):
            control.go(people[name], change, seen=found.asked.ask)
        assert stage.gate.ledger.history(change)[-1].data["who"] == name
    with pytest.raises(Moved, match="another go"):
        control.go(people["escort"], change, seen="an earlier asking")
    with pytest.raises(Refused, match="the signed go cannot be used"):
        control.go(people["escort"], change, statement=control.go_statement(people["escort"], change), signature="x")
    assert standing(stage, change).asked == found.asked


def _no_credential_by_any_door(stage: Stage, change: str) -> None:
    """The contractor is never handed what opens the array: no page of the record, no pack, no entry, no blob has it."""
    assert stage.gate is not None
    control, contractor = stage.gate.control, person(stage, "contractor")
    seen = [json.dumps(control.show(contractor, change)), json.dumps(control.transcript(contractor, change))]
    seen.append(control.recording(contractor, change).decode())
    seen.append(json.dumps(control.entries(contractor, change=change, start=0, limit=1000)))
    with zipfile.ZipFile(io.BytesIO(control.pack(contractor, change))) as pack:
        seen += [pack.read(name).decode("utf-8", "replace") for name in pack.namelist()]
        page = pack.read("index.html").decode()
    seen += [path.read_bytes().decode("latin-1") for path in stage.settings.blobs.rglob("*") if path.is_file()]
    assert "The contractor, and who said go" in page
    assert "their field engineer" in page
    assert "applysoftware -prepare" in page or "-prepare" in page
    for text in seen:
        assert "cert-v01@openssh.com" not in text
        assert "PRIVATE KEY" not in text
    with pytest.raises(Refused, match="a contractor signs nothing"):
        control.enrol_key(contractor, "ssh-ed25519 AAAA", PASSWORD)
    with pytest.raises(Refused, match="only an administrator"):
        control.add_person(contractor, "another", PASSWORD)


def test_an_escort_who_goes_missing_holds_it_and_a_time_box_that_ends_halts_it(stage: Stage) -> None:
    """The last story: its clock is put forward, and no array would take a permit of tomorrow."""
    assert stage.gate is not None
    control, people = stage.gate.control, stage.people
    control.set_contract("contractor", contract(hours=2))
    token = control.sign_in("contractor", PASSWORD, "token").secret
    change = started(stage, targets="[east-1, east-2, east-3, west-1, west-2]")
    first = asked(stage, change).asked
    assert first is not None
    AHEAD[0] = timedelta(minutes=11)
    held = until(stage, change, lambda one: bool(one.hold))
    assert "no escort said go for forward step stage" in held.hold
    assert entries(stage, change, "hold.placed")[-1].actor.type == "gate"
    assert not entries(stage, change, "permit.issued")
    with pytest.raises(GateError, match="no step waits for a go"):
        control.go(people["escort"], change)
    control.resume(people["performer"], change, "the escort is back")
    assert asked(stage, change).asked != first

    AHEAD[0] = timedelta(hours=3)
    assert stage.wait_for(change, "halted", seconds=PATIENCE) == "halted"
    because = str(entries(stage, change, "change.halted")[-1].data["because"])
    assert "the time box of contractor (Example Storage Services) ended" in because
    with pytest.raises(NotSignedIn, match="ended at"):
        control.who(token, "token")
