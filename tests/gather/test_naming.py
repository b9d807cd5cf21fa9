"""A name and an address that are one machine are told as one; what cannot be told is not passed over."""

import json
from typing import Any

from gate.gather.naming import KEPT_S, Names, resolved
from gate.inventory import Appliance, Inventory, Medium, Ssh
from tests.cases import array, fleet

BOOK = {
    "objects.example": ("192.0.2.9", "192.0.2.10"),
    "east-1.example": ("192.0.2.9",),
    "east-1-nas.example": ("192.0.2.11",),
    "gateway.example": ("192.0.2.10",),
    "behind.example": ("192.0.2.9",),
}


def named(**east: Any) -> Inventory:
    given = {"ssh": Ssh(host="East-1.Example."), "addresses": ("east-1-nas.example", "192.0.2.12"), **east}
    gateway = Appliance(
        id="gw", site="west", medium=Medium.APPLIANCE, addresses=("gateway.example",), on_arrays=("east-1",)
    )
    made = fleet(arrays=(array("east-1", **given), array("vault-1")))
    return made.model_copy(update={"appliances": (gateway,)})


def told(names: Names, host: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(names.told(host))
    return found


def test_a_service_is_told_with_its_addresses_and_with_every_name_that_has_one_of_them() -> None:
    found = told(Names(named(), lambda name: BOOK.get(name, ())), "objects.example")
    assert found["addresses"] == ["192.0.2.10", "192.0.2.9"]
    assert found["names"] == ["east-1.example", "gateway.example"]
    assert found["unresolved"] == []


def test_an_address_is_not_asked_for_and_is_told_in_one_spelling() -> None:
    asked: list[str] = []

    def resolve(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    found = told(Names(fleet(), resolve), "::ffff:192.0.2.9")
    assert (found["addresses"], found["names"], asked) == (["192.0.2.9"], [], [])


def test_a_name_that_serves_and_leads_nowhere_is_told_and_one_that_is_logged_in_to_is_not_needed() -> None:
    names = Names(named(), lambda name: ("198.51.100.7",) if name == "objects.example" else ())
    assert told(names, "objects.example")["unresolved"] == ["east-1-nas.example", "gateway.example"]


def test_what_is_named_behind_a_bastion_is_nothing_here() -> None:
    east = array("east-1", ssh=Ssh(host="behind.example"), via="jump")
    behind = fleet().model_copy(update={"arrays": (east,)})
    found = told(Names(behind, lambda name: BOOK.get(name, ())), "192.0.2.9")
    assert (found["names"], found["unresolved"]) == ([], [])


def test_names_are_asked_for_once_in_a_while() -> None:
    asked: list[str] = []
    now = [0.0]

    def resolve(name: str) -> tuple[str, ...]:
        asked.append(name)
        return BOOK.get(name, ())

    names = Names(named(), resolve, lambda: now[0])
    for _ in range(3):
        names.told("192.0.2.9")
    assert sorted(asked) == ["east-1-nas.example", "east-1.example", "gateway.example"]
    now[0] = KEPT_S + 1
    names.told("192.0.2.9")
    assert len(asked) == 6


def test_the_resolver_of_this_host_knows_itself_and_what_it_does_not_know_has_no_address() -> None:
    assert "127.0.0.1" in resolved("localhost")
    assert resolved("2130706433") == ("127.0.0.1",)
    assert resolved("a" * 64 + ".invalid") == ()
