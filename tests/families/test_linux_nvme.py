"""NVMe namespaces: in the host, or over a fabric; only what an array lists, or the inventory names, has a place."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Identity, Provenance, Reply, ReplyState, Trace, Volume
from gate.families.family import Unreadable
from gate.families.linux import follow, trace
from gate.families.linux_drives import own_disks
from gate.families.linux_facts import State
from gate.families.linux_nvme import CONTROLLERS, CONTROLLERS_MAX, NAMESPACE, TRANSPORTS, designator, reached, transport
from gate.inventory import Appliance, Inventory, Medium
from gate.isolation import Isolation, Relation, relate
from gate.landscape import Map
from tests.cases import DATA_LUN, NOON, SERIALS, fleet, reading
from tests.cases import trace as lying_on
from tests.families.linux_words import devices, lsblk_for, node, reply

FINDMNT = "findmnt -J -T /backup/x -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"
NOTHING = reply(b"", 1)

UID = "60050768108187245800000000000039"
"""A volume of IBM's, and below the NGUID that a host sees of it."""

NGUID = "58000000000000390050760810818724"
EUI = "eui.0025385b11b3b2c1"
NQN = "nqn.1986-03.com.ibm:nvme:2145.0000020420e00011"
OWN_NQN = "nqn.2014-08.org.nvmexpress:uuid:7a1c"


def identity(name: str, wwid: str = f"eui.{NGUID}", subsystem: str = NQN, **more: str) -> Reply:
    told = {f"/sys/block/{name}/wwid": wwid, f"/sys/block/{name}/device/subsysnqn": subsystem}
    told |= {f"/sys/block/{name}/{key.replace('_', '/')}": value for key, value in more.items()}
    return reply("".join(f"{path}:{value}\n" for path, value in told.items() if value), 2)


def ways(name: str, *controllers: tuple[str, str, str]) -> Reply:
    """Controllers as a subsystem links them: name, transport, address; an empty name is the device's own controller."""
    lines = []
    for controller, carrier, address in controllers:
        start = f"/sys/block/{name}/device/" + (f"{controller}/" if controller else "")
        lines += [f"{start}transport:{carrier}\n"] * bool(carrier) + [f"{start}address:{address}\n"] * bool(address)
    return reply("".join(lines), 2)


TCP = ("nvme0", "tcp", "traddr=192.0.2.7,trsvcid=4420,src_addr=192.0.2.90")
TCP_2 = ("nvme1", "tcp", "traddr=192.0.2.8,trsvcid=4420")
FC = ("nvme2", "fc", "traddr=nn-0x5005076801000011:pn-0x5005076801400011,host_traddr=nn-0x20000000c9000001:pn-0x1")
PCIE = ("", "pcie", "0000:01:00.0")


LINK = re.compile(r"/device/(nvme\d+)/")


def on(*disks: tuple[str, Reply, Reply], kind: str = "raid1", listed: list[str] | None = None) -> Trace:
    """A path on NVMe disks: their names, what they tell of themselves and of their controllers."""
    ends = [node(name, "disk", "259:1") for name, _, _ in disks]
    top = ends[0] if len(ends) == 1 else node("md0", kind, "259:1", ends)
    source = f"/dev/{top['name']}"
    mount = {"target": "/backup", "source": source, "fstype": "ext4", "maj:min": "259:1", "options": "rw"}
    replies = {FINDMNT: reply(json.dumps({"filesystems": [mount]}))}
    replies |= {lsblk_for(source): reply(devices(top))}
    for name, told, reached_by in disks:
        links = sorted(set(LINK.findall(reached_by.stdout.decode(errors="replace")))) if listed is None else listed
        start = f"/sys/block/{name}/device/"
        shown = reply("".join(f"{start}{link}\n" for link in ("power", "subsystem", *links)))
        replies |= {NAMESPACE.format(disk=name): told, CONTROLLERS.format(disk=name): shown}
        replies |= {transport(name, shown.text())[0]: reached_by}
    return follow(trace("bk-1", "/backup/x", "/backup", NOON), lambda command: replies.get(command, NOTHING))


def one(*controllers: tuple[str, str, str], name: str = "nvme0n1", **told: str) -> Trace:
    return on((name, identity(name, **told), ways(name, *controllers)))


def listing(name: str, *uids: str) -> ArrayReading:
    volumes = tuple(Volume(str(number), f"v{number}", uid, 1 << 30) for number, uid in enumerate(uids))
    return reading(name, volumes=volumes)


