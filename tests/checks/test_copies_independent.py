"""Two copies, each proven by every question about age, reading and rehearsal, and nothing that takes both."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.checks import copies_independent
from gate.checks.proven import proofs
from gate.evidence import Counts, Log
from gate.finding import Finding, Outcome, Weight
from tests.cases import (
    NOON,
    VAULT_LUN,
    backups,
    bucket,
    case,
    dataset,
    evidence,
    fleet,
    policy,
    protection,
    rehearsal,
    run,
    second,
    trace,
    verification,
)


def answer(tier: int = 2, **told: Any) -> Finding:
    return copies_independent.check(case(evidence(**told), inventory=fleet(datasets=(dataset(tier=tier),))))


def newest(**changed: Any) -> dict[str, Any]:
    """The nightly's only run is this one."""
    return {"backups": {"nightly": backups(runs=(replace(run(), **changed),)), "offsite": backups("offsite")}}


def test_two_proven_copies_pass_and_hold_as_long_as_the_first_proof() -> None:
    found = answer()
    assert found.outcome is Outcome.PASSED
    assert "2 of 2 copies are proven" in found.because
    assert found.relied_on["sidekick"] == {"copies": ["nightly", "offsite"], "copies_min": 2, "tier": 2}
    assert found.valid_until == NOON + timedelta(minutes=14)


def test_what_a_copy_was_answered_is_told_once_for_ends_and_for_digests() -> None:
    asked = case()
    copy = asked.copies_of(dataset())[0]
    assert proofs(asked, copy) is proofs(asked, copy)
    assert len(proofs(asked, copy)) == 8


def test_every_proof_of_every_copy_counts_for_how_long_it_holds_and_what_was_read() -> None:
    old = rehearsal(policy().rehearsal_max_age - timedelta(minutes=3), raw=("sha256:restored",))
    found = answer(rehearsals=(rehearsal(), second(lambda **given: replace(old, **given))))
    assert found.outcome is Outcome.PASSED
    assert found.valid_until == NOON + timedelta(minutes=3)
    assert "sha256:restored" in found.evidence


def test_what_follows_the_first_thing_that_a_copy_lacks_is_no_evidence() -> None:
    restored = rehearsal(raw=("sha256:restored",)), second(rehearsal)
    assert "sha256:restored" in answer(rehearsals=restored).evidence
    lost = answer(**newest(error="bad page"), rehearsals=restored)
    assert lost.outcome is Outcome.FAILED
    assert "sha256:restored" not in lost.evidence


AT = NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    ("told", "outcome", "words"),
    [
        (newest(finished_at=NOON - timedelta(hours=25)), Outcome.FAILED, "nightly is not recent"),
        (newest(log=Log.COMPLETE), Outcome.UNKNOWN, "nightly has no recent recovery point"),
        (newest(error="bad page"), Outcome.FAILED, "nightly is not free of errors"),
        ({"verifications": (verification(passed=False), second(verification))}, Outcome.FAILED, "is not verified"),
        ({"verifications": (second(verification),)}, Outcome.UNKNOWN, "nightly is not verified"),
        (
            {"verifications": (verification(counts=Counts("files", 2, 1)), second(verification))},
            Outcome.FAILED,
            "nightly is not counted",
        ),
        ({"rehearsals": (rehearsal(),)}, Outcome.FAILED, "offsite is not rehearsed"),
        (
            {"repositories": {"nightly": trace("nowhere", VAULT_LUN), "offsite": bucket()}},
            Outcome.UNKNOWN,
            "nightly is not isolated",
        ),
        (
            {"repositories": {"nightly": trace("east-1", VAULT_LUN), "offsite": bucket()}},
            Outcome.FAILED,
            "nightly is not isolated",
        ),
    ],
)
def test_what_one_copy_lacks_is_named_and_it_does_not_count(told: dict[str, Any], outcome: Outcome, words: str) -> None:
    found = answer(**told)
    assert found.outcome is outcome
    assert "1 of 2 copies are proven" in found.because
    assert words in found.because
    assert found.valid_until is None


def test_tier_1_blocks_where_less_critical_data_are_for_the_owner_to_sign() -> None:
    lost: dict[str, Any] = {"rehearsals": (rehearsal(timedelta(hours=1)),)}
    assert answer(**lost).weight is None
    assert copies_independent.CHECK.weight is Weight.SIGN
    assert answer(1, **lost).weight is Weight.BLOCK


def test_two_copies_in_one_place_are_one() -> None:
    again = protection("again", repository="/backup/again")
    both = ("nightly", "again")
    told = evidence(
        repositories={name: trace("vault-1", VAULT_LUN, host="bk-1", path="/backup") for name in both},
        backups={name: backups(name) for name in both},
        verifications=tuple(verification(protection=name) for name in both),
        rehearsals=tuple(rehearsal(protection=name) for name in both),
    )
    asked = case(told, inventory=fleet(protections=(protection(), again)))
    found = copies_independent.check(asked)
    assert found.outcome is Outcome.UNKNOWN
    assert "again is not measured to be apart from nightly" in found.because
    assert copies_independent.check(replace(asked, policy=policy(copies_min=1))).outcome is Outcome.PASSED


def test_too_few_copies_are_a_fact_where_none_could_have_counted() -> None:
    found = copies_independent.check(case(inventory=fleet(protections=(protection(),))))
    assert found.outcome is Outcome.FAILED
    assert found.because == "sidekick: 1 of 2 copies are proven"
