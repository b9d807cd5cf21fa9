"""What a kept proof is about: another thing under one name is told apart, whoever owns it is not."""

from typing import Any

import pytest

from gate import subject
from gate.inventory import (
    AppendOnly,
    AppendOnlyServer,
    BackupTool,
    Engine,
    Inventory,
    ProductionAccess,
    Sentinels,
    Ssh,
    Statement,
)
from tests import cases

STATEMENT = Statement(name="some", sql="SELECT count(*) FROM contacts", expect="3")
OTHER_DATA: tuple[dict[str, Any], ...] = (
    {"engine": Engine.POSTGRESQL, "database": "sidekick"},
    {"host": "bk-1"},
    {"path": "/data/other.db"},
    {"mount": "/other"},
    {"port": 5433},
    {"database": "other"},
)
OTHER_COPY: tuple[dict[str, Any], ...] = (
    {"tool": BackupTool.RESTIC},
    {"host": "db-1"},
    {"repository": "/backup/other"},
    {"mount": "/other"},
    {"name": "other"},
    {"config_file": "/etc/other.conf"},
)
OTHER_STORE: tuple[dict[str, Any], ...] = (
    {"endpoint": "https://other.example"},
    {"account": "other"},
    {"bucket": "other"},
    {"prefix": "other/"},
)
SAME_DATA: tuple[dict[str, Any], ...] = ({"owner": "mail"}, {"tier": 1}, {"rto": "1h"}, {"rpo": "1h"})
SAME_COPY: tuple[dict[str, Any], ...] = (
    {"password_file": "/etc/password"},
    {"read_parts": 7},
    {"plane": cases.plane("a", "b", "c")},
    {"production": ProductionAccess(account="other", user="other")},
    {"rehearsal_every": "2d"},
)


def fleet(data: dict[str, Any] | None = None, **copy: Any) -> Inventory:
    return cases.fleet(datasets=(cases.dataset(**(data or {})),), protections=(cases.protection(**copy),))


def told(inventory: Inventory) -> tuple[str, str, str]:
    (dataset,), (protection,) = inventory.datasets, inventory.protections
    made = subject.copy(protection, inventory), subject.restore(protection, inventory)
    return subject.data(dataset, inventory), *made


def differ(one: Inventory, other: Inventory) -> tuple[bool, ...]:
    return tuple(here != there for here, there in zip(told(one), told(other), strict=True))


def test_a_digest_is_one_of_three_and_says_always_the_same() -> None:
    assert told(fleet()) == told(fleet())
    assert len(set(told(fleet()))) == 3


@pytest.mark.parametrize("changed", OTHER_DATA, ids=str)
def test_other_data_is_another_subject_of_references_copies_and_restores(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(changed)) == (True, True, True)


@pytest.mark.parametrize("changed", OTHER_COPY, ids=str)
def test_another_copy_is_another_subject_of_reads_and_restores_and_not_of_references(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(**changed)) == (False, True, True)


@pytest.mark.parametrize("changed", OTHER_STORE, ids=str)
def test_another_place_in_an_object_service_is_another_copy(changed: dict[str, Any]) -> None:
    one, other = (
        cases.fleet(protections=(cases.offsite(object_store=cases.object_store(**fields)),)) for fields in ({}, changed)
    )
    assert differ(one, other) == (False, True, True)


def test_where_the_gate_tries_what_holds_a_copy_is_what_a_trial_is_about_and_no_restore() -> None:
    tried = cases.object_store(sentinels=Sentinels(prefix="gate/"))
    with_store, trying = (
        cases.fleet(protections=(cases.offsite(object_store=store),)) for store in (cases.object_store(), tried)
    )
    assert differ(with_store, trying) == (False, True, False)
    server = AppendOnlyServer(endpoint="https://rest.example", sentinels="/backup/gate")
    behind = fleet(tool=BackupTool.RESTIC, append_only_server=server)
    assert differ(fleet(tool=BackupTool.RESTIC), behind) == (False, True, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"tables": cases.TABLES[:1]},
        {"statements": (STATEMENT,)},
        {"append_only": (AppendOnly(table=cases.TABLES[0], key="id"),)},
    ],
    ids=str,
)
def test_what_a_restored_copy_is_held_against_is_what_a_rehearsal_is_about(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(changed)) == (False, False, True)


@pytest.mark.parametrize(
    "changed",
    [{"rehearsal_host": "db-1"}, {"rehearsal_scratch": "/scratch/other"}, {"rehearsal_mount": "/other"}],
    ids=str,
)
def test_where_it_was_rehearsed_is_what_a_rehearsal_is_about(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(**changed)) == (False, False, True)


@pytest.mark.parametrize("name", ["db-1", "bk-1"])
def test_another_machine_under_a_hosts_name_is_another_host(name: str) -> None:
    made = fleet()
    for moved in (Ssh(host="other.example"), Ssh(host=f"{name}.example", port=2222)):
        hosts = tuple(one.model_copy(update={"ssh": moved}) if one.id == name else one for one in made.hosts)
        other = made.model_copy(update={"hosts": hosts})
        assert differ(made, Inventory.model_validate(other.model_dump())) == (name == "db-1", True, True)


def test_another_name_inherits_nothing() -> None:
    renamed = cases.fleet(datasets=(cases.dataset("mail", path="/data/sidekick.db"),), protections=())
    assert subject.data(renamed.datasets[0], renamed) != told(fleet())[0]
    assert differ(fleet(), cases.fleet(protections=(cases.protection("weekly", repository="/backup/nightly"),))) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize("changed", SAME_DATA, ids=str)
def test_who_owns_the_data_and_what_is_demanded_of_them_makes_no_other_data(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(changed)) == (False, False, False)


@pytest.mark.parametrize("changed", SAME_COPY, ids=str)
def test_how_a_copy_is_opened_and_how_often_it_is_looked_at_makes_no_other_copy(changed: dict[str, Any]) -> None:
    assert differ(fleet(), fleet(**changed)) == (False, False, False)
