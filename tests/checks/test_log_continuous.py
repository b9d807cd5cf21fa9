"""A missing piece of the log is called well by the tools, and the restored database starts, at an earlier time."""

import pytest

from gate.checks import backup_verified, log_continuous
from gate.evidence import Log
from gate.finding import Outcome
from tests.cases import backups, case, evidence, run


@pytest.mark.parametrize(
    ("log", "outcome"),
    [
        (Log.NOT_NEEDED, Outcome.PASSED),
        (Log.COMPLETE, Outcome.PASSED),
        (Log.GAP, Outcome.FAILED),
        (Log.UNKNOWN, Outcome.UNKNOWN),
    ],
)
def test_only_a_whole_log_or_none_passes_and_v4_without_it_is_partial(log: Log, outcome: Outcome) -> None:
    told = evidence(backups={"nightly": backups(runs=(run(log=log, log_because="0000000100000004 is missing"),))})
    finding = log_continuous.check(case(told))
    assert finding.outcome is outcome
    assert ("is whole" in finding.because) is (log in (Log.COMPLETE, Log.UNKNOWN))
    assert ("needs no log" in finding.because) is (log is Log.NOT_NEEDED)
    if outcome is not Outcome.PASSED:
        assert "0000000100000004" in finding.because
    read = backup_verified.check(case(told))
    assert read.outcome is (Outcome.PASSED if outcome is Outcome.PASSED else Outcome.FAILED)
    assert ("V4-partial" in read.because) is (outcome is not Outcome.PASSED)


def test_what_kind_of_log_there_is_is_material() -> None:
    found = [
        log_continuous.check(case(evidence(backups={"nightly": backups(runs=(run(log=log),))}))).relied_on
        for log in (Log.NOT_NEEDED, Log.COMPLETE)
    ]
    assert found[0] != found[1]
