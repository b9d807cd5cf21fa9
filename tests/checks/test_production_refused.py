"""Whoever can log in to production must not reach the copies."""

from datetime import timedelta
from typing import Any

import pytest

from gate.checks import production_refused
from gate.finding import Outcome
from gate.inventory import Inventory, ObjectStore, ProductionAccess, Sentinels, Ssh
from tests.cases import (
    LOGIN,
    NOON,
    SECOND,
    access,
    bucket,
    case,
    evidence,
    fleet,
    host,
    offsite,
    policy,
    protection,
)

LIMIT = policy().sentinel_max_age


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, Outcome.PASSED),
        ({"refused": False}, Outcome.FAILED),
        ({"refused": None}, Outcome.UNKNOWN),
        ({"at": NOON - LIMIT}, Outcome.PASSED),
        ({"at": NOON}, Outcome.PASSED),
        ({"at": NOON - LIMIT - SECOND}, Outcome.FAILED),
        ({"at": NOON + SECOND}, Outcome.UNKNOWN),
        ({"refused": False, "at": NOON - timedelta(days=9)}, Outcome.FAILED),
    ],
)
def test_only_a_refusal_of_today_passes(fields: dict[str, Any], outcome: Outcome) -> None:
    finding = production_refused.check(case(evidence(access={"nightly": access("nightly", **fields)})))
    assert finding.outcome is outcome
    assert ("lies in the future" in finding.because) is (fields.get("at") == NOON + SECOND)


MACHINES = (host("db-1", "east"), host("bk-1", "west"))


def elsewhere(name: str, **ssh: Any) -> Inventory:
    """The fleet, but one of its hosts is reached at another address."""
    moved = tuple(one.model_copy(update={"ssh": Ssh(**ssh)}) if one.id == name else one for one in MACHINES)
    return fleet().model_copy(update={"hosts": moved})


@pytest.mark.parametrize(
    ("inventory", "actor"),
    [
        (fleet(), "nobody of old-host as x of another-host"),
        (fleet(), "sidekick of db-1 as backup of bk-1"),
        (fleet(), LOGIN + "0"),
        (elsewhere("bk-1", host="127.0.0.2"), LOGIN),
        (elsewhere("bk-1", host="127.0.0.1", port=2222), LOGIN),
        (elsewhere("db-1", host="127.0.0.2"), LOGIN),
        (fleet(protections=(protection(production=ProductionAccess(account="oracle", user="backup")),)), LOGIN),
        (fleet(protections=(protection(production=ProductionAccess(account="sidekick", user="root")),)), LOGIN),
        (fleet(protections=(protection(production=None),)), LOGIN),
    ],
)
def test_the_trial_of_another_account_or_host_says_nothing(inventory: Inventory, actor: str) -> None:
    given = {"nightly": access("nightly", actor=actor)}
    finding = production_refused.check(case(evidence(access=given), inventory=inventory))
    assert finding.outcome is Outcome.UNKNOWN
    assert f"nightly: what was tried is {actor}, and the inventory names " in finding.because
    nobody = inventory.protections[0].production is None
    assert ("no credential of production at all" in finding.because) is nobody


def test_a_key_counts_at_the_bucket_and_prefix_that_the_inventory_names_whatever_its_mark() -> None:
    store = ObjectStore(
        endpoint="https://objects.example",
        account="offsite",
        bucket="copies",
        on_arrays=(),
        sentinels=Sentinels(prefix="sentinels/", retention="1d"),
    )
    own = "production's own key at https://objects.example (bucket copies of offsite, below sentinels/)"
    inventory = fleet(protections=(offsite(object_store=store, production=None),))
    for actor, outcome in (
        (own, Outcome.PASSED),
        (own + " with key sha256:0123", Outcome.PASSED),
        (own.replace("copies", "other"), Outcome.UNKNOWN),
        (own.replace("sentinels/", "other/"), Outcome.UNKNOWN),
        (own.replace("objects.example", "elsewhere.example"), Outcome.UNKNOWN),
    ):
        told = evidence(access={"offsite": access("offsite", actor=actor)}, repositories={"offsite": bucket()})
        assert production_refused.check(case(told, inventory=inventory)).outcome is outcome, actor


def test_addresses_are_no_part_of_what_people_sign_for() -> None:
    found = production_refused.check(case())
    assert found.relied_on["sidekick"] == {
        "protection": "nightly", "actor": "sidekick of db-1 as backup of bk-1", "sentinel_max_age_s": 86400,
    }  # fmt: skip


def test_a_credential_that_nobody_tried_is_not_known_to_be_refused() -> None:
    assert production_refused.check(case(evidence(access={"offsite": access("offsite")}))).outcome is Outcome.UNKNOWN
