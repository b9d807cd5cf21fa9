"""Cases that share what is known of the fleet answer as each would alone; of other values nothing is taken."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks import array_healthy, backup_isolated
from gate.checks.case import Case
from gate.checks.fleet import Fleet
from gate.evidence import Evidence, Trace
from gate.finding import PASSED
from tests.cases import (
    DATA_LUN,
    NOON,
    SECOND,
    SERIALS,
    backups,
    case,
    dataset,
    evidence,
    findings,
    fleet,
    offsite,
    policy,
    protection,
    rehearsal,
    request,
    second,
    trace,
    verification,
)


def known(asked: Case) -> Fleet:
    return Fleet(asked.inventory, asked.evidence, asked.policy, asked.now)


minutes = st.integers(-2, 60).map(lambda number: NOON - timedelta(minutes=number))


@st.composite
def told(draw: st.DrawFn) -> Evidence:
    """Good evidence with something of each kind missing, moved, old, from the future or damaged."""
    on = draw(st.sampled_from([*SERIALS, "nowhere"]))
    well = evidence()
    near, reads = {"nightly": well.repositories["nightly"]}, (verification(), second(verification))
    restores = rehearsal(), second(rehearsal)
    other = draw(st.sampled_from([{}, {"other": trace("west-1", "60aa")}]))
    return replace(
        well,
        datasets={"sidekick": trace(on, DATA_LUN, at=draw(minutes)), **other},
        repositories=draw(st.sampled_from([well.repositories, near, {}])),
        backups={"nightly": backups(at=draw(minutes)), "offsite": backups("offsite", at=draw(minutes))},
        verifications=draw(st.sampled_from([(), reads, reads[::-1], (verification(passed=False),)])),
        rehearsals=draw(st.sampled_from([(), restores, (rehearsal(level="V5"),)])),
    )


@given(told(), st.integers(-3, 90))
@settings(max_examples=40, deadline=None)
def test_every_array_is_decided_over_a_shared_fleet_as_it_is_alone(given: Evidence, later: int) -> None:
    inventory = fleet(
        datasets=(dataset(), dataset("other")),
        protections=(protection(), offsite(), protection("weekly", "other")),
    )
    alone = case(given, inventory=inventory, now=NOON + timedelta(minutes=later))
    shared = replace(alone, shared=known(alone))
    for name in SERIALS:
        asked = request((name,))
        assert findings(replace(shared, request=asked)) == findings(replace(alone, request=asked))


@pytest.mark.parametrize("other", ["inventory", "evidence", "policy", "now"])
def test_what_is_known_of_other_values_is_not_taken(other: str) -> None:
    bad: dict[str, Any] = {
        "inventory": fleet(protections=()),
        "evidence": evidence(verifications=()),
        "policy": policy(evidence_max_age=SECOND),
        "now": NOON + timedelta(days=30),
    }
    good = case()
    lent = replace(good, **{other: bad[other]}, shared=known(good))
    assert lent.fleet is not lent.shared
    assert findings(lent) == findings(replace(lent, shared=None))
    assert findings(lent) != findings(good)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOON, ""),
        (NOON - timedelta(minutes=15), ""),
        (NOON - timedelta(minutes=15, seconds=1), "the reading is 15 min old, limit 15 min"),
        (NOON + SECOND, "the reading lies in the future"),
    ],
)
def test_a_reading_counts_from_its_moment_up_to_its_limit_and_never_from_the_future(at: datetime, words: str) -> None:
    assert known(case(policy=policy(evidence_max_age=timedelta(minutes=15)))).stale(at) == words


@pytest.mark.parametrize(
    ("way", "on", "anywhere"),
    [
        (trace("east-1", DATA_LUN), {"east-1": (0,)}, ()),
        (trace("east-1", DATA_LUN, problem="one disk did not answer"), {}, (0,)),
        (trace("east-1", DATA_LUN, at=NOON - timedelta(days=1)), {}, (0,)),
        (trace("east-1", DATA_LUN, at=NOON + SECOND), {}, (0,)),
        (trace("nowhere", "60aa"), {}, (0,)),
        (None, {}, (0,)),
    ],
)
def test_data_of_which_nobody_knows_now_where_they_lie_might_lie_anywhere(
    way: Trace | None, on: dict[str, tuple[int, ...]], anywhere: tuple[int, ...]
) -> None:
    lying = known(case(evidence(datasets={"sidekick": way} if way else {}))).lying
    assert (dict(lying.on), lying.anywhere) == (on, anywhere)


def test_it_is_taken_where_it_is_of_these_very_values() -> None:
    asked = case()
    fleet_of = known(asked)
    assert replace(asked, shared=fleet_of).fleet is fleet_of
    assert backup_isolated.check(replace(asked, shared=fleet_of)).outcome is PASSED


def test_a_target_that_is_not_in_the_fleet_finds_nothing_there() -> None:
    asked = case(request=request(("gone-1",)))
    assert array_healthy.check(asked).outcome is not PASSED
    assert known(asked).lying.on.get("gone-1") is None
