"""The way back is written down before anybody needs it: every dataset, in order, rehearsed, in its time."""

from dataclasses import replace
from typing import Any

import pytest

from gate.change import RestorePlan, RestoreTier
from gate.checks import restore_planned
from gate.evidence import Trace
from gate.finding import Finding, Outcome
from tests.cases import (
    case,
    dataset,
    evidence,
    fleet,
    protection,
    rehearsal,
    request,
    restore_plan,
    second,
    trace,
)

GOOD = evidence()


def tiers(*tiers: tuple[str, ...]) -> RestorePlan:
    made = tuple(RestoreTier.model_validate({"items": items, "rto": "1h"}) for items in tiers)
    return restore_plan(tiers=made)


def answer(plan: RestorePlan | None, told: Any = GOOD, **changed: Any) -> Finding:
    return restore_planned.check(case(told, request=request(restore_plan=plan), **changed))


@pytest.mark.parametrize("plan", [restore_plan(), tiers(("sidekick",)), tiers(("sidekick/contacts", "sidekick/notes"))])
def test_every_table_in_a_tier_or_the_dataset_as_a_whole_passes(plan: RestorePlan) -> None:
    found = answer(plan)
    assert found.outcome is Outcome.PASSED
    assert found.valid_until is not None


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (None, "the change has no restore plan"),
        (tiers(("sidekick/contacts",)), "sidekick: its notes is in no tier"),
        (tiers(("other",)), "sidekick: it is in no tier"),
        (tiers(("sidekick",), ("other",)), "other: it is not at risk in this change"),
        (
            tiers(("sidekick/contacts", "sidekick/notes"), ("sidekick/photographs",)),
            "sidekick/photographs: it is not at risk",
        ),
        (restore_plan(tools=("desk", "crane")), "crane: the inventory has no such recovery tool"),
    ],
)
def test_what_is_left_out_or_strange_fails_by_name(plan: RestorePlan | None, words: str) -> None:
    found = answer(plan)
    assert found.outcome is Outcome.FAILED
    assert words in found.because


@pytest.mark.parametrize(("rto", "outcome"), [("10s", Outcome.PASSED), ("9s", Outcome.FAILED)])
def test_the_earliest_tier_has_to_be_met_by_the_whole_restore(rto: str, outcome: Outcome) -> None:
    early, late = RestoreTier(items=("sidekick/contacts",), rto=rto), RestoreTier(items=("sidekick/notes",), rto="4h")
    found = answer(restore_plan(tiers=(early, late)))
    assert found.outcome is outcome
    assert f"usable after 10 s, its tier allows {rto[:-1]} s" in found.because
    if outcome is Outcome.PASSED:
        assert found.relied_on["sidekick"] == {"protection": "nightly", "rto_s": 10}


def test_a_plan_that_nobody_rehearsed_is_none() -> None:
    never = answer(restore_plan(), evidence(rehearsals=(second(rehearsal),)))
    assert never.outcome is Outcome.FAILED
    assert "its restore is not rehearsed" in never.because
    untimed = answer(restore_plan(), evidence(rehearsals=(rehearsal(recovery_s=None), second(rehearsal))))
    assert untimed.outcome is Outcome.UNKNOWN
    assert "does not tell how long" in untimed.because


def test_without_a_protection_or_a_dataset_there_is_nothing_to_plan_with() -> None:
    bare = answer(restore_plan(), inventory=fleet(protections=()))
    assert bare.outcome is Outcome.FAILED
    assert "no protection makes backups of it" in bare.because
    empty = answer(restore_plan(), inventory=fleet(datasets=(), protections=()))
    assert empty.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("where", "outcome", "words"),
    [
        (trace("west-1", "60aa"), Outcome.PASSED, "desk: it lies off the targets"),
        (trace("east-2", "60aa"), Outcome.FAILED, "desk: it lies on an array that this change itself touches"),
        (trace("nowhere", "60aa"), Outcome.UNKNOWN, "desk: no array of the inventory"),
        (None, Outcome.UNKNOWN, "desk: nobody asked"),
    ],
)
def test_its_tools_lie_off_the_targets(where: Trace | None, outcome: Outcome, words: str) -> None:
    arrays = {name: replace(one, volumes=None) for name, one in GOOD.arrays.items()}
    found = answer(restore_plan(), replace(GOOD, tools={"desk": where} if where else {}, arrays=arrays))
    assert found.outcome is outcome
    assert words in found.because


def test_each_dataset_at_risk_needs_its_place_in_the_plan() -> None:
    two = fleet(
        datasets=(dataset(), dataset("mail", path="/data/mail.db")),
        protections=(protection(), protection("mail-nightly", "mail")),
    )
    told = replace(GOOD, datasets={name: trace("east-1", f"60{name}") for name in ("sidekick", "mail")})
    found = answer(tiers(("sidekick",)), told, inventory=two)
    assert found.outcome is Outcome.FAILED
    assert "mail: it is in no tier" in found.because
    assert found.valid_until is None
