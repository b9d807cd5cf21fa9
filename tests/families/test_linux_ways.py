"""Ways that do not end at one disk: loop files, several devices, pools, shares, disks that hypervisors make."""

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import Identity, Reply, ReplyState, Share, Trace
from gate.families.linux import follow, trace
from gate.isolation import Relation, relate
from gate.landscape import Map
from tests.cases import NOON, fleet, reading
from tests.families.linux_words import NAA, PORTS, devices, lsblk_for, node, page, reply, vpd_for

OTHER = "600507680c80000e2000000000000022"
LOSETUP = "losetup -J -l -O NAME,BACK-FILE"
BTRFS = "find /sys/fs/btrfs -mindepth 3 -maxdepth 3"
NOTHING = reply(b"", 1)


def findmnt_for(path: str) -> str:
    return f"findmnt -J -T {path} -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"


def mounted(target: str, source: str, fstype: str = "ext4", number: str = "8:16", options: str = "rw") -> Reply:
    found = {"target": target, "source": source, "fstype": fstype, "maj:min": number, "options": options}
    return reply(json.dumps({"filesystems": [found]}))


def facts_for(disk: str) -> str:
    return "grep -s . " + " ".join(f"/sys/block/{disk}/device/{name}" for name in ("wwid", "vendor", "model", "rev"))


def facts(disk: str, **told: str) -> Reply:
    return reply("".join(f"/sys/block/{disk}/device/{name}:{value}\n" for name, value in told.items()), 2)


def disk(name: str, naa: str = NAA, port: str = PORTS[0], number: str = "8:16") -> dict[str, Reply]:
    """A disk by its node in /dev that tells its page."""
    return {
        lsblk_for(f"/dev/{name}"): reply(devices(node(name, "disk", number))),
        vpd_for(name): reply(page(naa, port)),
    }


def found(replies: Mapping[str, Reply], path: str = "/backup/x", mount: str = "/backup") -> Trace:
    return follow(trace("bk-1", path, mount, NOON), lambda command: replies.get(command, NOTHING))


LOOP: Mapping[str, Reply] = {
    findmnt_for("/backup/x"): mounted("/backup", "/dev/loop0", number="7:0"),
    lsblk_for("/dev/loop0"): reply(devices(node("loop0", "loop", "7:0"))),
    LOSETUP: reply('{"loopdevices":[{"name":"/dev/loop0","back-file":"/data/repository.img"}]}'),
    findmnt_for("/data/repository.img"): mounted("/data", "/dev/sdb"),
    **disk("sdb"),
}
MIRROR: Mapping[str, Reply] = {
    findmnt_for("/backup/x"): mounted("/backup", "/dev/disk/by-id/wwn-0x6005[/vol]", "btrfs", "0:23"),
    "readlink -f /dev/disk/by-id/wwn-0x6005": reply("/dev/sdb\n"),
    BTRFS: reply(
        "".join(
            f"/sys/fs/btrfs/{system}/{rest}\n"
            for system, rest in (
                ("aa-1", "devices/sdb"), ("aa-1", "devices/sdc"), ("aa-1", "devinfo/1"), ("aa-1", "devinfo/2"),
                ("aa-1", "allocation/data"), ("bb-2", "devices/sdz"), ("bb-2", "devinfo/1"),
            )
        )
    ),
    **disk("sdb"),
    **disk("sdc", OTHER, PORTS[1]),
}  # fmt: skip
POOL = """  pool: tank
 state: ONLINE
  scan: scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 22 01:00:00 2026
config:

\tNAME                     STATE     READ WRITE CKSUM
\ttank                     ONLINE       0     0     0
\t  mirror-0               ONLINE       0     0     0
\t    /dev/sdb1            ONLINE       0     0     0
\t    /dev/disk/by-id/c    ONLINE       0     0     0
\tcache
\t  /dev/sdx1              ONLINE       0     0     0

errors: No known data errors
"""
ZFS: Mapping[str, Reply] = {
    findmnt_for("/backup/x"): mounted("/backup", "tank/backup", "zfs", "0:30"),
    "zpool status -P tank": reply(POOL),
    lsblk_for("/dev/sdb1"): reply(devices(node("sdb1", "part", "8:17", [node("sdb", "disk")]))),
    vpd_for("sdb"): reply(page()),
    lsblk_for("/dev/disk/by-id/c"): reply(devices(node("sdc", "disk", "8:32"))),
    vpd_for("sdc"): reply(page(OTHER, PORTS[1])),
}
SHARE: Mapping[str, Reply] = {
    findmnt_for("/backup/x"): mounted("/backup", "filer.example:/vol/b", "nfs4", "0:40", "rw,vers=4.2,addr=192.0.2.9"),
    "getent ahosts filer.example": reply("192.0.2.7  STREAM filer.example\n192.0.2.7  DGRAM\n2001:db8::7 STREAM\n"),
}


