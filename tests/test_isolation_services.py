"""Copies in object services: one service is one place, whatever the buckets, and an array may be that service."""

import pytest

from gate.checks import backup_isolated, copies_independent, copy_survives
from gate.checks.case import Case
from gate.evidence import Identity, Share, Trace
from gate.finding import Finding, Outcome, Weight
from gate.inventory import Appliance, ArrayFamily, Criticality, Inventory, Medium, Plane, Scratch, Ssh
from gate.isolation import Isolation, Relation, relate
from gate.landscape import Map
from tests.cases import (
    DATA_LUN,
    SERIALS,
    SERVICE_AT,
    array,
    backups,
    bucket,
    case,
    dataset,
    evidence,
    fleet,
    immutability,
    object_store,
    offsite,
    port,
    reading,
    rehearsal,
    service,
    trace,
    verification,
)

DATA = trace("east-1", DATA_LUN)
SAME, DIFFERENT, UNKNOWN = Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN


def lying(*identities: Identity) -> Trace:
    return bucket(identities=identities)


def compared(here: Trace, there: Trace, inventory: Inventory | None = None) -> Isolation:
    where = Map({name: reading(name) for name in SERIALS}, inventory or fleet())
    found = relate(here, there, where)
    assert relate(there, here, where).relation is found.relation
    return found


def around(**east: object) -> Inventory:
    others = (array("east-2"), array("west-1"), array("vault-1", Criticality.CRITICAL))
    return fleet(arrays=(array("east-1", Criticality.CRITICAL, **east), *others))


def test_two_buckets_of_one_service_and_account_are_one_place_that_says_which_bucket() -> None:
    one, other = lying(service()), lying(service(part="copies-2"))
    assert compared(one, other).relation is SAME
    assert (one.place, other.place) == (
        "object-service:https://objects.example offsite copies",
        "object-service:https://objects.example offsite copies-2",
    )


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("https://objects.example another", SERVICE_AT),
        ("https://alias.example another", ("alias.example", "198.51.100.7")),
        ("https://alias.example another", ("alias.example", "203.0.113.1", "::ffff:198.51.100.7")),
        ("https://objects.example:9000 offsite", ("objects.example", "203.0.113.1")),
    ],
    ids=["another account", "an alias", "one address of several, wrapped", "another port"],
)
def test_what_answers_at_one_address_or_under_one_name_is_one_service(name: str, at: tuple[str, ...]) -> None:
    """Accounts are the inventory's word: two of them make no second place."""
    found = compared(lying(service()), lying(service(name, addresses=at)))
    assert found.relation is SAME
    assert "both" in found.because


def test_two_services_at_two_addresses_are_two_places() -> None:
    other = lying(service("https://s3.example offsite", addresses=("s3.example", "203.0.113.1")))
    assert compared(lying(service()), other).relation is DIFFERENT


def test_a_share_and_a_service_at_one_address_are_one_place() -> None:
    share = Trace("bk-1", "/b", DATA.at, shares=(Share("nfs4", "nas", "/x", ("::ffff:198.51.100.7",)),))
    assert compared(share, lying(service())).because == "both are served from 198.51.100.7"


@pytest.mark.parametrize("at", [(), ("objects.example",), ("objects.example", "3221225993")])
def test_a_service_whose_address_nobody_knows_is_unknown(at: tuple[str, ...]) -> None:
    found = compared(DATA, lying(service(addresses=at)))
    assert (found.relation, found.attestable) == (UNKNOWN, False)
    assert found.because.startswith("no address of https://objects.example offsite is known")


@pytest.mark.parametrize(
    "east",
    [
        {"addresses": ("192.0.2.8", "192.0.2.9")},
        {"addresses": ("0:0:0:0:0:ffff:192.0.2.9",)},
        {"addresses": ("Filer.East.example.",)},
        {"ssh": Ssh(host="192.0.2.9")},
        {"ssh": Ssh(host="filer.east.example")},
        {"upload": Ssh(host="192.0.2.9", port=1022)},
        {"scratch": array("east-1").scratch.model_copy(update={"portal": "192.0.2.9"})},  # type: ignore[union-attr]
    ],
    ids=["files", "wrapped", "its name", "command line", "name of its command line", "upload", "portal"],
)
def test_objects_that_the_array_under_the_data_serves_are_no_copy_elsewhere(east: dict[str, object]) -> None:
    there = lying(service(addresses=("objects.example", "192.0.2.9", "filer.east.example")))
    found = compared(DATA, there, around(**east))
    assert found.relation is SAME
    assert found.because == f"both lie on east-1 (serial {SERIALS['east-1']})"
    assert compared(trace("vault-1", "60aa"), there, around(**east)).relation is DIFFERENT


