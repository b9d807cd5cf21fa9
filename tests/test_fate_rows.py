"""What each row of shared fate says, word for word: these are read by people."""

from typing import Any

import pytest

from gate.evidence import Provenance
from gate.fate.pair import Touched
from gate.fate.rows import Row
from gate.inventory import Plane
from gate.isolation import Relation
from tests.cases import VAULT_LUN, array, bucket, evidence, fleet, host, protection, reading, trace
from tests.test_fate import VAULTED, inventory, rows, seen

SAME, DIFFERENT, UNKNOWN = Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN
MEASURED, DECLARED = Provenance.MEASURED, Provenance.DECLARED
EAST, VAULT = "east-1 (serial 0000020420E00011)", "vault-1 (serial 0000020420E00031)"
CHANGE = Touched(frozenset({"east-1"}), (frozenset({"west-1"}), frozenset({"east-1"}), frozenset({"east-1"})))


@pytest.mark.parametrize(
    "row",
    [
        Row("array", EAST, VAULT, DIFFERENT, MEASURED, f"measured on {EAST} and {VAULT}"),
        Row("change-set", "east-1", "not touched", DIFFERENT, MEASURED),
        Row("wave", "wave-1, wave-2", "in no stage", DIFFERENT, MEASURED),
        Row("partner", "none", "none", DIFFERENT, Provenance.INVENTORY),
        Row("backup-software", "", "sqlite-copy", DIFFERENT, DECLARED),
        Row("firmware", "LAB-FS5 8.6.0.3", "LAB-FS5 8.7.0.4", DIFFERENT, MEASURED),
        Row("admin", "storage", "vault", DIFFERENT, DECLARED),
        Row("fabric", "f1, f2", "f3, f4", DIFFERENT, DECLARED),
        Row("site", "east", "west", DIFFERENT, DECLARED),
        Row("host", "db-1", "bk-1", DIFFERENT, Provenance.INVENTORY),
    ],
    ids=lambda row: row.dimension,
)
def test_apart_a_row_names_both(row: Row) -> None:
    assert rows(change=CHANGE)[row.dimension] == row


@pytest.mark.parametrize(
    ("told", "changed", "row"),
    [
        (
            {"arrays": {}},
            {},
            Row("array", "not known", "not known", UNKNOWN, DECLARED, ""),
        ),
        ({}, {"east": {"partner": "west-1"}}, Row("partner", "west-1", "none", DIFFERENT, Provenance.INVENTORY)),
        (
            {},
            {"protections": (protection(host="db-1", plane=VAULTED),)},
            Row("host", "db-1", "db-1", SAME, Provenance.INVENTORY, "production runs on the backup host"),
        ),
        (
            {},
            {"plane": VAULTED.model_copy(update={"admins": ("storage", "vault")})},
            Row("admin", "storage", "storage, vault", SAME, DECLARED, "both have storage"),
        ),
        (
            {},
            {"plane": VAULTED.model_copy(update={"admins": ()})},
            Row("admin", "storage", "vault", UNKNOWN, DECLARED, "not everything that has one declares it"),
        ),
        (
            {},
            {"vault": VAULTED.model_copy(update={"power": None})},
            Row("power", "p1", "p2", UNKNOWN, DECLARED, "not everything that has one declares it"),
        ),
    ],
    ids=lambda value: value.dimension if isinstance(value, Row) else "",
)
def test_a_row_says_what_is_shared_or_missing(told: dict[str, Any], changed: dict[str, Any], row: Row) -> None:
    found = rows(evidence(tools={}, **told) if told else seen(), **changed)[row.dimension]
    if row.verdict is UNKNOWN and row.dimension == "array":
        assert (found.verdict, bool(found.because)) == (UNKNOWN, True)
        return
    assert found == row


def test_a_place_that_is_only_partly_known_is_different_in_nothing_that_is_declared() -> None:
    both = trace("vault-1", "60aa")
    half = trace("vault-1", "60aa", leaves=(*both.leaves, *trace("nowhere", "60bb").leaves))
    for told in (seen(repositories={"nightly": half}), seen(datasets={"sidekick": half})):
        found = rows(told)
        for dimension in ("admin", "identity-provider", "management-network", "power", "fabric", "site"):
            assert found[dimension].verdict is not DIFFERENT, dimension