def test_a_loop_device_leads_on_to_the_disk_under_its_file() -> None:
    told = found(LOOP)
    assert (told.problem, told.lun, told.target_ports) == ("", NAA, PORTS[:1])
    assert [hop.kind for hop in told.hops] == ["host", "mount", "loop", "mount", "disk"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"loopdevices":[]}', "the file behind loop0 is not told"),
        ('{"loopdevices":[{"name":"/dev/loop1","back-file":"/data/repository.img"}]}', "not told"),
        ('{"loopdevices":[{"name":"/dev/loop0","back-file":"/data/repository.img (deleted)"}]}', "or is gone"),
        ('{"loopdevices":[{"name":"/dev/loop0","back-file":"relative.img"}]}', "not told"),
        ('{"loopdevices":{}}', "not told"),
        ("NAME BACK-FILE\n", "losetup did not answer with JSON"),
    ],
)
def test_a_file_that_is_not_told_or_gone_ends_the_way(answer: str, words: str) -> None:
    told = found({**LOOP, LOSETUP: reply(answer)})
    assert words in told.problem
    assert told.place is None


def test_a_way_in_a_circle_ends_and_so_does_one_too_deep() -> None:
    circle = {**LOOP, findmnt_for("/data/repository.img"): mounted("/backup", "/dev/loop0", number="7:0")}
    assert "goes in a circle: /data/repository.img" in found(circle).problem
    deep = dict(LOOP)
    for number in range(8):
        deep[findmnt_for(f"/f{number}")] = mounted("/", f"/dev/loop{number + 1}", number="7:0")
        deep[lsblk_for(f"/dev/loop{number}")] = reply(devices(node(f"loop{number}", "loop", "7:0")))
    rows = [{"name": f"/dev/loop{number}", "back-file": f"/f{number}"} for number in range(8)]
    deep[LOSETUP] = reply(json.dumps({"loopdevices": rows}))
    assert "more than 4 files lie below one another" in found(deep).problem


def test_every_device_of_a_btrfs_is_a_leaf() -> None:
    told = found(MIRROR)
    assert (told.problem, told.lun) == ("", None)
    assert [leaf.lun for leaf in told.leaves] == [NAA, OTHER]
    assert told.place == f"{NAA} {OTHER}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/sys/fs/btrfs/aa-1/devices/sdc\n", b""),
        (b"aa-1/devices/sdc\n", b""),
        (b"aa-1/devinfo/2\n", b"aa-1/devinfo/2\n/sys/fs/btrfs/aa-1/devinfo/3\n"),
        (b"aa-1/devices/sdb\n", b"aa-1/devices/sdq\n"),
        (b"bb-2/devices/sdz", b"bb-2/devices/sdb"),
        (b"devices/sdc", b"devices/../x"),
    ],
    ids=["missing", "torn", "more known than there", "another", "in two file systems", "no name"],
)
def test_a_btrfs_whose_devices_are_not_all_named_is_unknown(old: bytes, new: bytes) -> None:
    told = found({**MIRROR, BTRFS: reply(MIRROR[BTRFS].stdout.replace(old, new))})
    assert told.problem.startswith("the kernel ")
    assert told.leaves == ()


def test_every_device_of_a_pool_is_a_leaf_but_its_cache() -> None:
    told = found(ZFS)
    assert (told.problem, [leaf.lun for leaf in told.leaves]) == ("", [NAA, OTHER])
    assert "zpool" in [hop.kind for hop in told.hops]


