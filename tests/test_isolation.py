"""Same may be concluded from anything, different only from what the devices themselves told (IS-01, IS-02)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Hop, Identity, Leaf, Provenance, Share, Trace, Volume
from gate.inventory import Appliance, Backend, Inventory, Medium, VirtualDisk
from gate.isolation import Isolation, Relation, array_number
from gate.isolation import relate as compare
from gate.landscape import Map, Place
from tests.cases import (
    DATA_LUN,
    NOON,
    SERIALS,
    VAULT_LUN,
    array,
    bucket,
    fleet,
    host,
    leaf,
    port,
    reading,
    service,
    trace,
)

FLEET = fleet()


def told(**others: ArrayReading) -> dict[str, ArrayReading]:
    """Everybody's readings; `others` replaces or adds, with underscores for hyphens."""
    return {**{name: reading(name) for name in SERIALS}, **{key.replace("_", "-"): it for key, it in others.items()}}


def locate(where: Trace | None, readings: dict[str, ArrayReading], inventory: Inventory = FLEET) -> Place:
    return Map(readings, inventory).locate(where)


def relate(
    here: Trace | None, there: Trace | None, readings: dict[str, ArrayReading], inventory: Inventory = FLEET
) -> Isolation:
    return compare(here, there, Map(readings, inventory))


DATA, BACKUP = trace("east-1", DATA_LUN), trace("vault-1", VAULT_LUN, host="bk-1", path="/backup")


def relation(here: Trace | None, there: Trace | None, readings: dict[str, ArrayReading] | None = None) -> Relation:
    found = relate(here, there, told() if readings is None else readings, FLEET)
    turned = relate(there, here, told() if readings is None else readings, FLEET)
    assert found.relation is turned.relation
    assert found.because
    return found.relation


def test_an_array_that_tells_the_ports_and_its_serial_is_the_place() -> None:
    place = locate(DATA, told(), FLEET)
    assert (place.array, place.serial) == ("east-1", SERIALS["east-1"])
    assert place.because == "it lies on east-1 (serial 0000020420E00011)"


@pytest.mark.parametrize(
    ("where", "readings", "because"),
    [
        (None, {}, "nobody asked where it lies"),
        (trace("east-1", DATA_LUN, problem="/data is not mounted"), {}, "/data on db-1: /data is not mounted"),
        (trace("east-1", DATA_LUN, target_ports=()), {}, "the disk names no target port"),
        (trace("nowhere", DATA_LUN), {}, f"no array of the inventory tells the target port {port('nowhere')}"),
        (
            DATA,
            {"west_1": reading("west-1", target_ports=(port("east-1"),))},
            "the target ports are told by several arrays: east-1, west-1",
        ),
        (
            trace("east-1", DATA_LUN, target_ports=(port("east-1"), port("nowhere"))),
            {},
            f"east-1 does not tell the target port {port('nowhere')}",
        ),
        (
            trace("east-1", DATA_LUN, target_ports=(port("east-1"), port("east-2"))),
            {},
            "the target ports are told by several arrays: east-1, east-2",
        ),
        (DATA, {"east_1": reading("east-1", serial=None)}, "serial unknown, the inventory says 0000020420E00011"),
        (DATA, {"east_1": reading("east-1", serial="0000020420E00012")}, "answers with serial 0000020420E00012"),
        (trace("gone-1", DATA_LUN), {"gone_1": reading("gone-1")}, "the inventory says nothing of it"),
        (trace("gone-1", DATA_LUN), {"gone_1": reading("gone-1", serial=None)}, "the inventory says nothing of it"),
    ],
    ids=[
        "no trace", "problem", "no ports", "foreign port", "port told twice", "stray port", "ports of two arrays",
        "no serial", "other serial", "not in the inventory", "not in the inventory and mute",
    ],
)  # fmt: skip
def test_every_doubt_about_a_place_leaves_it_unlocated(
    where: Trace | None, readings: dict[str, Any], because: str
) -> None:
    place = locate(where, told(**readings), FLEET)
    assert (place.array, place.serial) == (None, None)
    assert because in place.because
    assert relation(where, BACKUP, told(**readings)) is Relation.UNKNOWN


