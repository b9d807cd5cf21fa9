"""
The keyholder is asked by somebody who has everything that the serving process has, and who is not honest.

That is: the ledger and its signing key, the tables of people, sessions and enrolled keys, the plan and verdict stores,
and any entry that they care to append. What they have not is an approver's key.
"""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import Method
from gate.canonical import utc
from gate.change import Phase, Purpose
from gate.errors import Outside, Refused
from gate.finding import Outcome
from gate.ledger import checkpoint, entry, merkle
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.entry import Actor, Draft
from gate.permits.asking import KeyholderOffice
from gate.policy import ApprovalKind
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger
from tests.cases import SECOND
from tests.engine.histories import APPLY, CANARY, plan
from tests.engine.histories import FORWARD as FORWARD_STEPS
from tests.engine.histories import STAGE as SEND
from tests.keyholder.world import ORIGIN, World, verdict

FORWARD, COMMIT, BACK_OUT = Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT


def begun(world: World, until: int) -> None:
    """Ready, with every mutating step before `until` permitted and done, as by an honest gate."""
    world.ready()
    for number, step in enumerate(world.plan.forward[:until]):
        if step.mutates:
            world.ask(number=number)
            world.intend(FORWARD, number)
        world.ended(FORWARD, number)


def test_what_both_pinned_approvers_signed_is_permitted_once_for_each_key(world: World) -> None:
    world.ready()
    with world.keyholder(), world.memory() as memory:
        permit = world.ask()
        assert permit.array == CANARY
        assert permit.expires <= world.now + timedelta(minutes=5)
        assert [made[0] for made in memory.permits()] == [str(permit.serial)]


def test_without_any_signature_every_entry_that_a_gate_could_write_is_worth_nothing(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="approvals are missing for storage, data-owner"):
        world.ask()


def test_approvals_by_session_do_not_count_whatever_the_gates_own_policy_says(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    for name in ("lead", "owner"):
        world.approve(name, method=Method.SESSION)
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="signatures by enrolled keys only"):
        world.ask()


def test_a_key_that_the_gate_has_enrolled_for_an_approver_is_not_theirs_here(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.approve("owner", key=Ed25519PrivateKey.generate())
    world.started()
    with world.keyholder(), pytest.raises(Refused, match=r"missing for data-owner .*not signed by a key"):
        world.ask()


def test_a_person_whom_the_gate_has_invented_fills_no_seat(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.approve("thief", changed={"seat": "data-owner"})
    world.started()
    with world.keyholder(), pytest.raises(Refused, match=r"missing for data-owner .*nobody of that name"):
        world.ask()


def test_one_person_fills_one_seat_and_only_those_that_are_theirs_here(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.approve("lead", changed={"seat": "data-owner"})
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="missing for data-owner"):
        world.ask()


def test_a_plan_sealed_with_fewer_seats_still_needs_those_that_are_demanded_here(world: World) -> None:
    world.plan = plan(seats=("storage",))
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="missing for data-owner"):
        world.ask()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"plan_digest": f"sha256:{'e' * 64}"}, "another plan"),
        ({"verdict_digest": f"sha256:{'e' * 64}"}, "another verdict"),
        ({"stage": "wave-1"}, "stage wave-1"),
        ({"change": "chg-0002"}, "chg-0002 of gate.example"),
        ({"origin": "another.example"}, "chg-0001 of another.example"),
        ({"decision": "deny"}, "not an approval"),
        ({"expires": "2026-11-22T12:00:00.000000Z"}, "it has expired"),
        ({"expires": "2027-11-22T12:00:00.000000Z"}, "would hold longer"),
    ],
)
def test_an_approval_of_something_else_is_no_approval(world: World, changed: dict[str, str], why: str) -> None:
    """Replayed from another change, plan, stage, ledger, or from long ago: it is truly signed, and not for this."""
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.approve("owner", changed=changed)
    world.started()
    with world.keyholder(), pytest.raises(Refused, match=why):
        world.ask()


def test_another_plan_under_the_approved_digest_is_refused(world: World) -> None:
    """The entry names the approved digest; the plan that is handed over is another one."""
    world.ready()
    world.plan = plan(image_version="6.6.6.6")
    with world.keyholder(), pytest.raises(Refused, match="not the one in force"):
        world.ask()


def test_a_plan_sealed_after_the_signatures_has_none(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approved()
    world.plan = plan(image_version="6.6.6.6")
    world.sealed()
    world.verdict()
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="another plan"):
        world.ask()


