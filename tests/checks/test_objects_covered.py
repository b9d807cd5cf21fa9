"""A volume that nobody names is restored by nobody."""

from dataclasses import replace
from typing import Any

from gate.checks import objects_covered
from gate.checks.case import Case
from gate.evidence import Volume
from gate.finding import Finding, Outcome
from tests.cases import DATA_LUN, NOON, SECOND, case, evidence, policy, request

LIMIT = policy().evidence_max_age
GOOD = evidence()
NAMED = Volume("0", "sidekick", DATA_LUN, 4096)


def listing(volumes: tuple[Volume, ...] | None, **changed: Any) -> Case:
    east = replace(GOOD.arrays["east-1"], volumes=volumes, **changed)
    return case(replace(GOOD, arrays={**GOOD.arrays, "east-1": east}), request=request(("east-1",)))


def answer(volumes: tuple[Volume, ...] | None, **changed: Any) -> Finding:
    return objects_covered.check(listing(volumes, **changed))


def gaps(count: int) -> tuple[Volume, ...]:
    return tuple(Volume(str(number), f"lost-{number}", f"60aa{number:012x}", 4096) for number in range(1, count + 1))


def test_every_volume_explained_passes_as_long_as_the_reading_holds() -> None:
    found = answer((NAMED,))
    assert (found.outcome, found.because) == (Outcome.PASSED, "east-1: the one volume is explained")
    assert found.valid_until == NOON - 60 * SECOND + LIMIT
    assert answer((NAMED,), at=NOON - LIMIT).outcome is Outcome.PASSED
    assert answer((NAMED,), at=NOON - LIMIT - SECOND).outcome is Outcome.UNKNOWN


def test_gaps_are_named_counted_and_bound() -> None:
    found = answer((NAMED, *gaps(2)))
    assert found.outcome is Outcome.FAILED
    assert "2 of 3 volumes are explained by nothing: lost-1 (no dataset" in found.because
    assert "more" not in found.because
    assert found.relied_on["east-1"] == {"gaps": ["60aa000000000001", "60aa000000000002"], "outcome": "failed"}


def test_of_many_gaps_five_are_named_and_the_rest_counted() -> None:
    assert " and 1 more" in answer(gaps(6)).because
    assert "lost-5" in answer(gaps(6)).because
    assert "lost-6" not in answer(gaps(6)).because
    assert "more" not in answer(gaps(5)).because


def test_an_array_that_lists_nothing_or_was_not_asked_is_not_known_to_be_covered() -> None:
    assert answer(None).outcome is Outcome.UNKNOWN
    assert answer(None, unknown=("volumes: no answer",)).because == "east-1: volumes: no answer"
    unasked = case(replace(GOOD, arrays={}), request=request(("east-1",)))
    assert objects_covered.check(unasked).outcome is Outcome.UNKNOWN


def test_every_target_is_asked_and_no_other_array() -> None:
    other = replace(GOOD.arrays["vault-1"], volumes=gaps(1))
    told = replace(GOOD, arrays={**GOOD.arrays, "vault-1": other})
    assert objects_covered.check(case(told)).outcome is Outcome.PASSED
    both = case(told, request=request(("east-1", "vault-1")))
    assert objects_covered.check(both).outcome is Outcome.FAILED