def test_of_several_ports_that_lead_nowhere_the_first_is_named() -> None:
    lost = trace("x", "1", target_ports=("iqn.b", "iqn.c", "iqn.a"))
    assert "tells the target port iqn.a as its own" in locate(lost, told(), FLEET).because
    stray = trace("east-1", "1", target_ports=(port("east-1"), "iqn.b", "iqn.a", "iqn.c"))
    assert "east-1 does not tell the target port iqn.a" in locate(stray, told(), FLEET).because


def test_two_measured_arrays_are_different() -> None:
    found = relate(DATA, BACKUP, told(), FLEET)
    assert found.relation is Relation.DIFFERENT
    assert found.because == ("measured on east-1 (serial 0000020420E00011) and vault-1 (serial 0000020420E00031)")
    assert (found.source.array, found.backup.array, found.shared_ports) == ("east-1", "vault-1", ())


def test_no_readings_at_all_are_unknown() -> None:
    assert relation(DATA, BACKUP, {}) is Relation.UNKNOWN
    assert relation(None, None, {}) is Relation.UNKNOWN
    found = relate(DATA, None, told(), FLEET)
    assert found.because == "nobody asked where it lies"


def test_a_shared_target_port_is_the_same_array_though_nobody_knows_which() -> None:
    both = (port("nowhere", 2), port("nowhere", 1))
    found = relate(trace("x", "1", target_ports=both), trace("x", "2", target_ports=both), {}, FLEET)
    assert found.relation is Relation.SAME
    assert found.shared_ports == (port("nowhere", 1), port("nowhere", 2))
    assert f"through the target ports {port('nowhere', 1)} and {port('nowhere', 2)}" in found.because


def test_a_shared_port_outweighs_everything_measured() -> None:
    wide = trace("east-1", VAULT_LUN, target_ports=(port("east-1"), port("vault-1")))
    assert relation(DATA, wide) is Relation.SAME


def test_one_lun_under_both_is_the_same_even_over_ports_of_two_arrays() -> None:
    found = relate(DATA, trace("vault-1", DATA_LUN), told(), FLEET)
    assert found.relation is Relation.SAME
    assert found.because == f"both lie on the LUN {DATA_LUN}"


def test_other_lun_names_on_other_ports_of_one_array_are_the_same_array() -> None:
    found = relate(DATA, trace("east-1", VAULT_LUN, target_ports=(port("east-1", 2),)), told(), FLEET)
    assert found.relation is Relation.SAME
    assert found.because == "both lie on east-1 (serial 0000020420E00011)"


def test_the_reason_of_an_unknown_relation_names_every_place_that_is_missing() -> None:
    found = relate(trace("nowhere", "1"), trace("lost", "2"), told(), FLEET)
    assert found.relation is Relation.UNKNOWN
    assert port("nowhere") in found.because
    assert port("lost") in found.because
    half = relate(DATA, trace("lost", "2"), told(), FLEET)
    assert "east-1" not in half.because


def listed(name: str, *luns: str, **fields: object) -> ArrayReading:
    """An array that lists these LUNs among its volumes."""
    volumes = tuple(Volume(str(number), f"volume{number}", lun, 1 << 20) for number, lun in enumerate(luns))
    return reading(name, volumes=volumes, **fields)


def test_an_arrays_own_list_places_a_lun_whose_ports_nobody_tells() -> None:
    fibre = ("naa.5005076801400011",)
    here, there = (trace("x", lun, target_ports=fibre[:count]) for lun, count in ((DATA_LUN, 1), (VAULT_LUN, 0)))
    lists = told(east_1=listed("east-1", DATA_LUN), vault_1=listed("vault-1", VAULT_LUN))
    assert locate(here, lists).array == "east-1"
    assert relation(here, there, lists) is Relation.DIFFERENT
    assert relation(here, there) is Relation.UNKNOWN