def test_a_verdict_that_was_red_when_people_signed_it_is_found_out(world: World) -> None:
    """The entry says that it opened, and people were shown green; their signatures cover what was answered."""
    world.decision = verdict({"backup-isolated": Outcome.FAILED})
    world.opened()
    world.sealed()
    rows = [{**row, "outcome": "passed"} for row in world.decision.rows()]
    world.verdict(opens=True, findings=rows)
    world.approved()
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="does not open: backup-isolated"):
        world.ask()


@pytest.mark.parametrize("array", ["east-1", "west-1"])
def test_no_array_but_the_canary_is_opened_even_with_a_forged_judgement(world: World, array: str) -> None:
    with world.keyholder():
        begun(world, len(world.plan.forward))
        world.add("judgement.given", result="held", because=["so it says"], findings=0)
        world.started(stage="wave-1", array=array)
        for phase in Phase:
            with pytest.raises(Refused, match=r"not possible then|not the plan's canary stage|another"):
                world.ask(phase, 1 if phase is FORWARD else 0, array)


def test_an_array_for_which_nothing_is_pinned_gets_nothing(world: World) -> None:
    world.ready()
    with (
        world.keyholder(arrays=[{"id": "east-1"}]),
        pytest.raises(Refused, match=f"no permits are made here for {CANARY}"),
    ):
        world.ask()


def test_asking_for_another_array_than_the_stages_is_refused(world: World) -> None:
    world.ready()
    with world.keyholder(), pytest.raises(Refused, match=f"that of {CANARY}, not of east-1"):
        world.ask(array="east-1")


@pytest.mark.parametrize(
    ("phase", "number", "kind"), [(BACK_OUT, 0, "back_out"), (COMMIT, 0, "finish"), (FORWARD, APPLY, "finish")]
)
def test_what_needs_no_fresh_approval_needs_a_stage_that_was_begun_here(
    world: World, phase: Phase, number: int, kind: str
) -> None:
    """Forged intents, judgement and answers make it look as if the stage were half done; no permit was ever made."""
    world.opened()
    world.sealed()
    world.verdict()
    world.started()
    for step in range(1, APPLY + 1):
        world.intend(FORWARD, step)
        world.ended(FORWARD, step)
    if phase is FORWARD:
        world.intend(FORWARD, APPLY)
        world.ended(FORWARD, APPLY, "unknown")
    elif phase is COMMIT:
        world.add("judgement.given", result="held", because=["so it says"], findings=0)
    else:
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
    with world.keyholder(), pytest.raises(Refused, match=f"nothing to {kind}"):
        world.ask(phase, number, purpose=Purpose(kind))


def test_finishing_needs_a_permit_for_a_step_that_has_to_be_finished(world: World) -> None:
    """A permit to copy the image is no way to apply it after approvals and window are over."""
    with world.keyholder():
        begun(world, SEND + 1)
        world.intend(FORWARD, APPLY)
        world.ended(FORWARD, APPLY, "unknown")
        with pytest.raises(Refused, match="no permit was made here for a step that has to be finished"):
            world.ask(number=APPLY, purpose=Purpose.FINISH)


def test_nothing_is_committed_before_the_watch_is_over_by_the_keyholders_own_clock(world: World) -> None:
    with world.keyholder():
        begun(world, APPLY + 1)
        world.now += SECOND
        world.ask(number=APPLY + 1, purpose=Purpose.FINISH)
        world.intend(FORWARD, APPLY + 1)
        for number in range(APPLY + 1, len(world.plan.forward)):
            world.ended(FORWARD, number)
        world.add("judgement.given", result="held", because=["so it says"], findings=0)
        world.now += timedelta(seconds=world.plan.thresholds["soak_s"]) - SECOND
        with pytest.raises(Refused, match="not been watched long enough"):
            world.ask(COMMIT, 0, purpose=Purpose.FINISH)
        world.now += SECOND
        assert world.ask(COMMIT, 0, purpose=Purpose.FINISH).array == CANARY


def test_what_has_begun_is_finished_and_backed_out_after_approvals_and_window_are_over(world: World) -> None:
    with world.keyholder():
        begun(world, APPLY + 1)
        world.now += timedelta(days=30)
        world.intend(FORWARD, APPLY)
        assert world.ask(number=APPLY + 1, purpose=Purpose.FINISH).array == CANARY
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        assert world.ask(BACK_OUT, 0, purpose=Purpose.BACK_OUT).array == CANARY


