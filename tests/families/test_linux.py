"""The way from a path to its LUN, over answers as Linux gives them and over broken ones."""

import ast
import base64
import json
import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import Hop, Reply, ReplyState, Trace
from gate.families.linux import CLOCK, clock, follow, trace
from gate.families.linux_blocks import LOSETUP, LSBLK
from gate.families.linux_mounts import FINDMNT as FINDMNT_WORDS
from tests.families.linux_words import NAA, NOW, PORTS, devices, lsblk_for, node, page, reply, vpd_for
from tests.repository import GATE

PIPE = re.compile(r"[a-z] \| [a-z]")

FINDMNT = "findmnt -J -T /data/sidekick.db -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"


def mounted(target: str = "/data", source: str = "/dev/sdb", fstype: str = "ext4", number: str = "8:16") -> str:
    found = {"target": target, "source": source, "fstype": fstype, "maj:min": number, "options": "rw"}
    return json.dumps({"filesystems": [found]})


PLAIN: Mapping[str, Reply] = {
    FINDMNT: reply(mounted()),
    lsblk_for("/dev/sdb"): reply(devices(node("sdb", "disk"))),
    vpd_for("sdb"): reply(page()),
}
MULTIPATH: Mapping[str, Reply] = {
    FINDMNT: reply(mounted(source="/dev/mapper/vg-data", number="254:1", fstype="xfs")),
    lsblk_for("/dev/mapper/vg-data"): reply(
        devices(
            node(
                "vg-data",
                "lvm",
                "254:1",
                [node("mpatha", "mpath", "254:0", [node("sdb", "disk"), node("sdc", "disk")])],
            )
        )
    ),
    vpd_for("sdb"): reply(page()),
    vpd_for("sdc"): reply(page(port=PORTS[1])),
}


def found(replies: Mapping[str, Reply], path: str = "/data/sidekick.db", mount: str = "/data") -> Trace:
    missing = reply(b"", 1)
    return follow(trace("db-1", path, mount, NOW), lambda command: replies.get(command, missing))


def test_a_path_on_one_disk_reaches_its_lun_and_port() -> None:
    told = found(PLAIN)
    assert (told.problem, told.lun, told.target_ports) == ("", NAA, PORTS[:1])
    assert [hop.kind for hop in told.hops] == ["host", "mount", "disk"]
    assert told.hops[0] == Hop("host", "db-1")
    assert len(told.raw) == 4


def test_several_paths_to_one_lun_are_one_lun_with_all_its_ports() -> None:
    told = found(MULTIPATH)
    assert (told.problem, told.lun, told.target_ports) == ("", NAA, PORTS)
    assert [hop.kind for hop in told.hops] == ["host", "mount", "lvm", "mpath", "disk", "disk"]


def test_a_multipath_map_over_two_luns_is_no_answer() -> None:
    told = found({**MULTIPATH, vpd_for("sdc"): reply(page(naa="6" + "1" * 31))})
    assert told.problem.startswith("mpatha joins disks of several LUNs: ")
    assert (told.lun, told.place) == (None, None)


def test_an_unmounted_repository_is_named_as_such() -> None:
    told = found({FINDMNT: reply(mounted(target="/", source="/dev/vda1"))})
    assert told.problem == "not mounted: /data/sidekick.db resolves to / on /dev/vda1, not to /data"


@pytest.mark.parametrize("fstype", ["tmpfs", "overlay", "9p", "virtiofs", "ceph", "autofs", "fuse.sshfs", "hostfs", ""])
def test_a_file_system_that_does_not_tell_its_disk_is_unknown(fstype: str) -> None:
    assert f"is {fstype}" in found({FINDMNT: reply(mounted(fstype=fstype))}).problem


def test_tables_are_asked_for_as_json_alone() -> None:
    """The table form cuts columns where there is no terminal: a model to five letters, a serial to six."""
    for question in (LSBLK, FINDMNT_WORDS, LOSETUP):
        assert question.split()[0] in {"lsblk", "findmnt", "losetup"}
        assert "-J" in question.split()