@pytest.mark.parametrize(
    ("lists", "because"),
    [
        ({"east_1": listed("east-1", "60ff")}, "east-1 tells the target ports of the LUN"),
        ({"east_1": listed("east-1")}, "and does not list it among its volumes"),
        ({"west_1": listed("west-1", DATA_LUN)}, f"west-1 lists the LUN {DATA_LUN}, and east-1 tells its target port"),
        ({"east_1": listed("east-1", DATA_LUN, serial="other")}, "answers with serial other"),
    ],
)
def test_a_list_that_contradicts_the_ports_leaves_the_place_unknown(
    lists: dict[str, ArrayReading], because: str
) -> None:
    place = locate(DATA, told(**lists))
    assert because in place.because
    assert not place.known
    assert "east-1" in place.arrays
    assert relation(DATA, BACKUP, told(**lists)) is Relation.UNKNOWN


def test_a_volume_that_two_arrays_list_lies_on_both() -> None:
    stretched = told(
        east_1=listed("east-1", DATA_LUN), west_1=listed("west-1", DATA_LUN), vault_1=listed("vault-1", VAULT_LUN)
    )
    place = locate(DATA, stretched)
    assert (place.known, place.arrays, place.array) == (True, frozenset({"east-1", "west-1"}), None)
    assert relation(DATA, BACKUP, stretched) is Relation.DIFFERENT
    beside = {**stretched, "west-1": listed("west-1", DATA_LUN, "60aa")}
    assert relation(DATA, trace("west-1", "60aa"), beside) is Relation.SAME


def both(*pairs: tuple[str, str], problem: str = "") -> Trace:
    return trace("x", "1", leaves=tuple(leaf(on, lun) for on, lun in pairs), problem=problem)


def test_of_a_mirror_every_half_counts() -> None:
    mirror = both(("west-1", "60aa"), ("vault-1", VAULT_LUN))
    assert locate(mirror, told()).arrays == {"west-1", "vault-1"}
    assert relation(DATA, mirror) is Relation.DIFFERENT
    found = relate(trace("vault-1", "60bb", target_ports=(port("vault-1", 2),)), mirror, told())
    assert (found.relation, found.because) == (Relation.SAME, "both lie on vault-1 (serial 0000020420E00031)")
    assert relation(DATA, both(("west-1", "60aa"), ("nowhere", "60bb"))) is Relation.UNKNOWN
    assert relation(DATA, both(("east-1", "60aa"), ("nowhere", "60bb"))) is Relation.SAME


def test_what_was_found_before_a_problem_still_shows_that_it_is_shared() -> None:
    half = both(("east-1", "60aa"), problem="sdz tells no identity (no VPD page 0x83)")
    assert relation(DATA, half) is Relation.SAME
    assert relation(BACKUP, half) is Relation.UNKNOWN


@pytest.mark.parametrize("field", ["through", "devices"])
def test_what_the_hosts_transport_tells_is_good_for_same_and_never_for_different(field: str) -> None:
    here, there = (leaf("x", lun, target_ports=(), **{field: ("naa.50060e8000000001",)}) for lun in ("60aa", "60bb"))
    bare = {field: ("naa.50060e8000000002",)}
    other = leaf("x", "60bb", target_ports=(), **bare)
    assert relation(trace("x", "1", leaves=(here,)), trace("x", "1", leaves=(there,))) is Relation.SAME
    assert relation(trace("x", "1", leaves=(here,)), trace("x", "1", leaves=(other,))) is Relation.UNKNOWN
    told_by_array = told(east_1=reading("east-1", target_ports=("naa.50060e8000000001",)))
    assert relation(trace("x", "1", leaves=(here,)), BACKUP, told_by_array) is Relation.UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        ("60000970000197802751533030303031", "60000970000197802751533030303032", "000197802751"),
        ("60060e8007c3a5000030c3a500000410", "60060e8007c3a5000030c3a500000411", "07c3a5000030c3a5"),
        ("60000970000197802751533030303031", "60000970000197802752533030303032", ""),
        (DATA_LUN, VAULT_LUN, ""),
        ("60000970000197802751", "60000970000197802751", ""),
    ],
)
def test_an_array_number_in_both_names_is_one_array(one: str, other: str, number: str) -> None:
    assert array_number(one) == (number or array_number(one))
    found = relation(trace("x", one, target_ports=()), trace("x", other, target_ports=()))
    assert (found is Relation.SAME) == bool(number) or one == other


def virtualiser(*behind: tuple[str, str]) -> Inventory:
    front = array("east-1", behind=tuple(Backend(name=name, array=on) for name, on in behind))
    return fleet(arrays=(front, *(array(name) for name in ("east-2", "west-1", "vault-1"))))


