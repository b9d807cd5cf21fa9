"""Partners, one stage for both, and backup software under change: what takes data and copy at one moment."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gate.change import Stage
from gate.checks import admins_separate, fate_apart, sites_separate
from gate.finding import Outcome, Weight
from gate.inventory import Maintenance, Plane
from gate.upkeep import Work
from tests.cases import NOON, SECOND, array, case, evidence, fleet, plan, protection, request, trace

ALONE = fleet(protections=(protection(),))


def test_apart_they_pass_and_the_dimensions_are_named() -> None:
    found = fate_apart.check(case(inventory=ALONE))
    assert found.outcome is Outcome.PASSED
    assert "differ in partner, wave, backup-software" in found.because
    assert found.relied_on["sidekick"] == {"protection": "nightly"}


@pytest.mark.parametrize("whose", ["east-1", "vault-1"])
def test_a_pair_is_one_fate(whose: str) -> None:
    other = {"east-1": "vault-1", "vault-1": "east-1"}[whose]
    paired = tuple(array(name, partner=other if name == whose else None) for name in ("east-1", "east-2", "vault-1"))
    found = fate_apart.check(case(inventory=fleet(arrays=paired, protections=(protection(),))))
    assert found.outcome is Outcome.FAILED
    assert "east-1" in found.because
    assert "are a pair" in found.because


def test_one_stage_for_data_and_copy_refuses_and_two_do_not() -> None:
    targets = ("east-1", "east-2", "vault-1")
    together = plan(stages=(Stage("canary", ("east-2",)), Stage("wave-1", ("east-1", "vault-1"))))
    apart = plan(stages=(Stage("canary", ("east-2",)), Stage("wave-1", ("east-1",)), Stage("wave-2", ("vault-1",))))
    asked = case(inventory=ALONE, request=request(targets))
    assert fate_apart.check(replace(asked, plan=together)).outcome is Outcome.FAILED
    assert "wave: wave-1" in fate_apart.check(replace(asked, plan=together)).because
    assert fate_apart.check(replace(asked, plan=apart)).outcome is Outcome.PASSED


def test_without_a_plan_or_a_place_it_is_not_known() -> None:
    unplanned = fate_apart.check(case(inventory=ALONE, plan=None, no_plan="no canary"))
    assert unplanned.outcome is Outcome.UNKNOWN
    assert unplanned.because.startswith("sidekick: nightly and the data: wave: no plan is sealed")
    assert "partner" not in unplanned.because
    lost = evidence(repositories={"nightly": trace("nowhere", "60aa")})
    assert fate_apart.check(case(lost, inventory=ALONE)).outcome is Outcome.UNKNOWN


WINDOW = request().window


def busy(opens: datetime, closes: datetime, on: str = "vault-1") -> Work:
    return Work("chg-0002 (open)", frozenset({on}), opens, closes)


def test_another_change_under_the_copy_in_the_same_window_refuses_and_names_itself() -> None:
    found = fate_apart.check(case(inventory=ALONE, planned=(busy(WINDOW.opens, WINDOW.closes),)))
    assert found.outcome is Outcome.FAILED
    assert "backup-software: chg-0002 (open) touches vault-1 in the same window" in found.because


def test_one_that_is_over_before_the_window_or_begins_after_it_does_not() -> None:
    before = busy(WINDOW.opens - SECOND, WINDOW.opens)
    after = busy(WINDOW.closes, WINDOW.closes + SECOND)
    assert fate_apart.check(case(inventory=ALONE, planned=(before, after))).outcome is Outcome.PASSED
    for near in (replace(before, closes=WINDOW.opens + SECOND), replace(after, opens=WINDOW.closes - SECOND)):
        assert fate_apart.check(case(inventory=ALONE, planned=(near,))).outcome is Outcome.FAILED


@pytest.mark.parametrize("on", ["nightly", "bk-1", "vault-1"])
def test_a_maintenance_that_the_inventory_tells_of_counts_like_a_change(on: str) -> None:
    told = Maintenance(on=on, opens=NOON - SECOND, closes=NOON + SECOND, reason="restic is updated")
    found = fate_apart.check(case(inventory=ALONE.model_copy(update={"maintenance": (told,)})))
    assert found.outcome is Outcome.FAILED
    assert f"maintenance (restic is updated) touches {on} in the same window" in found.because
    elsewhere = told.model_copy(update={"on": "west-1"})
    apart = fate_apart.check(case(inventory=ALONE.model_copy(update={"maintenance": (elsewhere,)})))
    assert apart.outcome is Outcome.PASSED


ADMINS = [("admins", ("storage-operations",), "admin"), ("identity_provider", "corporate", "identity-provider"),
          ("management_network", "mgmt-east", "management-network")]  # fmt: skip
SITES = [("power", "east-hall", "power"), ("fabrics", ("east-b",), "fabric")]


@pytest.mark.parametrize(
    ("module", "field", "value", "dimension"),
    [(admins_separate, *one) for one in ADMINS] + [(sites_separate, *one) for one in SITES],
)
def test_what_is_declared_of_both_is_for_a_seat_to_sign(module: Any, field: str, value: object, dimension: str) -> None:
    both = protection(plane=protection().plane.model_copy(update={field: value}))
    found = module.check(case(inventory=fleet(protections=(both,))))
    assert found.outcome is Outcome.FAILED
    assert f"shares with the data {dimension}: both have" in found.because
    assert found.relied_on["sidekick"] == {"shared": [dimension], "outcome": "failed"}
    assert module.CHECK.weight is Weight.SIGN
    silent = protection(plane=Plane())
    unsaid = module.check(case(inventory=fleet(protections=(silent,))))
    assert unsaid.outcome is Outcome.UNKNOWN
    assert f"{dimension}: not everything that has one declares it" in unsaid.because


@pytest.mark.parametrize(
    ("host", "words"),
    [("db-1", "host: production runs on the backup host"), ("bk-1", "site: both have east")],
)
def test_one_host_or_one_site_is_for_a_seat_to_sign(host: str, words: str) -> None:
    arrays = tuple(array(name) for name in ("east-1", "east-2", "vault-1"))
    if host == "bk-1":
        arrays = (*arrays[:2], array("vault-1", site="east"))
    found = sites_separate.check(case(inventory=fleet(arrays=arrays, protections=(protection(host=host),))))
    assert found.outcome is Outcome.FAILED
    assert words in found.because


def test_the_good_case_is_separate_in_all_of_them() -> None:
    for module, named in (
        (admins_separate, "admin, identity-provider, management-network"),
        (sites_separate, "site, power, fabric, host"),
    ):
        found = module.check(case(inventory=ALONE))
        assert found.outcome is Outcome.PASSED
        assert f"differ in {named}" in found.because
