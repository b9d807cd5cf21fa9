"""A verdict that opens by a waiver alone: whose waiver, of which ledger, and for how long is asked here again."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import utc
from gate.checks import RECORDS
from gate.cli.sshkey import sign
from gate.errors import Refused
from gate.finding import Outcome, Waiver
from gate.waiver import NAMESPACE, WaiverStatement
from tests.engine.histories import CANARY
from tests.keyholder.world import DUE, ORIGIN, World, verdict

RED = next(check.name for check in DUE if RECORDS[check.name].waivable)
BY = {"owner": "data-owner", "manager": "change-manager"}
HOURS = timedelta(hours=8)


def waived(
    world: World,
    origin: str = ORIGIN,
    lasting: timedelta = HOURS,
    by: tuple[str, ...] = tuple(BY),
    key: Ed25519PrivateKey | None = None,
    performer: str = "performer",
) -> None:
    """All that a gate enters up to the start; one check is red, and people waive it. `key` instead of their own."""
    until = world.now + lasting
    found = next(one for one in verdict({RED: Outcome.FAILED}).verdict.findings if one.check == RED)
    honoured = Waiver(RED, found.digest, until, tuple((BY[name], name) for name in BY), ("so", "so"))
    world.decision = verdict({RED: Outcome.FAILED}, (honoured,))
    world.opened()
    world.sealed()
    world.verdict(opens=False)
    for person in by:
        text = WaiverStatement(
            origin=origin,
            change=world.plan.change,
            check=RED,
            finding=found.digest,
            seat=BY[person],
            approver=person,
            reason="so",
            expires=utc(until),
            nonce=f"of {person}",
        ).text()
        signature = sign(text, key or world.people[person], NAMESPACE)
        world.add("waiver.signed", person, statement=text, method="ssh", signature=signature)
    # What a gate in other hands writes so that everything after it is possible: the signatures cover other words.
    world.verdict(findings=[{**row, "outcome": "passed"} for row in world.decision.rows()], opens=True)
    world.approved()
    world.started(by=performer)


def test_a_finding_that_both_pinned_seats_waived_here_opens(world: World) -> None:
    waived(world)
    with world.keyholder():
        assert world.ask().array == CANARY


def test_the_waiver_may_hold_as_long_as_the_keyholders_own_policy_says(world: World) -> None:
    waived(world, lasting=timedelta(hours=73))
    with world.keyholder(policy={"waiver_lifetime": "74h"}):
        assert world.ask().array == CANARY


@pytest.mark.parametrize("lasting", [timedelta(hours=73), timedelta(days=3650), timedelta(0)])
def test_one_that_holds_for_years_or_no_more_waives_nothing(world: World, lasting: timedelta) -> None:
    waived(world, lasting=lasting)
    with world.keyholder(), pytest.raises(Refused, match=f"does not open: {RED}"):
        world.ask()


@pytest.mark.parametrize("origin", ["staging.example", "", ORIGIN + "/2"])
def test_one_that_was_signed_for_another_ledger_waives_nothing(world: World, origin: str) -> None:
    waived(world, origin=origin)
    with world.keyholder(), pytest.raises(Refused, match=f"does not open: {RED}"):
        world.ask()


def test_half_of_one_waives_nothing(world: World) -> None:
    waived(world, by=("owner",))
    with world.keyholder(), pytest.raises(Refused, match=f"does not open: {RED}"):
        world.ask()


def test_one_by_another_key_than_the_pinned_waives_nothing(world: World) -> None:
    waived(world, key=world.people["thief"])
    with world.keyholder(), pytest.raises(Refused, match=f"does not open: {RED}"):
        world.ask()


def test_one_that_the_performer_signed_waives_nothing(world: World) -> None:
    waived(world, performer="manager")
    with world.keyholder(), pytest.raises(Refused, match=f"does not open: {RED}"):
        world.ask()
