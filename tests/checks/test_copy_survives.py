"""One copy of every dataset is held where a firmware fault can neither reach nor undo it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.checks import copy_survives
from gate.evidence import Immutability
from gate.finding import Finding, Outcome
from tests.cases import BUCKET, NOON, SECOND, case, evidence, fleet, immutability, policy, protection, request, trace

LIMIT = policy().sentinel_max_age


def answer(*records: Immutability, **changed: object) -> Finding:
    told = evidence(immutability={record.protection: record for record in records})
    return copy_survives.check(case(told, **changed))


@pytest.mark.parametrize(
    ("record", "outcome", "words"),
    [
        (immutability(), Outcome.PASSED, "held by s3-object-lock in mode compliance"),
        (immutability(mode="governance"), Outcome.PASSED, "governance"),
        (immutability(mode="locked"), Outcome.FAILED, "s3-object-lock ends with the storage under it"),
        (immutability(mechanism="zfs-hold", mode="hold"), Outcome.FAILED, "zfs-hold ends with"),
        (immutability(mechanism="append-only-server", mode="append-only"), Outcome.FAILED, "append-only-server ends"),
        (immutability(problem="the service is down"), Outcome.UNKNOWN, "the service is down"),
        (immutability(place="elsewhere"), Outcome.FAILED, "lies elsewhere than when it was tried"),
        (immutability(at=NOON - LIMIT), Outcome.PASSED, "held"),
        (immutability(at=NOON - LIMIT - SECOND), Outcome.UNKNOWN, "last tried 1 d ago, limit 1 d"),
        (immutability(at=NOON + SECOND), Outcome.UNKNOWN, "lies in the future"),
    ],
)
def test_what_holds_it_survives_the_array_and_was_tried_of_late(
    record: Immutability, outcome: Outcome, words: str
) -> None:
    told = {"nightly": immutability("nightly", mechanism="file-flag", mode="immutable")}
    found = answer(*told.values(), record)
    assert found.outcome is outcome
    assert words in found.because


def test_a_copy_that_nobody_tried_is_not_known_and_no_copy_at_all_fails() -> None:
    flag = immutability("nightly", mechanism="file-flag", mode="immutable")
    assert answer(flag).outcome is Outcome.UNKNOWN
    assert "offsite: nobody tried what holds it" in answer(flag).because
    alone = fleet(protections=(protection(),))
    assert answer(flag, inventory=alone).outcome is Outcome.FAILED
    lost = replace(evidence(immutability={"offsite": immutability()}), repositories={})
    assert copy_survives.check(case(lost)).outcome is Outcome.UNKNOWN


def test_a_lock_on_the_array_of_the_data_or_on_a_target_holds_nothing() -> None:
    """Object Lock served from an array of this change is as lost as that array."""
    alone = fleet(protections=(protection(),))
    for array, targets in (
        ("vault-1", ("east-1", "vault-1")),
        ("east-1", ("east-1", "east-2")),
        ("nowhere", ("east-1",)),
    ):
        kept = trace(array, "60aa", host="bk-1", path="/backup")
        told = evidence(repositories={"nightly": kept}, immutability={"nightly": immutability("nightly", place="60aa")})
        found = copy_survives.check(case(told, inventory=alone, request=request(targets)))
        assert found.outcome is Outcome.FAILED
        assert "not measured to lie apart from data and targets" in found.because


def test_it_relies_on_copy_mechanism_mode_and_place_and_holds_until_the_next_trial_is_due() -> None:
    found = answer(immutability())
    assert found.relied_on["sidekick"] == {
        "copy": "offsite", "mechanism": "s3-object-lock", "mode": "compliance",
        "place": f"object-service:{BUCKET}", "sentinel_max_age_s": 86400,
    }  # fmt: skip
    assert found.valid_until == NOON - timedelta(hours=1) + LIMIT
