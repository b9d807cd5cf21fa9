"""Only a reference from before the damage shows it."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import rehearsal_compared
from gate.evidence import Comparison
from gate.finding import Finding, Outcome
from gate.inventory import AppendOnly
from tests.cases import NOON, OLDER, SECOND, TABLES, backups, case, dataset, evidence, fleet, rehearsal, second

BEGAN = OLDER.started_at or NOON
WEEK = timedelta(days=7)
DONE = rehearsal().at


def answer(grows: bool = False, **fields: Any) -> Finding:
    told = evidence(rehearsals=(rehearsal(**fields), second(rehearsal)))
    growing = (AppendOnly(table="notes", key="id"),) if grows else ()
    return rehearsal_compared.check(case(told, inventory=fleet(datasets=(dataset(append_only=growing),))))


def compared(at: Any, *older: Any, **fields: Any) -> dict[str, Any]:
    first = Comparison(at, fields.pop("tables", TABLES), **fields)
    return {"reference_at": at, "compared": (first, *(Comparison(one, ("notes",)) for one in older))}


def test_the_reference_must_be_older_than_the_beginning_of_the_backup() -> None:
    assert answer(**compared(BEGAN - SECOND)).outcome is Outcome.PASSED
    late = answer(**compared(BEGAN))
    assert late.outcome is Outcome.FAILED
    assert "younger than the beginning" in late.because


def test_a_table_that_only_grows_needs_a_second_reference_of_a_week() -> None:
    """Scenario 7: wrong values that were there before the backup are found by the old reference alone."""
    assert answer(grows=True, **compared(BEGAN - SECOND)).outcome is Outcome.FAILED
    assert answer(grows=True, **compared(BEGAN - SECOND, DONE - WEEK)).outcome is Outcome.PASSED
    assert answer(grows=True, **compared(BEGAN - SECOND, DONE - WEEK + SECOND)).outcome is Outcome.FAILED
    assert answer(grows=True, **compared(DONE - WEEK)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"compared": ()}, "compared with no reference"),
        ({"reference_at": None}, "compared with no reference"),
        (compared(BEGAN - SECOND, differing=("notes has other content",)), "notes has other content"),
        (compared(BEGAN - SECOND, tables=("contacts",)), "notes was compared with no reference"),
    ],
    ids=["none", "not said", "differing", "a table left out"],
)
def test_what_was_not_compared_or_differs_fails(fields: dict[str, Any], said: str) -> None:
    finding = answer(**fields)
    assert finding.outcome is Outcome.FAILED
    assert said in finding.because


def test_a_backup_of_which_no_beginning_is_known_leaves_it_open() -> None:
    for runs in ((), (backups().runs[0],)):
        told = evidence(backups={"nightly": backups(runs=runs), "offsite": backups("offsite", runs=())})
        assert rehearsal_compared.check(case(told)).outcome is Outcome.UNKNOWN


def test_without_a_rehearsal_nothing_was_compared() -> None:
    assert rehearsal_compared.check(case(evidence(rehearsals=()))).outcome is Outcome.FAILED