def test_behind_a_virtualiser_both_ends_count() -> None:
    front = told(east_1=reading("east-1", backends=("controller0",)))
    place = locate(DATA, front, virtualiser(("controller0", "vault-1")))
    assert place.arrays == {"east-1", "vault-1"}
    found = relate(DATA, BACKUP, front, virtualiser(("controller0", "vault-1")))
    assert (found.relation, found.because) == (Relation.SAME, "both lie on vault-1 (serial 0000020420E00031)")
    assert relate(DATA, BACKUP, front, virtualiser(("controller0", "west-1"))).relation is Relation.DIFFERENT


@pytest.mark.parametrize(
    ("backends", "behind", "because"),
    [
        (("controller0",), (), "keeps volumes on controller0, and the inventory names no array for that"),
        (("controller0", "b"), (("controller0", "west-1"),), "keeps volumes on b"),
        (None, (), "did not tell whether its volumes lie on other storage behind it"),
        (None, (("controller0", "west-1"),), "did not tell whether its volumes lie on other storage behind it"),
    ],
)
def test_a_back_end_that_nobody_names_is_unknown(
    backends: tuple[str, ...] | None, behind: tuple[tuple[str, str], ...], because: str
) -> None:
    found = relate(DATA, BACKUP, told(east_1=reading("east-1", backends=backends)), virtualiser(*behind))
    assert found.relation is Relation.UNKNOWN
    assert because in found.because


def test_a_back_end_that_the_inventory_names_counts_though_the_array_does_not_tell_it() -> None:
    found = relate(DATA, BACKUP, told(), virtualiser(("controller0", "vault-1")))
    assert found.relation is Relation.SAME


def test_a_back_end_that_does_not_answer_is_unknown_and_a_circle_of_them_ends() -> None:
    front = {**told(east_1=reading("east-1", backends=("controller0",))), "west-1": reading("west-1", serial=None)}
    assert relate(DATA, BACKUP, front, virtualiser(("controller0", "west-1"))).relation is Relation.UNKNOWN
    ring = fleet(
        arrays=(
            array("east-1", behind=(Backend(name="a", array="west-1"),)),
            array("west-1", behind=(Backend(name="b", array="east-1"),)),
            array("vault-1"),
        )
    )
    assert locate(DATA, told(), ring).arrays == {"east-1", "west-1"}


def share(*addresses: str, server: str = "filer") -> Trace:
    return trace("x", "1", leaves=(), shares=(Share("nfs4", server, "/backup", addresses),))


FILER = array("vault-1", addresses=("192.0.2.7", "192.0.2.8", "2001:db8::7"))
DOMAIN = Appliance(id="dedupe-1", site="west", medium=Medium.APPLIANCE, addresses=("192.0.2.9",), on_arrays=())
GATEWAY = Appliance(
    id="gateway", site="west", medium=Medium.APPLIANCE, addresses=("192.0.2.10",), on_arrays=("east-1",)
)
FILES = fleet(arrays=(array("east-1"), array("east-2"), array("west-1"), FILER)).model_copy(
    update={"appliances": (DOMAIN, GATEWAY)}
)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("192.0.2.7",), Relation.DIFFERENT),
        (("192.0.2.7", "192.0.2.8", "2001:DB8:0::7"), Relation.DIFFERENT),
        (("::ffff:192.0.2.7",), Relation.DIFFERENT),
        (("192.0.2.9",), Relation.DIFFERENT),
        (("192.0.2.7", "192.0.2.99"), Relation.UNKNOWN),
        (("192.0.2.10",), Relation.SAME),
        (("::FFFF:192.0.2.10",), Relation.SAME),
        ((), Relation.UNKNOWN),
    ],
    ids=["one", "all", "mapped", "appliance", "a stray one", "a gateway before the array", "that one mapped", "none"],
)
def test_every_address_of_a_file_server_must_be_known(addresses: tuple[str, ...], expected: Relation) -> None:
    found = relate(DATA, share(*addresses), told(), FILES)
    assert found.relation is expected
    if expected is Relation.DIFFERENT:
        assert {one.provenance for one in found.backup.elements} == {Provenance.INVENTORY}
    assert relate(share(*addresses), share(*addresses), {}, FILES).relation is (
        Relation.SAME if addresses else Relation.UNKNOWN
    )