DATA = lying_on("east-1", DATA_LUN)
TOLD = {name: reading(name) for name in SERIALS}


def against_data(told: Trace, inventory: Inventory | None = None, **others: ArrayReading) -> Isolation:
    readings = TOLD | {name.replace("_", "-"): value for name, value in others.items()}
    found = relate(DATA, told, Map(readings, inventory or fleet()))
    assert found.relation is relate(told, DATA, Map(readings, inventory or fleet())).relation
    return found


def test_a_namespace_over_a_fabric_lies_on_the_array_that_lists_its_volume() -> None:
    for told in (one(TCP, TCP_2), one(FC), one(("", *TCP[1:])), one(("nvme3", "rdma", "traddr=192.0.2.7"))):
        assert (told.problem, told.lun, told.target_ports) == ("", UID, ())
        assert against_data(told, east_1=listing("east-1", DATA_LUN, UID)).relation is Relation.SAME
        assert against_data(told, vault_1=listing("vault-1", UID)).relation is Relation.DIFFERENT
    assert one(TCP, TCP_2).hops[-1].detail == (
        f"eui.{NGUID} of {NQN}, over tcp at traddr=192.0.2.7,trsvcid=4420,src_addr=192.0.2.90,"
        " traddr=192.0.2.8,trsvcid=4420"
    )


def test_a_namespace_over_a_fabric_that_no_array_lists_has_no_place_whoever_the_inventory_gives_its_names_to() -> None:
    claims = Appliance(
        id="bk", site="west", medium=Medium.APPLIANCE, target_ports=(NQN, EUI, f"eui.{NGUID}"), on_arrays=()
    )
    inventory = fleet().model_copy(update={"appliances": (claims,)})
    for told in (one(TCP), one(TCP, wwid=EUI), one(FC), one(TCP, subsystem="")):
        found = against_data(told, inventory, vault_1=listing("vault-1", UID[:-1] + "0"))
        assert (found.relation, found.attestable) == (Relation.UNKNOWN, False)
        assert "the disk names no target port, and no array lists the LUN" in found.because


def test_a_disk_in_the_host_is_known_by_its_own_subsystem_and_placed_only_where_the_inventory_names_that() -> None:
    told = one(PCIE, wwid=EUI, subsystem=OWN_NQN)
    assert (told.problem, told.lun, told.target_ports) == ("", EUI, (OWN_NQN,))
    nobody = against_data(told)
    assert (nobody.relation, nobody.because) == (
        Relation.UNKNOWN,
        f"no array of the inventory tells the target port {OWN_NQN} as its own",
    )
    box = Appliance(id="bk-disks", site="west", medium=Medium.APPLIANCE, target_ports=(OWN_NQN,), on_arrays=())
    named = against_data(told, fleet().model_copy(update={"appliances": (box,)}))
    assert named.relation is Relation.DIFFERENT
    assert {element.provenance for element in named.backup.elements} == {Provenance.INVENTORY}
    dual = one(("nvme0", "pcie", "0000:01:00.0"), ("nvme1", "pcie", "0000:02:00.0"), wwid=EUI, subsystem=OWN_NQN)
    assert dual.target_ports == (OWN_NQN,)
    padded = one(PCIE, wwid=EUI, subsystem="nqn.2014.08.org.nvmexpress:80868086CVPY7  INTEL SSD")
    assert padded.target_ports == (EUI,)


@pytest.mark.parametrize(
    ("controllers", "why"),
    [
        ([], "does not tell by which transport"),
        ([("", "", "0000:01:00.0")], "does not tell by which transport"),
        ([("nvme0", "pcie", ""), ("nvme1", "", "traddr=192.0.2.7")], "does not tell by which transport"),
        ([("nvme0", "pcie", "0000:01:00.0"), TCP_2], "is reached by pcie and tcp"),
        ([("nvme0", "loop", "")], "is reached by loop"),
        ([("", "apple-nvme", "")], "is reached by apple-nvme"),
        ([("nvme0", "PCIe", "")], "is reached by PCIe"),
        ([PCIE, ("nvme1", "pcie", "0000:02:00.0")], "a controller's and a subsystem's at once"),
        ([PCIE, PCIE], "twice"),
        ([("nvme0", "tcp\npcie", "")], "holds what was not asked for"),
    ],
)
def test_a_namespace_whose_way_is_not_told_is_unknown_and_still_shares_what_it_shares(
    controllers: list[tuple[str, str, str]], why: str
) -> None:
    told = one(*controllers)
    assert why in told.problem
    assert (told.lun, told.target_ports, told.leaves[0].lun) == (None, (), UID)
    assert against_data(told, vault_1=listing("vault-1", UID)).relation is Relation.UNKNOWN
    assert against_data(told, east_1=listing("east-1", DATA_LUN, UID)).relation is Relation.SAME


