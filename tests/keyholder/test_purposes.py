"""Each purpose is granted at its moment and refused at every other; the certificate says no more than was signed."""

import re
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from gate.change import Phase, Purpose
from gate.errors import Refused
from gate.permits.asking import KeyholderOffice
from gate.permits.office import PLAN_DIGEST, PURPOSE, STAGE, Permit
from tests.engine.histories import APPLY, CANARY, PREPARE, SWITCH
from tests.engine.histories import STAGE as SEND
from tests.keyholder.world import LIFETIME, World

FROM = ["10.77.9.1", "10.77.0.0/24"]
NARROW = [{"id": CANARY, "exact_words": True, "source_address": FROM}]
FORWARD, COMMIT, BACK_OUT = Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT


def read(permit: Permit) -> SSHCertificate:
    found = load_ssh_public_identity(permit.certificate.encode())
    assert isinstance(found, SSHCertificate)
    found.verify_cert_signature()
    return found


def narrow(world: World, phase: Phase, number: int, purpose: Purpose) -> Permit:
    """Ask for a permit and hold it to exactly what was signed."""
    permit = world.ask(phase, number, purpose=purpose)
    made = read(permit)
    assert made.valid_principals == [CANARY.encode()]
    assert made.extensions == {
        PLAN_DIGEST: world.plan.digest.encode(),
        PURPOSE: purpose.value.encode(),
        STAGE: b"canary",
    }
    words = world.plan.steps(phase)[number].command.encode()
    assert made.critical_options == {b"force-command": words, b"source-address": ",".join(FROM).encode()}
    assert made.valid_before <= (world.now + LIFETIME).timestamp()
    return permit


def refused(world: World, phase: Phase, number: int, why: str) -> None:
    with pytest.raises(Refused, match=why):
        world.ask(phase, number)


def test_each_purpose_has_its_moment_its_order_its_exact_words_and_its_addresses(world: World) -> None:
    world.ready()
    with world.keyholder(arrays=NARROW):
        refused(world, FORWARD, PREPARE, "step stage comes first")
        for number in (SEND, PREPARE, APPLY):
            refused(world, COMMIT, 0, "no commit step belongs there")
            refused(world, BACK_OUT, 0, "no back_out step belongs there")
            narrow(world, FORWARD, number, Purpose.FORWARD)
            world.intend(FORWARD, number)
            world.ended(FORWARD, number)
        narrow(world, FORWARD, SWITCH, Purpose.FINISH)
        world.intend(FORWARD, SWITCH)
        for number in range(SWITCH, len(world.plan.forward)):
            world.ended(FORWARD, number)
        world.add("judgement.given", result="held", because=["it held"], findings=0)
        refused(world, BACK_OUT, 0, "no back_out step belongs there")
        refused(world, COMMIT, 0, "not been watched long enough")
        world.now += timedelta(seconds=world.plan.thresholds["soak_s"])
        narrow(world, COMMIT, 0, Purpose.FINISH)
        refused(world, FORWARD, SEND, "no forward step belongs there")


def test_going_back_has_its_own_purpose_and_ends_going_forward(world: World) -> None:
    world.ready()
    with world.keyholder(arrays=NARROW):
        narrow(world, FORWARD, SEND, Purpose.FORWARD)
        world.intend(FORWARD, SEND)
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        narrow(world, BACK_OUT, 0, Purpose.BACK_OUT)
        refused(world, FORWARD, SEND, "no forward step belongs there")
        refused(world, COMMIT, 0, "no commit step belongs there")


def test_there_is_no_way_back_after_the_point_of_no_return(world: World) -> None:
    world.ready()
    with world.keyholder():
        for number in (SEND, PREPARE, APPLY, SWITCH):
            world.ask(FORWARD, number)
            world.intend(FORWARD, number)
        for number in range(len(world.plan.forward)):
            world.ended(FORWARD, number)
        world.add("judgement.given", result="held", because=["it held"], findings=0)
        world.now += timedelta(seconds=world.plan.thresholds["soak_s"])
        world.ask(COMMIT, 0)
        world.intend(COMMIT, 0)
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        refused(world, BACK_OUT, 0, "no way back|no back_out step belongs there")


def test_a_commit_that_was_let_begin_ends_the_way_back_whatever_the_gate_says_of_it(world: World) -> None:
    """Its intent is left out, or it is said to have been rejected: both are the gate's word."""
    world.ready()
    with world.keyholder():
        for number in (SEND, PREPARE, APPLY, SWITCH):
            world.ask(FORWARD, number)
            world.intend(FORWARD, number)
        for number in range(len(world.plan.forward)):
            world.ended(FORWARD, number)
        world.add("judgement.given", result="held", because=["it held"], findings=0)
        world.now += timedelta(seconds=world.plan.thresholds["soak_s"])
        world.ask(COMMIT, 0)
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        refused(world, BACK_OUT, 0, f"was made here for step {world.plan.commit[0].id}, and after it there is no way")


def test_before_that_commit_the_way_back_is_open_to_the_last(world: World) -> None:
    world.ready()
    with world.keyholder():
        for number in (SEND, PREPARE, APPLY, SWITCH):
            world.ask(FORWARD, number)
            world.intend(FORWARD, number)
        for number in range(len(world.plan.forward)):
            world.ended(FORWARD, number)
        world.add("judgement.given", result="held", because=["it held"], findings=0)
        refused(world, COMMIT, 0, "not been watched long enough")
        world.add("person.answered", "performer", answer="back-out", step="", reason="so")
        assert world.ask(BACK_OUT, 0, purpose=Purpose.BACK_OUT).array == CANARY


def test_a_step_is_taken_in_the_plans_order_also_where_the_gate_says_that_it_was_done(world: World) -> None:
    """Entries are the gate's word: what it says was sent without a permit of this keyholder was not."""
    world.ready()
    for number in (SEND, PREPARE):
        world.intend(FORWARD, number)
        world.ended(FORWARD, number)
    with world.keyholder():
        refused(world, FORWARD, APPLY, "step stage comes first, and no permit was made here for it")
        world.ask(FORWARD, SEND)
        refused(world, FORWARD, APPLY, "step prepare comes first")


def test_what_was_used_and_what_was_revoked_is_on_the_list_and_nothing_else(world: World) -> None:
    world.ready()
    with world.keyholder():
        used, other = world.ask(), world.ask()
        KeyholderOffice(world.ledger, world.socket, patience_s=60).over(used)
        listed = (world.home / "keyholder" / "revoked.krl").read_bytes()
    assert used.serial.to_bytes(8, "big") in listed
    assert other.serial.to_bytes(8, "big") not in listed
    assert not re.search(rb"BEGIN", listed)
    assert datetime.fromtimestamp(read(other).valid_before, tz=world.now.tzinfo) <= world.now + LIFETIME