def test_no_question_to_a_host_hides_an_exit_status_behind_a_pipe() -> None:
    hidden = []
    for path in (*(GATE / "backups").glob("*.py"), *(GATE / "families").glob("linux*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        words = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs]
        hidden += [node.value for node in words if isinstance(node.value, str) and PIPE.search(node.value)]
    assert hidden == []


@pytest.mark.parametrize("kind", ["raid1", "lvm", "rom", "dm", ""])
def test_a_layer_that_is_not_known_ends_the_trace(kind: str) -> None:
    told = found({**PLAIN, lsblk_for("/dev/sdb"): reply(devices(node("x", kind)))})
    assert "what lies below is not known" in told.problem


def test_a_disk_without_its_own_identity_is_unknown() -> None:
    told = found({**PLAIN, vpd_for("sdb"): reply(b"", 1)})
    assert told.problem == "sdb tells no identity (no VPD page 0x83)"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (FINDMNT, reply(b"", 1)),
        (FINDMNT, reply("TARGET SOURCE\n/data /dev/sdb\n")),
        (FINDMNT, reply('{"filesystems":[]}')),
        (FINDMNT, reply("[" * 100_000)),
        (FINDMNT, reply(mounted(source="/dev/sdb; reboot"))),
        (FINDMNT, reply(mounted(source="/dev/../etc/passwd"))),
        (FINDMNT, reply(mounted(source="server:/export"))),
        (FINDMNT, Reply("db-1", "x", ReplyState.TIMED_OUT, NOW, NOW, problem="no answer within 5 s")),
        (lsblk_for("/dev/sdb"), reply(devices(node("sdb", "disk", "8:32")))),
        (lsblk_for("/dev/sdb"), reply(devices(node("../../x", "disk")))),
        (lsblk_for("/dev/sdb"), reply('{"blockdevices":[{"type":"lvm","children":["sda"]}]}')),
        (lsblk_for("/dev/sdb"), reply(b"\xff")),
        (vpd_for("sdb"), reply("!!!")),
        (vpd_for("sdb"), reply(page()[:-8])),
        (vpd_for("sdb"), reply(base64.b64encode(b"\0\x83\0\0"))),
    ],
)
def test_an_answer_that_is_not_understood_ends_the_trace(question: str, answer: Reply) -> None:
    told = found({**PLAIN, question: answer})
    assert told.problem
    assert (told.lun, told.target_ports) == (None, ())


def test_a_path_outside_its_mount_is_not_asked_about() -> None:
    asked: list[str] = []

    def ask(command: str) -> Reply:
        asked.append(command)
        return reply(b"")

    assert follow(trace("db-1", "/database/x", "/data", NOW), ask).problem
    assert follow(trace("db-1", "/data/x;id", "/data", NOW), ask).problem
    assert asked == []


@settings(deadline=None)
@given(st.sampled_from(sorted(MULTIPATH)), st.binary(max_size=200), st.integers(0, 1))
def test_no_answer_makes_the_trace_raise_or_believe(question: str, noise: bytes, status: int) -> None:
    told = found({**MULTIPATH, question: reply(noise, status)})
    assert told.problem
    assert told.lun is None


def test_the_clock_is_compared_with_the_middle_of_the_asking() -> None:
    asked = Reply("db-1", CLOCK, ReplyState.ANSWERED, NOW, NOW + timedelta(seconds=2), 0, b"")

    def told(seconds: int) -> Reply:
        said = str(int(NOW.timestamp()) + seconds).encode() + b"\n"
        return Reply("db-1", CLOCK, asked.state, asked.started_at, asked.finished_at, 0, said)

    assert clock(told(1)) in {0, 1}
    assert clock(told(-299)) in {-299, -300}
    assert clock(told(3601)) in {3600, 3601}


@pytest.mark.parametrize("answer", [reply(b"soon\n"), reply(b""), reply(b"1795384800\n", 1), reply(b"\xff")])
def test_a_clock_that_is_not_told_is_unknown(answer: Reply) -> None:
    assert clock(answer) is None
