"""An unmounted repository is an empty directory of the root disk."""

import pytest

from gate.checks import repository_mounted
from gate.evidence import Trace
from gate.finding import Outcome
from tests.cases import NOON, VAULT_LUN, case, evidence, fleet, policy, protection, trace

ALONE = fleet(protections=(protection(),))


@pytest.mark.parametrize(
    ("told", "outcome", "said"),
    [
        (trace("vault-1", VAULT_LUN), Outcome.PASSED, VAULT_LUN),
        (trace("vault-1", VAULT_LUN, problem="not mounted: it resolves to /"), Outcome.FAILED, "resolves to /"),
        (trace("vault-1", VAULT_LUN, leaves=()), Outcome.UNKNOWN, "not known where"),
        (trace("vault-1", VAULT_LUN, at=NOON - policy().evidence_max_age * 2), Outcome.UNKNOWN, "30 min old"),
        (None, Outcome.UNKNOWN, "not known where"),
    ],
    ids=["there", "on the root disk", "no end", "stale", "not asked"],
)
def test_it_must_be_where_it_is_said_to_be_and_followed_to_its_end(
    told: Trace | None, outcome: Outcome, said: str
) -> None:
    """Scenario 10."""
    finding = repository_mounted.check(case(evidence(repositories={"nightly": told} if told else {}), inventory=ALONE))
    assert finding.outcome is outcome
    assert said in finding.because


def test_a_host_that_did_not_answer_says_nothing_of_its_mounts() -> None:
    silent = trace("vault-1", VAULT_LUN, problem="no answer to findmnt: bk-1 cannot be reached")
    found = repository_mounted.check(case(evidence(repositories={"nightly": silent})))
    assert found.outcome is Outcome.UNKNOWN
    assert "bk-1 cannot be reached" in found.because
