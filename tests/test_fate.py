"""Every way in which data and copy could be lost at once, one row each; what nobody said is never different."""

from typing import Any

import pytest

from gate.evidence import Evidence, Identity, Provenance, Volume
from gate.fate.pair import Pair, Surroundings, Touched
from gate.fate.rows import Row, shared_fate
from gate.inventory import Appliance, Inventory, Medium, Plane, Ssh, VirtualDisk
from gate.isolation import Relation, relate
from gate.landscape import Map
from gate.upkeep import Work
from tests.cases import (
    DATA_LUN,
    NOON,
    SECOND,
    VAULT_LUN,
    array,
    dataset,
    evidence,
    fleet,
    host,
    protection,
    reading,
    trace,
)

SAME, DIFFERENT, UNKNOWN = Relation.SAME, Relation.DIFFERENT, Relation.UNKNOWN
DISK = Identity("virtual-disk", "bk-1:vda")
PRODUCTION = Plane(
    admins=("storage",), identity_provider="corporate", management_network="m1", power="p1", fabrics=("f1", "f2")
)
VAULTED = Plane(
    admins=("vault",), identity_provider="backup", management_network="m2", power="p2", fabrics=("f3", "f4")
)


def volume(uid: str, *copy_of: str) -> Volume:
    return Volume(uid[-2:], uid[-2:], uid, 1000, copy_of)


def seen(data: tuple[str, ...] = (), kept: tuple[str, ...] = (), **fields: Any) -> Evidence:
    """Both arrays list their volume; `data` and `kept` are what these are copies of."""
    arrays = {
        "east-1": reading("east-1", volumes=(volume(DATA_LUN, *data),), version="8.6.0.3"),
        "vault-1": reading("vault-1", volumes=(volume(VAULT_LUN, *kept),), version="8.7.0.4"),
        "west-1": reading("west-1", volumes=()),
    }
    return evidence(**{"arrays": arrays, "tools": {}, **fields})


def inventory(**changed: Any) -> Inventory:
    east = array("east-1", plane=PRODUCTION, **changed.pop("east", {}))
    vault = array("vault-1", plane=changed.pop("vault", VAULTED))
    made = fleet(arrays=(east, array("west-1"), vault), protections=(protection(plane=changed.pop("plane", VAULTED)),))
    return made.model_copy(update=changed)


def rows(told: Evidence | None = None, change: Touched | None = None, **changed: Any) -> dict[str, Row]:
    asked, given = told or seen(), inventory(**changed)
    where = Map(asked.arrays, given)
    kept = given.protections[0]
    relation = relate(asked.datasets.get("sidekick"), asked.repositories.get("nightly"), where)
    found = shared_fate(Pair(dataset(), kept, relation, Surroundings(asked, given, where), change or Touched()))
    assert len({row.dimension for row in found}) == len(found)
    return {row.dimension: row for row in found}


PLAN = Touched(frozenset({"east-1", "west-1"}), (frozenset({"west-1"}), frozenset({"east-1"})))


def test_two_arrays_with_nothing_in_common_differ_in_every_dimension() -> None:
    found = rows(change=PLAN)
    assert {name: row.verdict for name, row in found.items()} == dict.fromkeys(found, DIFFERENT)
    assert list(found) == [
        "array", "change-set", "wave", "replication", "partner", "backup-software", "firmware", "admin",
        "identity-provider", "management-network", "power", "fabric", "site", "host",
    ]  # fmt: skip
    assert found["array"].provenance is Provenance.MEASURED
    assert found["admin"].provenance is Provenance.DECLARED
    assert (found["site"].source, found["site"].backup) == ("east", "west")


@pytest.mark.parametrize(
    ("field", "value", "dimension"),
    [
        ("admins", ("vault", "storage"), "admin"),
        ("identity_provider", "corporate", "identity-provider"),
        ("management_network", "m1", "management-network"),
        ("power", "p1", "power"),
        ("fabrics", ("f2", "f3"), "fabric"),
    ],
)
@pytest.mark.parametrize("whose", ["plane", "vault"])
def test_what_is_declared_of_both_is_shared_and_named(field: str, value: Any, dimension: str, whose: str) -> None:
    """Of the backup system itself as of the array under it."""
    changed: dict[str, Any] = {whose: VAULTED.model_copy(update={field: value})}
    found = rows(**changed)[dimension]
    assert found.verdict is SAME
    assert found.because.startswith("both have ")


