"""Governance mode is a lock with a key: whoever takes part in the change may not hold it."""

import pytest

from gate.checks import retention_strict
from gate.evidence import Immutability
from gate.finding import Finding, Outcome, Weight
from tests.cases import case, evidence, immutability


def answer(record: Immutability) -> Finding:
    told = evidence(immutability={"offsite": record})
    return retention_strict.check(case(told, team=frozenset({"engineer", "lead"})))


@pytest.mark.parametrize(
    ("mode", "holders", "outcome", "words"),
    [
        ("compliance", None, Outcome.PASSED, "locked in compliance mode"),
        ("compliance", ("lead",), Outcome.PASSED, "locked in compliance mode"),
        ("governance", (), Outcome.PASSED, "by nobody, outside the team"),
        ("governance", ("vault-keeper",), Outcome.PASSED, "by vault-keeper, outside the team"),
        ("governance", ("vault-keeper", "lead"), Outcome.FAILED, "by lead, who may take part in changes"),
        ("governance", None, Outcome.UNKNOWN, "nobody listed who may bypass it"),
    ],
)
def test_compliance_or_a_key_in_nobodys_hands_of_the_team(
    mode: str, holders: tuple[str, ...] | None, outcome: Outcome, words: str
) -> None:
    found = answer(immutability(mode=mode, bypass_holders=holders))
    assert found.outcome is outcome
    assert words in found.because
    assert retention_strict.CHECK.weight is Weight.SIGN


def test_mode_and_holders_are_what_people_sign_for() -> None:
    found = answer(immutability(mode="governance", bypass_holders=("vault-keeper",)))
    assert found.relied_on["sidekick"] == {"copy": "offsite", "mode": "governance", "holders": ["vault-keeper"]}
    assert retention_strict.check(case(evidence(immutability={}))).outcome is Outcome.UNKNOWN
