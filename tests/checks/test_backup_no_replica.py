"""A mirror copies damage within seconds, a snapshot shares the very blocks: neither is a backup."""

from dataclasses import replace
from typing import Any

import pytest

from gate.checks import backup_no_replica
from gate.checks.case import Case
from gate.evidence import Volume
from gate.finding import Outcome
from tests.cases import (
    DATA_LUN,
    NOON,
    SECOND,
    VAULT_LUN,
    bucket,
    case,
    evidence,
    fleet,
    offsite,
    policy,
    protection,
    trace,
)

LIMIT = policy().evidence_max_age
GOOD = evidence()


def listing(*copy_of: str, listed: bool = True) -> Case:
    """The repository's volume is a copy of these, as the vault says; or the vault lists nothing."""
    volumes = (Volume("b1", "repository", VAULT_LUN, 4096, copy_of),) if listed else None
    vault = replace(GOOD.arrays["vault-1"], volumes=volumes)
    told = replace(GOOD, arrays={**GOOD.arrays, "vault-1": vault})
    return case(told, inventory=fleet(protections=(protection(),)))


def test_a_volume_of_its_own_passes() -> None:
    found = backup_no_replica.check(listing())
    assert found.outcome is Outcome.PASSED
    assert "differ in replication" in found.because
    assert found.valid_until == NOON + LIMIT - 60 * SECOND


def test_it_holds_as_long_as_the_older_of_the_two_traces() -> None:
    asked = listing()
    for kind, name in (("datasets", "sidekick"), ("repositories", "nightly")):
        traces = getattr(asked.evidence, kind)
        given: Any = {kind: {**traces, name: replace(traces[name], at=NOON - 300 * SECOND)}}
        found = backup_no_replica.check(replace(asked, evidence=replace(asked.evidence, **given)))
        assert found.valid_until == NOON + LIMIT - 300 * SECOND


def test_a_copy_of_the_datas_own_volume_fails_by_name() -> None:
    found = backup_no_replica.check(listing(DATA_LUN))
    assert found.outcome is Outcome.FAILED
    assert f"the volume {VAULT_LUN} is a snapshot, clone or mirror of {DATA_LUN}" in found.because
    assert found.valid_until is None


def test_an_array_that_does_not_say_leaves_it_open() -> None:
    found = backup_no_replica.check(listing(listed=False))
    assert found.outcome is Outcome.UNKNOWN
    assert "is not known" in found.because


def test_an_object_service_has_no_volumes_that_could_be_a_mirror() -> None:
    told = evidence(repositories={"offsite": bucket()})
    assert backup_no_replica.check(case(told, inventory=fleet(protections=(offsite(),)))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("where", "because"),
    [
        (None, "it is not known on which volumes"),
        (trace("vault-1", VAULT_LUN, problem="cut short"), "it is not known on which volumes"),
        (trace("nowhere", "60aa"), "no array of the inventory tells the target port"),
        (trace("vault-1", VAULT_LUN, at=NOON - LIMIT - SECOND), "min old, limit"),
    ],
)
def test_what_was_not_traced_just_now_is_not_known(where: object, because: str) -> None:
    told = replace(GOOD, repositories={"nightly": where} if where else {})  # type: ignore[dict-item]
    found = backup_no_replica.check(case(told, inventory=fleet(protections=(protection(),))))
    assert found.outcome is Outcome.UNKNOWN
    assert because in found.because
    assert found.valid_until is None