def test_data_that_are_only_partly_known_are_different_in_nothing_that_is_declared() -> None:
    half = trace("west-1", "60aa", leaves=(*trace("west-1", "60aa").leaves, *trace("nowhere", "60bb").leaves))
    told = seen(datasets={"sidekick": half}, arrays={name: reading(name) for name in ("east-1", "vault-1", "west-1")})
    plane = VAULTED.model_copy(update={"admins": ("west-operations",)})
    arrays = (array("east-1"), array("west-1", plane=plane), array("vault-1", plane=VAULTED))
    found = rows(told, arrays=arrays)["admin"]
    assert (found.source, found.verdict) == ("west-operations", UNKNOWN)
    nowhere = rows(seen(datasets={"sidekick": trace("nowhere", "60aa")}))["array"]
    assert nowhere.provenance is MEASURED  # of the copy, which is known
    lost = rows(seen(datasets={}, repositories={}))["array"]
    assert lost == Row("array", "not known", "not known", UNKNOWN, DECLARED, "nobody asked where it lies")


def test_of_a_mirror_both_arrays_must_declare_it() -> None:
    both = trace("vault-1", VAULT_LUN, leaves=(*trace("vault-1", VAULT_LUN).leaves, *trace("west-1", "60aa").leaves))
    told = seen(
        repositories={"nightly": both}, arrays={name: reading(name) for name in ("east-1", "vault-1", "west-1")}
    )
    arrays = (inventory().array("east-1"), array("west-1", plane=Plane()), array("vault-1", plane=VAULTED))
    assert rows(told, arrays=arrays)["power"].verdict is UNKNOWN


def test_a_copy_in_no_stage_is_apart_from_data_that_nobody_can_place_and_one_in_a_stage_is_not() -> None:
    lost = seen(datasets={"sidekick": trace("nowhere", "60aa")})
    assert rows(lost, Touched(waves=(frozenset({"west-1"}),)))["wave"].verdict is DIFFERENT
    assert rows(lost, Touched(waves=(frozenset({"vault-1"}),)))["wave"].verdict is UNKNOWN


def test_two_hypervisor_clusters_are_two_and_one_that_nobody_names_is_none() -> None:
    plain = (host("db-1", "east"), host("bk-1", "west"))
    for clusters, verdict in ((("vm-a", "vm-b"), DIFFERENT), (("vm-a", None), DIFFERENT), (("vm-a", "vm-a"), SAME)):
        hosts = tuple(one.model_copy(update={"cluster": cluster}) for one, cluster in zip(plain, clusters, strict=True))
        found = rows(hosts=hosts)["host"]
        assert found.verdict is verdict
        assert found.because == ("both run on the cluster vm-a" if verdict is SAME else "")


def test_a_volume_that_no_array_lists_may_be_a_mirror() -> None:
    told = seen()
    for missing in ("east-1", "vault-1"):
        arrays = {**told.arrays, missing: reading(missing, volumes=())}
        found = rows(evidence(tools={}, arrays=arrays))["replication"]
        assert (found.verdict, "no array lists the volumes" in found.because) == (UNKNOWN, True)
    nowhere = rows(seen(datasets={}))["replication"]
    assert nowhere.verdict is UNKNOWN


def test_firmware_that_one_of_them_does_not_tell_is_unknown_though_the_other_does() -> None:
    told = seen()
    arrays = {**told.arrays, "vault-1": reading("vault-1", model=None, volumes=told.arrays["vault-1"].volumes)}
    found = rows(evidence(tools={}, arrays=arrays))["firmware"]
    assert (found.verdict, found.backup) == (UNKNOWN, "? 8.6.0.3")
    arrays = {**told.arrays, "east-1": reading("east-1", model=None, volumes=told.arrays["east-1"].volumes)}
    assert rows(evidence(tools={}, arrays=arrays))["firmware"].verdict is UNKNOWN
    assert inventory().array("east-1").plane != fleet(arrays=(array("east-1"),)).array("east-1").plane


def test_data_on_what_the_inventory_has_no_entry_for_has_nobody_who_declares_its_plane() -> None:
    found = rows(seen(datasets={"sidekick": bucket()}))
    assert {found[name].verdict for name in ("admin", "identity-provider", "power", "site")} == {UNKNOWN}


def test_a_pair_that_only_the_array_under_the_copy_tells_of_is_one() -> None:
    arrays = array("east-1"), array("west-1"), array("vault-1", partner="east-1")
    found = rows(arrays=arrays)["partner"]
    assert (found.verdict, found.because.split(":")[0]) == (SAME, "east-1 and vault-1 are a pair")