@pytest.mark.parametrize("whose", ["plane", "vault"])
def test_what_one_of_them_does_not_declare_is_unknown(whose: str) -> None:
    changed: dict[str, Any] = {whose: Plane()}
    found = rows(**changed)
    for dimension in ("admin", "identity-provider", "management-network", "power", "fabric"):
        assert found[dimension].verdict is UNKNOWN


def test_a_copy_on_an_array_of_the_change_is_named_with_its_stage() -> None:
    change = Touched(frozenset({"east-1", "vault-1"}), (frozenset({"east-1"}), frozenset({"vault-1"})))
    found = rows(change=change)
    assert (found["change-set"].verdict, found["change-set"].because) == (SAME, "the change touches vault-1")
    assert (found["wave"].verdict, found["wave"].source, found["wave"].backup) == (DIFFERENT, "canary", "wave-1")
    together = Touched(change.targets, (frozenset({"east-1", "vault-1"}),))
    assert rows(change=together)["wave"].verdict is SAME
    assert rows()["wave"].verdict is UNKNOWN


@pytest.mark.parametrize(
    ("data", "kept", "words"),
    [
        ((), (DATA_LUN,), f"the volume {VAULT_LUN} is a snapshot, clone or mirror of {DATA_LUN}"),
        ((VAULT_LUN,), (), f"the volume {DATA_LUN} is a snapshot, clone or mirror of {VAULT_LUN}"),
        (("0000020420E00031/b1",), (), f"the volume {DATA_LUN} is a snapshot, clone or mirror of {VAULT_LUN}"),
        (("60aa",), ("60aa",), "are copies of one volume, 60aa"),
        (("OTHER/7",), ("OTHER/7",), "are copies of one volume, OTHER/7"),
    ],
)
def test_a_replica_is_no_backup(data: tuple[str, ...], kept: tuple[str, ...], words: str) -> None:
    found = rows(seen(data, kept))["replication"]
    assert found.verdict is SAME
    assert words in found.because


def test_copies_of_copies_are_followed_and_a_circle_ends() -> None:
    told = seen(kept=("60bb",))
    middle = reading("west-1", volumes=(volume("60bb", "60cc"), volume("60cc", DATA_LUN, "60bb")))
    assert rows(seen(kept=("60bb",), arrays={**told.arrays, "west-1": middle}))["replication"].verdict is SAME


def test_without_lists_of_volumes_no_copy_is_known_not_to_be_a_mirror() -> None:
    mute = {name: reading(name) for name in ("east-1", "vault-1", "west-1")}
    assert rows(evidence(arrays=mute))["replication"].verdict is UNKNOWN
    assert rows(evidence(arrays=mute))["array"].verdict is DIFFERENT


def test_a_pair_carries_what_befalls_one_to_the_other() -> None:
    found = rows(east={"partner": "vault-1"})["partner"]
    assert found.verdict is SAME
    assert "east-1 and vault-1 are a pair" in found.because


def test_one_code_level_on_both_is_the_same_sleeping_fault() -> None:
    told = seen()
    both = {**told.arrays, "vault-1": reading("vault-1", volumes=(volume(VAULT_LUN),), version="8.6.0.3")}
    assert rows(evidence(arrays=both))["firmware"].verdict is SAME
    unread = {**told.arrays, "vault-1": reading("vault-1", volumes=(volume(VAULT_LUN),), version=None)}
    assert rows(evidence(arrays=unread))["firmware"].verdict is UNKNOWN


def working(*on: str) -> Touched:
    return Touched(works=(Work("chg-0002 (open)", frozenset(on), NOON, NOON + SECOND),))


@pytest.mark.parametrize("on", ["nightly", "bk-1", "vault-1", "desk"])
def test_whoever_works_on_the_copy_or_on_what_a_recovery_needs_in_the_same_window_is_shared_fate(on: str) -> None:
    found = rows(change=working("elsewhere", on))["backup-software"]
    assert (found.verdict, found.because) == (SAME, f"chg-0002 (open) touches {on} in the same window")


def test_work_elsewhere_is_none_of_it_unless_the_copy_or_a_tool_may_be_there() -> None:
    assert rows(change=working("west-1"))["backup-software"].verdict is DIFFERENT
    losses: list[dict[str, Any]] = [{"repositories": {}}, {"tools": {"desk": trace("nowhere", "60aa")}}]
    for lost in losses:
        assert rows(seen(**lost), change=working("west-1"))["backup-software"].verdict is UNKNOWN
        assert rows(seen(**lost))["backup-software"].verdict is DIFFERENT