def test_a_history_with_an_entry_left_out_is_another_history(world: World) -> None:
    """The real key signs it, and the hold that was followed before is not in it."""
    world.ready()
    with world.keyholder(), world.memory() as memory:
        world.add("hold.placed", "anybody", reason="smoke")
        with pytest.raises(Refused, match="on hold: smoke"):
            world.ask()
        forked = fork(world, leave_out={"hold.placed"})
        with pytest.raises(Refused, match="keyholder has followed"):
            world.ask(ledger=forked)
        forked.append(Draft("hold.lifted", Actor("person", "performer"), world.plan.change, {"reason": "no smoke"}))
        with pytest.raises(Refused, match="another history"):
            world.ask(ledger=forked)
        assert memory.misfits() == 1
        forked.close()


def test_a_log_of_another_key_is_not_followed(world: World, tmp_path: Path) -> None:
    world.ready()
    other = fork(world, leave_out=set(), key=tmp_path / "other.key")
    with world.keyholder(), pytest.raises(Refused, match=r"no signature of gate.example|is wrong"):
        world.ask(ledger=other)
    other.close()


def test_a_shorter_ledger_is_refused_also_by_a_client_that_does_not_say_so(world: World) -> None:
    world.ready()
    with world.keyholder(), world.memory() as memory:
        world.ask()
        short = fork(world, leave_out={"stage.started"})
        size = memory.head().size
        with KeyholderOffice(world.ledger, world.socket)._talk() as line, pytest.raises(Refused, match="shorter"):
            line.ask({"ask": "head", "checkpoint": short.checkpoint()})
        assert memory.head().size == size
        assert memory.misfits() == 1
        short.close()


def test_a_log_that_no_gate_could_have_written_ends_the_change(world: World) -> None:
    """Bytes made by hand and signed with the real key: one place of the change is taken twice, by another approval."""
    world.ready()
    bodies = list(world.ledger.bodies())
    twice = next(one for one in world.ledger.history(world.plan.change) if one.kind == "approval.signed")
    forged = Draft("hold.lifted", Actor("person", "performer"), world.plan.change, {"reason": "no smoke"})
    bodies.append(entry.body(forged, name="f" * 32, time=utc(world.now), seq=twice.seq))
    root = merkle.root_of(map(merkle.leaf_hash, bodies))
    signed = checkpoint.sign(Checkpoint(ORIGIN, len(bodies), root), keys.load(world.home / "ledger.key", ORIGIN))
    with world.keyholder(), world.memory() as memory:
        with KeyholderOffice(world.ledger, world.socket)._talk() as line:
            line.ask({"ask": "follow", "start": 0, "bodies": [body.decode() for body in bodies]})
            line.ask({"ask": "head", "checkpoint": signed})
        assert memory.head().size == len(bodies)
        assert memory.closed(world.plan.change)
        assert memory.entries(world.plan.change) == ()


def test_a_start_of_what_was_not_open_counts_for_nothing(world: World) -> None:
    world.opened()
    world.sealed()
    world.started()
    world.verdict()
    world.approved()
    with world.keyholder(), pytest.raises(Refused, match=r"stage.started, was not possible then"):
        world.ask()


def test_an_entry_from_the_future_makes_no_evidence_fresh(world: World) -> None:
    world.now += timedelta(hours=1)
    world.ready()
    world.now -= timedelta(hours=1)
    with world.keyholder(), pytest.raises(Refused, match=r"entry [0-9]+ lies in the future"):
        world.ask()


def test_old_evidence_and_a_closed_window_refuse_by_the_keyholders_clock(world: World) -> None:
    world.ready()
    with world.keyholder():
        world.now += timedelta(minutes=15) + SECOND
        with pytest.raises(Refused, match="too old"):
            world.ask()


def test_a_window_longer_than_the_keyholder_allows_is_none(world: World) -> None:
    world.ready()
    with world.keyholder(policy={"window_max": "1h"}), pytest.raises(Refused, match="window is longer"):
        world.ask()


def test_the_requester_and_the_approvers_do_not_perform(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approved()
    world.started(by="lead")
    with world.keyholder(), pytest.raises(Refused, match="performer does not approve"):
        world.ask()


def test_the_requester_performs_nothing(world: World) -> None:
    world.opened(by="performer")
    world.sealed()
    world.verdict()
    world.approved()
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="requester does not perform"):
        world.ask()


def test_the_requester_does_not_approve_their_own_change(world: World) -> None:
    world.opened(by="lead")
    world.sealed()
    world.verdict()
    world.approved()
    world.started()
    with world.keyholder(), pytest.raises(Refused, match="the requester does not approve their own change"):
        world.ask()