def test_every_controller_that_the_kernel_lists_must_tell_its_transport() -> None:
    told = identity("nvme0n1"), ways("nvme0n1", TCP)
    assert on(("nvme0n1", *told)).problem == ""
    for listed in (["nvme0", "nvme1"], ["nvme1"], []):
        assert "does not tell by which transport" in on(("nvme0n1", *told), listed=listed).problem
    mine = identity("nvme0n1", wwid=EUI), ways("nvme0n1", ("nvme0", "pcie", ""))
    assert "does not tell by which transport" in on(("nvme0n1", *mine), listed=["nvme0", "nvme1"]).problem


def test_what_is_asked_of_a_disk_needs_no_shell_and_is_bounded() -> None:
    start = "/sys/block/nvme0n1/device/"
    command, must = transport("nvme0n1", f"{start}nvme1\n{start}nvme0n1\n{start}nvme10; reboot\n{start}nvme1/..\n")
    assert must == {"nvme1"}
    assert command == f"grep -s . {start}transport {start}address {start}nvme1/transport {start}nvme1/address"
    many = "".join(f"{start}nvme{number}\n" for number in range(CONTROLLERS_MAX + 1))
    for listed in ("", "nvme0\n", "/sys/block/nvme1n1/device/nvme0\n", many):
        with pytest.raises(Unreadable):
            transport("nvme0n1", listed)


def test_without_its_own_name_a_namespace_is_unknown() -> None:
    for wwid in ("", "naa.60050768", "eui.00", "eui.0025385B11B3B2C1", "nvme.x"):
        assert "no wwid" in one(TCP, wwid=wwid).problem


def test_two_namespaces_of_one_subsystem_and_an_fc_port_of_both_protocols_are_the_same() -> None:
    other = one(TCP_2, wwid=EUI)
    assert relate(one(TCP), other, Map({}, fleet())).because == f"both are reached through {NQN}"
    scsi = lying_on("east-1", DATA_LUN, target_ports=("naa.5005076801400011",))
    both = relate(scsi, one(FC), Map({}, fleet()))
    assert (both.relation, both.because) == (Relation.SAME, "both are reached through naa.5005076801400011")
    assert "naa.20000000c9000001" not in one(FC).names  # the host's own port


def test_a_path_of_native_multipath_that_lsblk_does_show_is_the_same_namespace() -> None:
    paths = [("nvme0c0n1", ("", *TCP[1:])), ("nvme0c1n1", ("", *TCP_2[1:]))]
    told = on(*((name, identity(name), ways(name, way)) for name, way in paths))
    assert (told.problem, [leaf.disks for leaf in told.leaves]) == ("", [("nvme0c0n1", "nvme0c1n1")])
    assert told.leaves[0].lun == UID


def test_one_name_that_is_reached_in_two_ways_is_not_one_thing() -> None:
    """A namespace of a fabric may be given the name of a disk that lies in the host."""
    mine = ("nvme0n1", identity("nvme0n1", wwid=EUI, subsystem=OWN_NQN), ways("nvme0n1", PCIE))
    for subsystem in (NQN, OWN_NQN):
        theirs = ("nvme1n1", identity("nvme1n1", wwid=EUI, subsystem=subsystem), ways("nvme1n1", TCP))
        for told in (on(mine, theirs), on(theirs, mine)):
            assert "tells the name of" in told.problem
    elsewhere = ("nvme1n1", identity("nvme1n1", subsystem=f"{NQN}.other"), ways("nvme1n1", TCP))
    assert "tells the name of" in on(("nvme0n1", identity("nvme0n1"), ways("nvme0n1", TCP)), elsewhere).problem


@pytest.mark.parametrize(
    "model", ["Amazon Elastic Block Store", "QEMU NVMe Ctrl", "ORCL-VBOX-NVME-VER12", "nvme_card-pd"]
)
def test_a_disk_of_a_hypervisor_is_told_as_such_and_a_target_that_calls_itself_one_is_not(model: str) -> None:
    assert one(PCIE, device_model=model).identities == (Identity("virtual-disk", "bk-1:nvme0n1"),)
    assert one(TCP, device_model=model).leaves[0].lun == UID