def test_the_array_under_a_recovery_tool_counts_as_well() -> None:
    there = {"desk": trace("west-1", "60ab")}
    assert rows(seen(tools=there), change=working("west-1"))["backup-software"].verdict is SAME


def test_one_host_or_one_hypervisor_cluster_is_the_same() -> None:
    hosts = (host("db-1", "east"), host("bk-1", "west"))
    clustered = tuple(one.model_copy(update={"cluster": "vm-a"}) for one in hosts)
    assert rows(hosts=clustered)["host"].verdict is SAME
    assert rows(protections=(protection(host="db-1", plane=VAULTED),))["host"].verdict is SAME


@pytest.mark.parametrize(
    ("spots", "verdict", "because"),
    [
        (("127.0.0.1", 22, "127.0.0.1", 22), SAME, "both are reached at 127.0.0.1, port 22"),
        (("Box.Example.", 22, "box.example", 22), SAME, "both are reached at box.example, port 22"),
        (("0:0:0:0:0:ffff:192.0.2.7", 22, "192.0.2.7", 22), SAME, "both are reached at 192.0.2.7, port 22"),
        (("127.0.0.1", 22, "127.0.0.1", 2222), DIFFERENT, ""),
        (("box.example", 22, "192.0.2.7", 22), DIFFERENT, ""),
    ],
)
def test_one_machine_under_two_names_is_one_host(spots: tuple[Any, ...], verdict: Relation, because: str) -> None:
    """Two ports of one address may be two machines behind one address: their host keys tell."""
    hosts = (
        host("db-1", "east").model_copy(update={"ssh": Ssh(host=spots[0], port=spots[1])}),
        host("bk-1", "west").model_copy(update={"ssh": Ssh(host=spots[2], port=spots[3])}),
    )
    found = rows(hosts=hosts)["host"]
    assert (found.verdict, found.because) == (verdict, because)


@pytest.mark.parametrize(
    ("keys", "verdict", "because"),
    [
        ({"db-1": ("SHA256:a", "SHA256:b"), "bk-1": ("SHA256:b",)}, SAME, "both answer with the host key SHA256:b"),
        ({"db-1": ("SHA256:a",), "bk-1": ("SHA256:b",)}, DIFFERENT, ""),
        ({"db-1": ("SHA256:a",), "bk-1": ()}, UNKNOWN, "no host key is known of one of them, so they could be one"),
        ({"bk-1": ("SHA256:a",)}, UNKNOWN, "no host key is known of one of them, so they could be one"),
        ({}, UNKNOWN, "no host key is known of one of them, so they could be one"),
    ],
)
def test_hosts_with_one_key_are_one_and_hosts_without_any_could_be(
    keys: dict[str, tuple[str, ...]], verdict: Relation, because: str
) -> None:
    found = rows(seen(host_keys=keys))["host"]
    assert found.verdict is verdict
    assert found.because.startswith(because)
    assert bool(found.because) is bool(because)


def test_an_unmounted_repository_leaves_every_measured_dimension_unknown() -> None:
    lost = evidence(repositories={"nightly": trace("vault-1", VAULT_LUN, leaves=(), problem="not mounted")})
    found = rows(lost, PLAN)
    for dimension in ("array", "change-set", "wave", "replication", "partner", "firmware", "site", "admin", "power"):
        assert found[dimension].verdict is UNKNOWN, dimension


def test_a_datastore_counts_with_what_it_lies_on_and_stays_declared() -> None:
    store = Appliance(id="vmstore", site="west", medium=Medium.DATASTORE, on_arrays=("vault-1",), plane=VAULTED)
    hosts = (
        host("db-1", "east"),
        host("bk-1", "west").model_copy(update={"disks": (VirtualDisk(disk="vda", datastore="vmstore"),)}),
    )
    told = seen(repositories={"nightly": trace("x", "1", leaves=(), identities=(DISK,))})
    found = rows(told, PLAN, hosts=hosts, appliances=(store,))
    assert (found["array"].verdict, found["array"].provenance) == (UNKNOWN, Provenance.DECLARED)
    assert "only the inventory says" in found["array"].because
    assert found["site"].verdict is DIFFERENT
