"""A restore onto the array that is changed says nothing of the day when that array is gone."""

from datetime import timedelta

import pytest

from gate.checks import rehearsed_elsewhere
from gate.evidence import Trace
from gate.finding import Outcome
from tests.cases import NOON, SCRATCH_LUN, SECOND, case, evidence, policy, rehearsal, second, trace

LIMIT = policy().evidence_max_age


@pytest.mark.parametrize(
    ("told", "outcome", "said"),
    [
        (trace("vault-1", SCRATCH_LUN), Outcome.PASSED, "vault-1"),
        (trace("east-2", "6009"), Outcome.FAILED, "lies on east-2, which this change itself touches"),
        (trace("vault-1", SCRATCH_LUN, problem="it is tmpfs"), Outcome.UNKNOWN, "tmpfs"),
        (trace("vault-1", SCRATCH_LUN, at=NOON - LIMIT), Outcome.PASSED, "vault-1"),
        (trace("vault-1", SCRATCH_LUN, at=NOON - LIMIT - SECOND), Outcome.UNKNOWN, "limit 15 min"),
        (None, Outcome.UNKNOWN, "nobody asked"),
    ],
    ids=["apart", "on a target", "not traced", "fresh", "stale", "not asked"],
)
def test_the_scratch_lies_on_no_target(told: Trace | None, outcome: Outcome, said: str) -> None:
    finding = rehearsed_elsewhere.check(case(evidence(scratches={"nightly": told} if told else {})))
    assert finding.outcome is outcome
    assert said in finding.because


def test_a_rehearsal_made_on_another_host_says_nothing_of_this_scratch() -> None:
    told = evidence(rehearsals=(rehearsal(timedelta(hours=1), host="db-1"), second(rehearsal)))
    finding = rehearsed_elsewhere.check(case(told))
    assert finding.outcome is Outcome.FAILED
    assert "ran on db-1" in finding.because