def test_an_adapter_that_shows_a_namespace_of_elsewhere_as_a_disk_in_the_host_is_unknown() -> None:
    told = one(PCIE, wwid=EUI, device_model="Mellanox BlueField NVMe SNAP Controller")
    assert "shown by an adapter" in told.problem
    assert told.target_ports == ()


def test_names_of_known_makers_lead_from_the_namespace_to_the_volume() -> None:
    assert designator(f"eui.{NGUID}", "") == UID
    serial = "aabbccddeeff011122334455"
    assert designator(f"eui.00{serial[:14]}24a937{serial[14:]}", "") == f"624a9370{serial}"
    assert designator("uuid.7a1c0000-0000-0000-0000-000000000001", "58000000-0000-0039-0050-760810818724") == UID
    for other in (EUI, f"eui.{NGUID[:22]}1{NGUID[23:]}", f"eui.01{serial[:14]}24a937{serial[14:]}", "eui." + "1" * 32):
        assert designator(other, "") == other
    for wrong in ("58000000-0000-0039-0050-760810818725", "58000000", "5800000000000039005076081081872X"):
        with pytest.raises(Unreadable):
            designator(f"eui.{NGUID}", wrong)


def test_hosts_own_disks_are_those_in_the_host() -> None:
    names = ["nvme0n1", "nvme1n1", "nvme2n1", "nvme2c0n1"]
    rows = [
        {"name": name, "type": "disk", "tran": tran}
        for name, tran in zip(names, ("nvme", "nvme", None, None), strict=True)
    ]
    told = {
        "lsblk": reply(json.dumps({"blockdevices": rows})),
        "grep": reply(
            "/sys/block/nvme0n1/device/transport:pcie\n/sys/block/nvme1n1/device/nvme1/transport:rdma\n"
            "/sys/block/nvme2c0n1/device/transport:pcie\n"
        ),
        "nvme": reply('{"critical_warning": 0}'),
    }
    heard: list[str] = []

    def ask(command: str) -> Reply:
        heard.append(command)
        return told[command.split(maxsplit=1)[0]]

    facts = follow(own_disks(), ask)
    assert [(fact.object, fact.state) for fact in facts] == [
        ("/dev/nvme2n1", State.UNKNOWN),
        ("/dev/nvme0n1", State.OK),
    ]
    assert heard[1:] == [TRANSPORTS, "nvme smart-log -o json /dev/nvme0n1"]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["/sys/block/nvme0n1/device/", "/sys/block/nvme1n1/device/", "/sys/class/"]),
        st.sampled_from(["", "nvme0/", "nvme1/", "nvme0n1/", "../"]),
        st.sampled_from(["transport", "address", "model"]),
        st.sampled_from([":pcie", ":tcp", ":fc", ":loop", ":", ":traddr=1", "", ":pcie "]),
    ).map("".join),
    max_size=6,
).map("\n".join)


NOISE = st.one_of(st.binary(max_size=80), LINES.map(str.encode))


@settings(max_examples=200, deadline=None)
@given(NOISE, NOISE, st.sampled_from(list(ReplyState)), st.integers(0, 127))
def test_no_answer_makes_a_namespace_the_hosts_own_but_pcie_of_every_controller(
    told: bytes, where: bytes, state: ReplyState, status: int
) -> None:
    answers = [Reply("bk-1", "x", state, NOON, NOON, status, content) for content in (told, where)]
    assert on(("nvme0n1", answers[0], answers[1])).problem  # never its name, so never whole
    known = on(("nvme0n1", identity("nvme0n1"), answers[1]))
    if not known.problem:
        lines = [line.rstrip() for line in where.decode().splitlines() if line.startswith("/sys/block/nvme0n1/")]
        values = {line.rpartition(":")[2] for line in lines if "/transport:" in line}
        assert values == {"pcie"} if known.target_ports else values <= {"tcp", "fc"}
        assert values
    else:
        assert known.target_ports == ()


def test_an_answer_that_is_no_text_or_cut_is_no_answer() -> None:
    for text in ("/sys/block/nvme0n1/device/transport:", "Binary file (standard input) matches", "pcie"):
        with pytest.raises(Unreadable):
            reached(text, "nvme0n1")