def test_an_ended_change_stays_ended(world: World) -> None:
    world.ready()
    with world.keyholder(), world.memory() as memory:
        world.ask()
        world.add("change.closed", outcome="left halted")
        with pytest.raises(Refused, match="has ended"):
            world.ask()
        assert memory.entries(world.plan.change) == ()


def test_a_second_change_does_not_begin_on_an_array_where_one_is_under_way(world: World) -> None:
    with world.keyholder():
        begun(world, SEND + 1)
        world.plan = plan(change="chg-0002")
        world.ready()
        with pytest.raises(Refused, match="chg-0001 has begun on east-2 and has not ended"):
            world.ask()


def test_the_administrators_hold_lets_nothing_begin_and_what_has_begun_be_backed_out(world: World) -> None:
    with world.keyholder(), world.memory() as memory:
        begun(world, SEND + 1)
        memory.set_hold("the gate's host is being looked at")
        with pytest.raises(Refused, match="lets nothing begin: the gate's host"):
            world.ask(number=SEND + 1)
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        assert world.ask(BACK_OUT, 0, purpose=Purpose.BACK_OUT).array == CANARY


def test_one_step_gets_so_many_permits_and_no_more(world: World) -> None:
    world.ready()
    with world.keyholder():
        for _ in range(10):
            world.ask()
        with pytest.raises(Refused, match="10 permits were made for forward step"):
            world.ask()


def test_a_step_that_changes_nothing_or_is_not_there_needs_no_permit(world: World) -> None:
    world.ready()
    with world.keyholder():
        for number in (0, len(world.plan.forward), 99):
            with pytest.raises(Refused, match="changes nothing"):
                world.ask(number=number)


def test_what_people_do_by_hand_is_let_begin_without_a_permit_and_can_be_backed_out(world: World) -> None:
    attended = (replace(FORWARD_STEPS[SEND], attended="vendor"), *FORWARD_STEPS[SEND + 1 :])
    world.plan = plan(forward=(FORWARD_STEPS[0], *attended))
    world.ready()
    with world.keyholder():
        world.attend(SEND)
        with pytest.raises(Outside, match="what is no certificate"):
            world.ask(number=SEND)
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        assert world.ask(BACK_OUT, 0, purpose=Purpose.BACK_OUT).array == CANARY


def test_a_plan_of_another_gate_is_refused(world: World) -> None:
    world.plan = plan(origin="test.example")
    world.ready()
    with world.keyholder(), pytest.raises(Refused, match=r"plan is of the ledger test.example"):
        world.ask()


@pytest.mark.parametrize(
    "changed",
    [
        {"stages": ()},
        {"window_opens": "soon"},
        {"window_opens": "2026-11-22T11:00:00"},
        {"seats": ("everybody",)},
        {"kind": "magic"},
        {"forward": ()},
    ],
)
def test_a_plan_of_another_shape_is_refused_and_the_keyholder_goes_on(world: World, changed: dict[str, Any]) -> None:
    """Whoever seals plans may seal anything, and have it signed by somebody who does not look."""
    good = world.plan
    with world.keyholder():
        world.plan = plan(change="chg-0002", **changed)
        world.ready()
        for phase, number in ((FORWARD, SEND), (COMMIT, 0), (BACK_OUT, 0)):
            with pytest.raises(Refused):
                world.ask(phase, number)
        world.plan = good
        world.ready()
        assert world.ask().array == CANARY


def test_sessions_count_only_where_the_keyholders_own_policy_says_so(world: World) -> None:
    world.opened()
    world.sealed()
    world.verdict()
    world.approve("lead")
    world.approve("owner", method=Method.SESSION)
    world.started()
    with world.keyholder(policy={"approvals": ApprovalKind.SESSION.value}):
        assert world.ask().array == CANARY


def fork(world: World, *, leave_out: set[str], key: Path | None = None) -> Ledger:
    """Make a ledger with the real key, or another one, that has all entries but those left out."""
    home = world.home / f"fork-{len(list(world.home.iterdir()))}"
    home.mkdir()
    if key is None:
        shutil.copy2(world.home / "ledger.key", home / "ledger.key")
    else:
        keys.create(home / "ledger.key", ORIGIN)
    made = open_ledger(
        home / "ledger.db", signer=keys.load(home / "ledger.key", ORIGIN), clock=world.clock, blobs=world.home / "blobs"
    )
    for one in world.ledger.entries():
        if one.kind not in leave_out and not one.kind.startswith("log."):
            made.append(Draft(one.kind, one.actor, one.change, one.data, one.blobs))
    return made
