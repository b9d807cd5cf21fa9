"""The array under another copy may be changed only after the data, and only once the copy relied on is proven anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.change import Stage
from gate.checks import backup_isolated
from gate.checks.case import at_risk
from gate.finding import Finding, Outcome
from tests.cases import (
    DATA_LUN,
    NOON,
    SECOND,
    VAULT_LUN,
    backups,
    bucket,
    case,
    evidence,
    fleet,
    leaf,
    plan,
    protection,
    request,
    run,
    trace,
    verification,
)

TARGETS = ("east-1", "east-2", "west-1")
KEPT = replace(run(), finished_at=NOON - timedelta(hours=2))
READ = verification(protection="offsite", place=bucket().place)
GOOD = evidence(
    repositories={"nightly": trace("west-1", VAULT_LUN, host="bk-1", path="/backup"), "offsite": bucket()},
    backups={"nightly": backups(runs=(KEPT,)), "offsite": backups("offsite")},
    verifications=(READ,),
)
"""The nightly lies on west-1, which is a target itself; the offsite copy is relied on, and was read an hour ago."""


def stages(*named: str) -> Any:
    return plan(stages=tuple(Stage(f"stage-{number}", (name,)) for number, name in enumerate(named)))


LATER = stages("east-2", "east-1", "west-1")


def answer(sealed: Any = LATER, **told: Any) -> Finding:
    reason = "" if sealed else "no canary"
    return backup_isolated.check(case(replace(GOOD, **told), plan=sealed, no_plan=reason, request=request(TARGETS)))


def test_in_a_later_stage_and_after_a_newer_proof_elsewhere_it_passes() -> None:
    found: Any = answer()
    assert found.outcome is Outcome.PASSED
    assert found.relied_on["sidekick"]["protection"] == "offsite"


def test_of_a_mirror_both_halves_must_have_been_changed_before() -> None:
    two = trace("east-1", DATA_LUN, leaves=(leaf("east-1", DATA_LUN), leaf("east-2", "60ee")))
    told = evidence(
        datasets={"sidekick": two}, repositories=GOOD.repositories, backups=GOOD.backups, verifications=(READ,)
    )
    for order, outcome in (
        (("east-1", "west-1", "east-2"), Outcome.FAILED),
        (("east-1", "east-2", "west-1"), Outcome.PASSED),
    ):
        asked = case(told, plan=stages(*order), request=request(TARGETS))
        assert backup_isolated.check(asked).outcome is outcome


def test_it_holds_as_long_as_the_older_of_the_two_traces() -> None:
    for kind, name in (("datasets", "sidekick"), ("repositories", "offsite")):
        traces = getattr(GOOD, kind)
        given: dict[str, Any] = {kind: {**traces, name: replace(traces[name], at=NOON - timedelta(minutes=5))}}
        assert answer(**given).valid_until == NOON + timedelta(minutes=10)


@pytest.mark.parametrize(
    "sealed",
    [
        stages("east-2", "west-1", "east-1"),
        plan(stages=(Stage("canary", ("east-2",)), Stage("wave-1", ("east-1", "west-1")))),
        stages("east-2", "east-1"),
        stages("east-1", "east-2"),
        stages("east-2", "west-1"),
        None,
    ],
    ids=[
        "earlier",
        "together",
        "the copy in no stage",
        "data first, the copy in none",
        "the data in no stage",
        "no plan",
    ],
)
def test_in_any_other_stage_it_refuses_by_name(sealed: Any) -> None:
    found = answer(sealed)
    assert found.outcome is Outcome.FAILED
    assert "west-1, on which the copy nightly lies, is not changed in a later stage than the data" in found.because


MADE_LATER = backups(runs=(replace(run(), finished_at=READ.at + SECOND), KEPT))
MADE_AT = backups(runs=(replace(run(), finished_at=READ.at), KEPT))
EARLY = replace(READ, at=NOON - timedelta(hours=3))


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"backups": {**GOOD.backups, "nightly": MADE_AT}}, Outcome.PASSED),
        ({"backups": {**GOOD.backups, "nightly": MADE_LATER}}, Outcome.FAILED),
        ({"backups": {**GOOD.backups, "nightly": backups(runs=(KEPT,), problem="locked")}}, Outcome.FAILED),
        ({"backups": {"offsite": GOOD.backups["offsite"]}}, Outcome.FAILED),
        ({"verifications": ()}, Outcome.FAILED),
        ({"verifications": (replace(READ, passed=False),)}, Outcome.FAILED),
        ({"verifications": (replace(READ, complete=False),)}, Outcome.FAILED),
        ({"verifications": (replace(READ, level="V3"),)}, Outcome.FAILED),
        ({"verifications": (replace(READ, place="elsewhere"),)}, Outcome.FAILED),
        ({"verifications": (EARLY, READ)}, Outcome.PASSED),
        ({"verifications": (EARLY,)}, Outcome.FAILED),
    ],
)
def test_only_a_full_read_since_that_copys_newest_backup_is_a_newer_proof(
    told: dict[str, Any], outcome: Outcome
) -> None:
    found = answer(**told)
    assert found.outcome is outcome
    if outcome is Outcome.FAILED:
        assert "west-1 holds the copy nightly, and offsite was not read in full since" in found.because


def test_a_copy_on_the_datas_own_array_is_no_more_at_risk_than_the_data() -> None:
    beside = {"nightly": trace("east-1", VAULT_LUN, host="bk-1", path="/backup"), "offsite": bucket()}
    told = evidence(repositories=beside, backups=GOOD.backups, verifications=(READ,))
    asked = case(told, plan=stages("east-2", "east-1"), request=request(TARGETS))
    assert backup_isolated.check(asked).outcome is Outcome.PASSED


def test_a_dataset_that_nothing_protects_relies_on_no_copy_and_lies_apart_from_none() -> None:
    bare, kept = (at_risk(case(inventory=fleet(protections=one)))[0] for one in ((), (protection(),)))
    assert (bare.protection, bare.isolation) == (None, None)
    assert kept.copy is not None
    assert (kept.protection, kept.isolation) == (protection(), kept.copy.isolation)