def test_a_pool_in_a_file_leads_on_to_the_disk_under_it() -> None:
    pool = POOL.replace("/dev/disk/by-id/c", "/data/vdev.img   ").replace("/dev/sdb1", "/data/two.img")
    way = {**ZFS, "zpool status -P tank": reply(pool)}
    way |= {findmnt_for(f"/data/{name}"): mounted("/data", "/dev/sdb") for name in ("vdev.img", "two.img")}
    told = found(way | disk("sdb"))
    assert (told.problem, told.lun) == ("", NAA)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/dev/sdb1            ONLINE", "/dev/sdb1            UNAVAIL", "/dev/sdb1 of the pool tank is UNAVAIL"),
        ("/dev/sdb1            ONLINE", "8713847382          UNAVAIL", "not understood: 8713847382"),
        ("mirror-0 ", "marvel-0 ", "not understood: marvel-0"),
        ("NAME  ", "NOME  ", "does not show the devices"),
        ("\t  mirror-0", "\n\t  mirror-0", "does not show the devices"),
    ],
)
def test_a_pool_that_is_not_wholly_understood_is_unknown(old: str, new: str, words: str) -> None:
    assert old in POOL
    assert words in found({**ZFS, "zpool status -P tank": reply(POOL.replace(old, new))}).problem


def test_a_share_has_every_address_of_its_server_and_the_one_in_use() -> None:
    told = found(SHARE)
    assert told.problem == ""
    assert told.shares == (Share("nfs4", "filer.example", "/vol/b", ("192.0.2.7", "2001:db8::7", "192.0.2.9")),)
    assert told.place == "filer.example:/vol/b"


@pytest.mark.parametrize("source", ["//filer.example/vol/b", "[2001:db8::7]:/vol", "192.0.2.7:/vol"])
def test_every_spelling_of_a_share_names_its_server(source: str) -> None:
    server = source.strip("/").split("/")[0].removesuffix(":").strip("[]")
    way = {
        findmnt_for("/backup/x"): mounted("/backup", source, "cifs" if source.startswith("//") else "nfs", "0:40"),
        f"getent ahosts {server}": reply("192.0.2.7 STREAM x\n"),
    }
    told = found(way)
    assert (told.problem, told.shares[0].server, told.shares[0].addresses) == ("", server, ("192.0.2.7",))


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("filer.example:/vol/b", reply(b"", 2)),
        ("filer.example:/vol/b", reply(b"")),
        ("filer.example:/vol/b", reply("somewhere else\n")),
        ("filer;reboot:/vol/b", reply("192.0.2.7 STREAM\n")),
        ("-x:/vol/b", reply("192.0.2.7 STREAM\n")),
        ("/dev/sdb", reply("192.0.2.7 STREAM\n")),
    ],
)
def test_a_server_that_has_no_address_is_unknown(source: str, answer: Reply) -> None:
    way = {findmnt_for("/backup/x"): mounted("/backup", source, "nfs", "0:40")}
    told = follow(trace("bk-1", "/backup/x", "/backup", NOON), lambda command: way.get(command, answer))
    assert told.problem
    assert told.shares == ()


def on(name: str, **replies: Reply) -> Trace:
    """A path on one disk; `replies` name sysfs questions by their last word."""
    known = {
        findmnt_for("/backup/x"): mounted("/backup", f"/dev/{name}"),
        lsblk_for(f"/dev/{name}"): reply(devices(node(name, "disk"))),
        vpd_for(name): replies.get("page", NOTHING),
        facts_for(name): replies.get("facts", NOTHING),
        f"readlink -f /sys/block/{name}/device": replies.get("where", NOTHING),
        "cat /sys/class/iscsi_session/session7/targetname": replies.get("session", NOTHING),
        "grep -s . /sys/class/fc_transport/target1:0:2/port_name /sys/class/fc_transport/target1:0:2/node_name": (
            replies.get("remote", NOTHING)
        ),
    }
    return found(known)


@pytest.mark.parametrize(
    ("name", "replies"),
    [
        ("vda", {}),
        ("xvdb", {}),
        ("sdb", {"facts": facts("sdb", vendor="VMware  ", model="Virtual disk")}),
        ("sdb", {"facts": facts("sdb", vendor="QEMU    "), "page": reply(page())}),
        ("sdb", {"page": reply(page("6000c29" + "1" * 25))}),
        ("sdb", {"facts": facts("sdb", wwid="naa.60022480" + "1" * 24, vendor="Msft    ")}),
    ],
)
def test_a_disk_that_a_hypervisor_made_is_told_as_such(name: str, replies: dict[str, Reply]) -> None:
    told = on(name, **replies)
    assert (told.problem, told.leaves) == ("", ())
    assert told.identities == (Identity("virtual-disk", f"bk-1:{name}"),)
    assert relate(told, told, Map({}, fleet())).relation is Relation.UNKNOWN


