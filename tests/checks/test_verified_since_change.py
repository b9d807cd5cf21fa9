"""What was read under the old firmware says nothing of what the new one did."""

from datetime import timedelta

import pytest

from gate.checks import verified_since_change
from gate.evidence import maintenance_of, software_of
from gate.finding import Finding, Outcome
from tests.cases import (
    NAMES,
    NOON,
    SECOND,
    SERIALS,
    VAULT_LUN,
    case,
    evidence,
    fleet,
    protection,
    trace,
    verification,
)

READ = NOON - timedelta(hours=1)


def answer(**changed: object) -> Finding:
    settled = {**dict.fromkeys((*SERIALS, *NAMES), NOON - timedelta(days=9)), **changed}
    return verified_since_change.check(case(evidence(settled={k: v for k, v in settled.items() if v is not None})))


@pytest.mark.parametrize("name", ["vault-1", "nightly"])
def test_the_read_must_not_be_older_than_the_first_sighting_of_what_is_there(name: str) -> None:
    assert verification().at == READ
    assert answer(**{name: READ}).outcome is Outcome.PASSED
    late = answer(**{name: READ + SECOND})
    assert late.outcome is Outcome.FAILED
    assert f"before {name} was first seen" in late.because
    assert answer(**{name: None}).outcome is Outcome.UNKNOWN


def test_a_backup_program_that_was_updated_since_proves_nothing_and_one_that_tells_no_version_is_let_be() -> None:
    software = software_of("nightly")
    assert answer(**{software: READ}).outcome is Outcome.PASSED
    late = answer(**{software: READ + SECOND})
    assert late.outcome is Outcome.FAILED
    assert "before the backup software of nightly was first seen" in late.because
    assert answer(**{software: None}).outcome is Outcome.PASSED


def test_what_was_read_before_a_told_maintenance_was_over_proves_nothing() -> None:
    over = maintenance_of("nightly")
    assert answer(**{over: READ}).outcome is Outcome.PASSED
    late = answer(**{over: READ + SECOND})
    assert late.outcome is Outcome.FAILED
    assert late.because.endswith("was last read before the maintenance of nightly was over")
    assert answer(**{maintenance_of("weekly"): NOON}).outcome is Outcome.PASSED


def test_storage_that_nobody_can_place_has_no_date() -> None:
    told = evidence(repositories={"nightly": trace("nowhere", VAULT_LUN)})
    found = verified_since_change.check(case(told, inventory=fleet(protections=(protection(),))))
    assert found.outcome is Outcome.UNKNOWN
    assert "no array of the inventory tells the target port" in found.because


def test_what_passed_names_the_storage_that_was_looked_at() -> None:
    assert "was read after the last change of vault-1" in answer().because
    assert "vault-1 (serial" not in answer().because


def test_other_arrays_do_not_matter() -> None:
    assert answer(**{"west-1": NOON, "east-1": None}).outcome is Outcome.PASSED
