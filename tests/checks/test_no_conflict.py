"""Two changes at once on one failure domain can take both copies."""

from datetime import timedelta

import pytest

from gate.checks import no_conflict
from gate.checks.case import OtherChange
from gate.evidence import Evidence
from gate.finding import Finding, Outcome
from tests.cases import NOON, SECOND, VAULT_LUN, case, dataset, evidence, fleet, other, policy, protection, trace

LIMIT = policy().evidence_max_age


def answer(*others: OtherChange, told: Evidence | None = None) -> Finding:
    return no_conflict.check(case(told, others=others))


def test_nobody_else_passes() -> None:
    assert answer().outcome is Outcome.PASSED


def test_another_change_elsewhere_passes() -> None:
    assert answer(other(("west-1",))).outcome is Outcome.PASSED


def test_a_shared_target_fails_and_is_named_with_the_other_change() -> None:
    finding = answer(other(("east-2", "west-1")))
    assert (finding.outcome, finding.because) == (Outcome.FAILED, "chg-0002 (running) has east-2")


def test_a_shared_protection_fails() -> None:
    finding = answer(other(("west-1",), ("nightly",)))
    assert (finding.outcome, finding.because) == (Outcome.FAILED, "chg-0002 (running) has nightly")


def test_a_change_of_the_array_under_the_backup_relied_on_fails() -> None:
    """One change takes the data, the other the backup: each alone looks isolated."""
    finding = answer(other(("vault-1",)))
    assert finding.outcome is Outcome.FAILED
    assert finding.because == "chg-0002 (running) has vault-1, on which nightly lies"


def test_a_target_that_carries_the_backup_another_change_relies_on_fails() -> None:
    told = evidence(repositories={**evidence().repositories, "weekly": trace("east-2", "6007")})
    finding = answer(other(("west-1",), ("weekly",)), told=told)
    assert finding.outcome is Outcome.FAILED
    assert finding.because == "chg-0002 (running) has east-2, on which weekly lies"


def test_a_repository_nobody_can_place_is_unknown_beside_another_change_and_harmless_alone() -> None:
    told = evidence(repositories={})
    finding = answer(other(("west-1",)), told=told)
    assert finding.outcome is Outcome.UNKNOWN
    assert "on which array nightly lies" in finding.because
    assert answer(told=told).outcome is Outcome.PASSED
    assert answer(other(("west-1",), ("weekly",))).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("age", "outcome"),
    [(LIMIT, Outcome.PASSED), (LIMIT + SECOND, Outcome.UNKNOWN), (-SECOND, Outcome.UNKNOWN)],
)
def test_where_a_repository_lay_some_time_ago_says_nothing(age: timedelta, outcome: Outcome) -> None:
    told = evidence(repositories={"nightly": trace("vault-1", VAULT_LUN, at=NOON - age)})
    assert answer(other(("west-1",)), told=told).outcome is outcome


NAMES = tuple(f"copy-{number}" for number in range(9))
MANY = fleet(
    datasets=tuple(dataset(f"data-{name}") for name in NAMES),
    protections=tuple(protection(name, f"data-{name}") for name in NAMES),
)


def test_what_is_shared_or_not_known_is_told_in_order() -> None:
    placed = evidence(repositories={name: trace("vault-1", VAULT_LUN) for name in NAMES})

    def because(told: Evidence, by: OtherChange) -> str:
        return no_conflict.check(case(told, others=(by,), inventory=MANY)).because

    assert because(placed, other(("west-1",), NAMES)).endswith(" has " + ", ".join(NAMES))
    assert because(placed, other(("vault-1",))).endswith(
        " has " + ", ".join(f"vault-1, on which {name} lies" for name in NAMES)
    )
    assert f"on which array {', '.join(NAMES)} lies" in because(evidence(repositories={}), other(("west-1",)))


def test_every_clash_of_every_change_is_told() -> None:
    finding = answer(
        other(("east-2", "east-1"), ("nightly",)),
        OtherChange("chg-0003", "soaking", frozenset({"east-1"}), frozenset()),
    )
    assert finding.because == "chg-0002 (running) has east-1, east-2, nightly; chg-0003 (soaking) has east-1"
