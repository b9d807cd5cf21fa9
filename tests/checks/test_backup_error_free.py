"""The tool's own complaint is heard, and a tool that says nothing has not said that all is well."""

import pytest

from gate.checks import backup_error_free
from gate.finding import Outcome
from tests.cases import backups, case, evidence, run


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("", Outcome.PASSED), (None, Outcome.UNKNOWN), ("invalid page checksum in base/16384/16385", Outcome.FAILED)],
)
def test_only_a_tool_that_complains_of_nothing_passes(error: str | None, outcome: Outcome) -> None:
    finding = backup_error_free.check(case(evidence(backups={"nightly": backups(runs=(run(error=error),))})))
    assert finding.outcome is outcome
    assert (error or "backup") in finding.because


def test_the_newest_run_is_asked_and_no_older_one() -> None:
    bad = backups(runs=(run(), run("older", case().policy.backup_max_age, error="rotten")))
    assert backup_error_free.check(case(evidence(backups={"nightly": bad}))).outcome is Outcome.PASSED


def test_without_a_run_there_is_nothing_to_hear() -> None:
    assert backup_error_free.check(case(evidence(backups={}))).outcome is Outcome.UNKNOWN