def test_without_a_page_the_kernels_wwid_names_the_lun_and_no_port() -> None:
    told = on("sdb", facts=facts("sdb", wwid=f"naa.{NAA}", vendor="IBM     ", model="2145"))
    assert (told.problem, told.lun, told.target_ports) == ("", NAA, ())
    assert told.hops[-1].detail == f"LUN {NAA} through ports it does not name, IBM 2145"


def test_a_page_and_a_wwid_that_contradict_each_other_are_no_answer() -> None:
    told = on("sdb", page=reply(page()), facts=facts("sdb", wwid=f"naa.{OTHER}"))
    assert told.problem == f"sdb is {NAA} in its VPD page 0x83 and naa.{OTHER} to the kernel"


def test_a_model_that_looks_like_another_fact_is_only_a_model() -> None:
    """The model is text of the array's own; it may not speak for the kernel."""
    told = on("sdb", page=reply(page()), facts=facts("sdb", model=f"/sys/block/sdb/device/wwid:naa.{OTHER}"))
    assert (told.problem, told.lun) == ("", NAA)


def test_where_a_page_names_no_port_the_transport_is_heard_but_proves_no_difference() -> None:
    kernel = facts("sdb", wwid=f"naa.{NAA}")
    iscsi = on(
        "sdb",
        facts=kernel,
        where=reply("/sys/devices/platform/host4/session7/target4:0:0/4:0:0:0\n"),
        session=reply(f"{PORTS[0]}\n"),
    )
    fibre = on(
        "sdb",
        facts=kernel,
        where=reply("/sys/devices/pci0/host1/rport-1:0-4/target1:0:2/1:0:2:0\n"),
        remote=reply(
            "/sys/class/fc_transport/target1:0:2/port_name:0x5005076801400011\n"
            "/sys/class/fc_transport/target1:0:2/node_name:0x5005076801000011\n"
        ),
    )
    assert (iscsi.target_ports, iscsi.leaves[0].through) == ((), PORTS[:1])
    assert fibre.leaves[0].through == ("naa.5005076801400011", "naa.5005076801000011")
    mine = {"east-1": reading("east-1", target_ports=PORTS)}
    assert relate(iscsi, fibre, Map(mine, fleet())).relation is Relation.SAME  # one LUN
    assert not Map(mine, fleet()).locate(iscsi).known


@pytest.mark.parametrize("name", ["rbd0", "nbd3", "drbd1", "zram0", "ram0", "bcache0", "pmem0"])
def test_a_device_that_leads_to_no_array_says_what_it_is(name: str) -> None:
    told = on(name, page=reply(page()))
    assert told.problem.startswith(f"the way ends at {name}, ")
    assert told.leaves == ()


@pytest.mark.parametrize("kind", ["part", "crypt", "raid1", "raid10", "linear", "md", "lvm"])
def test_a_layer_over_disks_of_two_luns_ends_at_both(kind: str) -> None:
    tree = node("top", kind, "8:16", [node("sdb", "disk"), node("sdc", "disk", "8:32")])
    told = found(
        {
            findmnt_for("/backup/x"): mounted("/backup", "/dev/top"),
            lsblk_for("/dev/top"): reply(devices(tree)),
            vpd_for("sdb"): reply(page()),
            vpd_for("sdc"): reply(page(OTHER, PORTS[1])),
        }
    )
    assert (told.problem, [leaf.lun for leaf in told.leaves]) == ("", [NAA, OTHER])


def mapped(uuid: str) -> Reply:
    paths = [{"dev": "sdb", "target_wwpn": "0x5005076801400011"}, {"dev": "sdc", "target_wwpn": "[undef]"}]
    content = {"name": "mpatha", "uuid": uuid, "paths": 2, "vend": "IBM", "prod": "2145"}
    return reply(json.dumps({"map": {**content, "path_groups": [{"paths": paths}]}}))


def multipathed(answer: Reply) -> Trace:
    tree = node("mpatha", "mpath", "8:16", [node("sdb", "disk"), node("sdc", "disk", "8:32")])
    return found(
        {
            findmnt_for("/backup/x"): mounted("/backup", "/dev/mapper/mpatha"),
            lsblk_for("/dev/mapper/mpatha"): reply(devices(tree)),
            vpd_for("sdb"): reply(page()),
            vpd_for("sdc"): reply(page(port=PORTS[1])),
            "multipathd show map mpatha json": answer,
        }
    )