@pytest.mark.parametrize(("below", "expected"), [((), DIFFERENT), (("east-1",), SAME)])
def test_an_appliance_that_serves_objects_counts_with_what_it_lies_on(
    below: tuple[str, ...], expected: Relation
) -> None:
    gateway = Appliance(
        id="gateway", site="west", medium=Medium.APPLIANCE, addresses=("198.51.100.7",), on_arrays=below
    )
    inventory = fleet().model_copy(update={"appliances": (gateway,)})
    found = compared(DATA, bucket(), inventory)
    assert found.relation is expected
    assert ("appliance", "gateway") in found.backup.keys


def test_files_from_an_address_that_is_only_logged_in_to_are_the_same_and_never_different() -> None:
    share = Trace("bk-1", "/b", DATA.at, shares=(Share("nfs4", "nas", "/x", ("192.0.2.9",)),))
    assert compared(DATA, share, around(ssh=Ssh(host="192.0.2.9"))).relation is SAME
    assert compared(trace("vault-1", "60aa"), share, around(ssh=Ssh(host="192.0.2.9"))).relation is UNKNOWN


def served_by(inventory: Inventory, *copies: tuple[str, Identity]) -> Case:
    places = {name: lying(identity) for name, identity in copies}
    told = evidence(
        repositories=places,
        backups={name: backups(name) for name in places},
        verifications=tuple(verification(protection=name, place=one.place) for name, one in places.items()),
        rehearsals=tuple(rehearsal(protection=name, place=one.place) for name, one in places.items()),
        immutability={name: immutability(protection=name, place=one.place) for name, one in places.items()},
    )
    return case(told, inventory=inventory)


def test_two_buckets_of_one_service_are_one_copy_for_data_of_tier_1() -> None:
    second = offsite("offsite-2", object_store=object_store(bucket="copies-2"))
    inventory = fleet(datasets=(dataset(tier=1),), protections=(offsite(), second))

    def asked(other: Identity) -> Finding:
        return copies_independent.check(served_by(inventory, ("offsite", service()), ("offsite-2", other)))

    found = asked(service(part="copies-2"))
    assert (found.outcome, found.weight) == (Outcome.UNKNOWN, Weight.BLOCK)
    assert "1 of 2 copies are proven: offsite-2 is not measured to be apart from offsite" in found.because
    elsewhere = service("https://s3.example offsite", addresses=("s3.example", "203.0.113.1"))
    assert asked(elsewhere).outcome is Outcome.PASSED


def test_a_copy_that_the_changed_array_serves_itself_is_neither_isolated_nor_does_it_survive() -> None:
    inventory = around(addresses=("192.0.2.9",)).model_copy(update={"protections": (offsite(),)})
    here = served_by(inventory, ("offsite", service(addresses=("objects.example", "192.0.2.9"))))
    assert backup_isolated.check(here).outcome is Outcome.FAILED
    assert copy_survives.check(here).outcome is not Outcome.PASSED
    elsewhere = served_by(inventory, ("offsite", service()))
    assert backup_isolated.check(elsewhere).outcome is Outcome.PASSED
    assert copy_survives.check(elsewhere).outcome is Outcome.PASSED


def test_the_portal_of_a_switch_is_that_of_an_array() -> None:
    scratch = Scratch(portal="192.0.2.9", target=port("east-1"), lun=9, blocks=4096)
    switch = array("fos-1", family=ArrayFamily.BROCADE_FOS, plane=Plane(fabrics=("east-a",)), scratch=scratch)
    assert array("east-1", scratch=scratch).reached_at == ("127.0.0.1", "192.0.2.9")
    assert switch.reached_at == ("127.0.0.1",)