def test_a_file_server_that_answers_with_another_serial_is_unknown() -> None:
    assert relate(DATA, share("192.0.2.7"), told(vault_1=reading("vault-1", serial="x")), FILES).relation is (
        Relation.UNKNOWN
    )


def test_an_appliance_is_known_by_the_target_ports_that_the_inventory_gives_it() -> None:
    ported = DOMAIN.model_copy(update={"target_ports": ("naa.5000000000000001",)})
    given = FILES.model_copy(update={"appliances": (ported,)})
    assert relate(DATA, trace("x", "60aa", ("naa.5000000000000001",)), told(), given).relation is Relation.DIFFERENT
    stray = trace("x", "60aa", ("naa.5000000000000001", "naa.5000000000000002"))
    assert relate(DATA, stray, told(), given).relation is Relation.UNKNOWN


def identified(kind: str, name: str, provenance: Provenance = Provenance.MEASURED, *hops: Hop) -> Trace:
    return trace("x", "1", leaves=(), identities=(Identity(kind, name, provenance),), hops=hops)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (bucket(), Relation.DIFFERENT),
        (bucket(identities=(service(provenance=Provenance.DECLARED),)), Relation.UNKNOWN),
        (
            identified(
                "object-service", "s", Provenance.MEASURED, Hop("array", "east-1", "", Provenance.INVENTORY)
            ),
            Relation.SAME,
        ),
        (
            identified("object-service", "s", Provenance.MEASURED, Hop("array", "gone", "", Provenance.INVENTORY)),
            Relation.UNKNOWN,
        ),
        (identified("appliance", "dedupe-1"), Relation.DIFFERENT),
        (identified("appliance", "gateway"), Relation.SAME),
        (identified("tape", "dedupe-1"), Relation.UNKNOWN),
        (identified("appliance", "nobody-knows"), Relation.UNKNOWN),
        (identified("array", "vault-1"), Relation.UNKNOWN),
        (identified("virtual-disk", "bk-1:vda"), Relation.UNKNOWN),
    ],
)  # fmt: skip
def test_what_is_no_disk_needs_a_measured_identity(there: Trace, expected: Relation) -> None:
    assert relate(DATA, there, told(), FILES).relation is expected


STORE = Appliance(id="vmstore", site="west", medium=Medium.DATASTORE, on_arrays=("vault-1",))
GUEST = host("bk-1", "west").model_copy(update={"disks": (VirtualDisk(disk="vda", datastore="vmstore"),)})
VIRTUAL = fleet().model_copy(update={"appliances": (STORE,), "hosts": (host("db-1", "east"), GUEST)})
ON_VM = identified("virtual-disk", "bk-1:vda")


def test_a_disk_of_a_hypervisor_is_only_declared_and_only_two_people_may_attest_it() -> None:
    found = relate(DATA, ON_VM, told(), VIRTUAL)
    assert (found.relation, found.attestable) == (Relation.UNKNOWN, True)
    assert found.backup.arrays == {"vault-1"}
    assert relate(trace("vault-1", "60aa"), ON_VM, told(), VIRTUAL).relation is Relation.SAME


@pytest.mark.parametrize("there", [trace("east-1", "60aa"), trace("nowhere", "60aa"), BACKUP])
def test_what_is_or_could_be_measured_is_never_for_people_to_attest(there: Trace) -> None:
    assert not relate(DATA, there, told(), VIRTUAL).attestable