def test_what_multipathd_tells_is_evidence_and_may_not_contradict() -> None:
    told = multipathed(mapped(f"3{NAA}"))
    assert (told.problem, told.lun, told.leaves[0].through) == ("", NAA, ("naa.5005076801400011",))
    assert told.hops[-1].detail == "IBM 2145, 2 paths"
    assert multipathed(mapped(f"3{OTHER}")).problem == f"multipathd says that mpatha is 3{OTHER}, its disks say {NAA}"


@pytest.mark.parametrize("answer", [NOTHING, reply("timeout\n"), reply('{"map": 3}'), reply("[]"), reply(b"\xff")])
def test_a_multipathd_that_does_not_answer_changes_nothing(answer: Reply) -> None:
    assert (multipathed(answer).problem, multipathed(answer).lun) == ("", NAA)


def test_lsblks_own_columns_are_never_used() -> None:
    """Issues of util-linux: a short WWN equal for two LUNs, a WWN in place of the serial, all of them empty."""
    lies = {"wwn": "0x600507680c80000e", "serial": "0x600507680c80000e"}
    tree = node("top", "lvm", "8:16", [node("sdb", "disk") | lies, node("sdc", "disk", "8:32") | lies])
    told = found(
        {
            findmnt_for("/backup/x"): mounted("/backup", "/dev/top"),
            lsblk_for("/dev/top"): reply(devices(tree)),
            vpd_for("sdb"): reply(page()),
            vpd_for("sdc"): reply(page(OTHER)),
        }
    )
    assert [leaf.lun for leaf in told.leaves] == [NAA, OTHER]
    cut = "NAME  KNAME TYPE MODEL SERIAL\nsdb   sdb   disk STK67 600a0b\n"
    assert "JSON" in found({**LOOP, lsblk_for("/dev/loop0"): reply(cut)}).problem


WAYS = {"loop": LOOP, "mirror": MIRROR, "pool": ZFS, "share": SHARE}
TELLING = {"east-1": reading("east-1", target_ports=(PORTS[0],)), "west-1": reading("west-1", target_ports=(PORTS[1],))}
NOISE = st.one_of(
    st.binary(max_size=120),
    st.sampled_from([b"{}", b'{"blockdevices":[{"children":[{}]}]}', b'{"loopdevices":[{"name":"/dev/loop0"}]}']),
    st.binary(min_size=4, max_size=60).map(lambda body: base64.b64encode(b"\0\x83\0" + body)),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["blockdevices", "filesystems",
            "loopdevices", "map", "name", "kname", "type", "children", "target", "source", "uuid"]), inner, max_size=4),
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WAYS)), st.data(), NOISE, st.integers(-1, 3), st.sampled_from(list(ReplyState)))
def test_no_reply_makes_the_tracer_raise_or_tell_apart_what_it_did_not_measure(
    name: str, data: st.DataObject, noise: bytes, status: int, state: ReplyState
) -> None:
    way = WAYS[name]
    question = data.draw(st.sampled_from(sorted(way)))
    broken = Reply("bk-1", question, state, NOON, NOON, status, noise)
    whole, told = found(way), found({**way, question: broken})
    data_side = found(LOOP)
    if told.leaves != whole.leaves or told.shares != whole.shares:
        assert told.problem or told.identities
    for readings in ({}, TELLING):
        relation = relate(data_side, told, Map(readings, fleet())).relation
        assert relation is not Relation.DIFFERENT or (not told.problem and told.leaves)
        if name in ("loop", "mirror", "pool") and not told.problem and told.leaves == whole.leaves:
            assert relation is Relation.SAME


@pytest.mark.parametrize(
    ("fstype", "source"),
    [("ext4", "/dev/$(id)"), ("btrfs", "/dev/a;b"), ("zfs", "tank`id`/x"), ("nfs", "a$(b):/x"), ("xfs", "/dev/a b")],
)
def test_no_question_repeats_what_a_shell_would_read(fstype: str, source: str) -> None:
    asked: list[str] = []

    def hostile(command: str) -> Reply:
        asked.append(command)
        return mounted("/backup", source, fstype)

    assert follow(trace("bk-1", "/backup/x", "/backup", NOON), hostile).problem
    assert not any(char in command for command in asked for char in "$`;|&<>(){}\n")
