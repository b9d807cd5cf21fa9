"""One copy of every dataset, worth having, is held where a firmware fault can neither reach nor undo it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.checks import copy_survives, retention_clock, retention_long, retention_strict, sentinel_refused
from gate.evidence import Counts, Immutability, Log
from gate.finding import Finding, Outcome
from tests.cases import (
    BUCKET,
    NOON,
    OLDER,
    SECOND,
    VAULT_LUN,
    backups,
    bucket,
    case,
    dataset,
    evidence,
    fleet,
    immutability,
    offsite,
    policy,
    protection,
    rehearsal,
    request,
    run,
    second,
    trace,
    verification,
)

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
    soon = timedelta(minutes=3)
    assert answer(immutability(at=NOON - LIMIT + soon)).valid_until == NOON + soon


def test_it_holds_no_longer_than_the_proofs_of_the_copy_that_is_held() -> None:
    assert answer(immutability()).valid_until == NOON + timedelta(minutes=14)
    late = second(rehearsal, age=policy().rehearsal_max_age - timedelta(minutes=3))
    told = evidence(rehearsals=(rehearsal(), late))
    assert copy_survives.check(case(told)).valid_until == NOON + timedelta(minutes=3)


GAP = run(log=Log.GAP, recovery_point_at=NOON - timedelta(hours=1))


def held_alone(*made: Any) -> Any:
    """Of the locked copy this is the catalogue; the other one is as it should be."""
    return {"backups": {"nightly": backups(), "offsite": backups("offsite", runs=made)}}


@pytest.mark.parametrize(
    ("told", "outcome", "words"),
    [
        (held_alone(replace(run(), finished_at=NOON - timedelta(hours=25))), Outcome.FAILED, "is not recent: backup"),
        (held_alone(), Outcome.FAILED, "is not recent: offsite holds no backup at all"),
        (held_alone(replace(run(), error="disk full"), OLDER), Outcome.FAILED, "not free of errors: s3-objects says"),
        (held_alone(replace(run(), error=None), OLDER), Outcome.UNKNOWN, "does not say whether"),
        (held_alone(GAP, OLDER), Outcome.FAILED, "is not verified: backup 20261122T100000Z reached V4-partial"),
        (held_alone(replace(GAP, recovery_point_at=None), OLDER), Outcome.UNKNOWN, "has no recent recovery point"),
        ({"verifications": (verification(),)}, Outcome.UNKNOWN, "is not verified: backup 20261122T100000Z was never"),
        ({"verifications": (verification(), second(verification, passed=False))}, Outcome.FAILED, "is not verified"),
        (
            {"verifications": (verification(), second(verification, counts=Counts("files", 2, 1)))},
            Outcome.FAILED,
            "is not counted: of 2 files",
        ),
        ({"rehearsals": (rehearsal(),)}, Outcome.FAILED, "is not rehearsed: no restore from the repository of offsite"),
    ],
)
def test_a_lock_on_a_copy_that_is_not_worth_having_holds_nothing(
    told: dict[str, Any], outcome: Outcome, words: str
) -> None:
    flag = immutability("nightly", mechanism="file-flag", mode="immutable")
    asked = case(evidence(immutability={"nightly": flag, "offsite": immutability()}, **told))
    for check in (copy_survives, retention_long, retention_strict, retention_clock, sentinel_refused):
        found = check.check(asked)
        assert found.outcome is outcome, check.CHECK.name
        assert "offsite is held, but " in found.because
        assert words in found.because


def test_the_only_locked_copy_may_not_be_junk_although_two_others_are_proven() -> None:
    lun, old = "600507680000000000000000000000c7", run("old", timedelta(days=400), error="disk full", log=Log.GAP)
    again: dict[str, Any] = {"protection": "again", "place": lun}
    told = evidence(
        repositories={
            "nightly": trace("vault-1", VAULT_LUN, host="bk-1", path="/backup"),
            "again": trace("west-1", lun, host="bk-1", path="/b2"),
            "offsite": bucket(),
        },
        backups={"nightly": backups(), "again": backups("again"), "offsite": backups("offsite", runs=(old,))},
        verifications=(verification(), verification(**again)),
        rehearsals=(rehearsal(timedelta(hours=1)), rehearsal(timedelta(hours=1), **again)),
        immutability={"offsite": immutability(backup="old")},
    )
    protections = (protection(), protection("again", repository="/b2/x", mount="/b2"), offsite())
    inventory = fleet(datasets=(dataset(tier=1),), protections=protections)
    found = copy_survives.check(case(told, inventory=inventory))
    assert found.outcome is not Outcome.PASSED
    assert "offsite is held, but is not recent: backup old is 400 d old, limit 1 d" in found.because


def test_of_two_that_are_held_the_one_worth_having_counts() -> None:
    first = offsite("first", object_store=offsite().object_store)
    told = evidence(
        repositories={"first": bucket(), "offsite": bucket()},
        backups={"first": backups("first", runs=(OLDER,)), "offsite": backups("offsite")},
        immutability={name: immutability(name) for name in ("first", "offsite")},
    )
    found = copy_survives.check(case(told, inventory=fleet(protections=(first, offsite()))))
    assert found.outcome is Outcome.PASSED
    assert found.relied_on["sidekick"]["copy"] == "offsite"  # type: ignore[index,call-overload]


def test_a_lock_that_was_read_of_another_backup_says_nothing_of_the_newest() -> None:
    for other in (OLDER.id, ""):
        found = answer(immutability(backup=other))
        assert found.outcome is Outcome.UNKNOWN
        assert "offsite: what holds it was read of another backup than the newest" in found.because