NAMES = st.sampled_from(["east-1", "vault-1", "nowhere"])
LEAF = st.builds(
    Leaf,
    disks=st.just(("sda",)),
    lun=st.sampled_from(["60aa", "60bb", "60cc"]),
    target_ports=st.lists(st.sampled_from([port("east-1"), port("vault-1"), port("x")]), max_size=2).map(tuple),
    through=st.lists(st.sampled_from([port("east-1"), "naa.5"]), max_size=1).map(tuple),
)
SOME = st.builds(
    Trace,
    host=st.just("h"),
    path=st.just("/p"),
    at=st.just(NOON),
    leaves=st.lists(LEAF, max_size=3).map(tuple),
    shares=st.lists(st.builds(Share, st.just("nfs"), st.just("s"), st.just("/"), st.lists(
        st.sampled_from(["192.0.2.7", "192.0.2.9", "192.0.2.99"]), max_size=2).map(tuple)), max_size=1).map(tuple),
    identities=st.lists(st.builds(Identity, st.sampled_from(["virtual-disk", "object-service", "appliance", "array"]),
        st.sampled_from(["bk-1:vda", "dedupe-1", "x"]), st.sampled_from(list(Provenance))), max_size=1).map(tuple),
    problem=st.sampled_from(["", "", "not mounted"]),
)  # fmt: skip
TOLD = st.dictionaries(
    NAMES,
    st.builds(
        lambda serial, ports, volumes, backends: reading(
            "east-1", serial=serial, target_ports=ports, volumes=volumes, backends=backends
        ),
        st.sampled_from([None, *SERIALS.values()]),
        st.lists(st.sampled_from([port("east-1"), port("vault-1")]), max_size=2).map(tuple),
        st.sampled_from([None, (), (Volume("0", "v", "60aa", 1),), (Volume("0", "v", "60bb", 1),)]),
        st.sampled_from([None, (), ("controller0",)]),
    ),
)


@settings(max_examples=400, deadline=None)
@given(here=SOME, there=SOME, readings=TOLD)
def test_different_never_rests_on_less_than_everything_measured(
    here: Trace, there: Trace, readings: dict[str, ArrayReading]
) -> None:
    found = relate(here, there, readings, FILES)
    assert relate(there, here, readings, FILES).relation is found.relation
    assert found.because
    if found.relation is not Relation.DIFFERENT:
        return
    assert not found.source.keys & found.backup.keys
    for where, place in ((here, found.source), (there, found.backup)):
        assert not where.problem
        assert place.known
        assert all(one.provenance is not Provenance.DECLARED for one in place.elements)
        for name in place.arrays:
            assert readings[name].serial == SERIALS[name]
            assert readings[name].backends == ()
        for one in where.leaves:
            told_by = [reading for reading in readings.values() if one.lun in {v.uid for v in reading.volumes or ()}]
            assert told_by or one.target_ports


def test_a_way_that_ends_at_two_things_lies_on_both() -> None:
    both = trace("east-1", DATA_LUN, shares=(Share("nfs4", "filer", "/backup", ("192.0.2.9",)),))
    assert {one.name for one in locate(both, told(), FILES).elements} == {"east-1", "dedupe-1"}
    named = (Identity("appliance", "dedupe-1", Provenance.MEASURED), Identity("appliance", "gateway"))
    for leaves in ((), (leaf("east-2", "60aa"),)):
        found = locate(trace("x", "1", leaves=leaves, identities=named[: 1 + (not leaves)]), told(), FILES)
        expected = {"dedupe-1", "east-2"} if leaves else {"dedupe-1", "gateway", "east-1"}
        assert {one.name for one in found.elements} == expected


def test_of_an_appliances_ports_it_is_the_stray_one_that_is_named_and_two_owners_are_none() -> None:
    first, second = "naa.5000000000000001", "naa.5000000000000002"
    one = DOMAIN.model_copy(update={"target_ports": (first,)})
    stray = locate(trace("x", "60aa", (first, second)), told(), FILES.model_copy(update={"appliances": (one,)}))
    assert f"tells the target port {second} as its own" in stray.because
    other = GATEWAY.model_copy(update={"target_ports": (first,)})
    several = locate(trace("x", "60aa", (first,)), told(), FILES.model_copy(update={"appliances": (one, other)}))
    assert "gives the target ports to several: dedupe-1, gateway" in several.because


def test_only_a_hop_that_is_an_array_is_one_that_a_service_lies_on() -> None:
    hops = (Hop("host", "bk-1", "", Provenance.INVENTORY), Hop("array", "east-1", "", Provenance.MEASURED))
    found = locate(identified("appliance", "dedupe-1", Provenance.MEASURED, *hops), told(), FILES)
    assert [one.name for one in found.elements] == ["dedupe-1"]
    assert not found.missing
