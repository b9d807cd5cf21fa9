"""What a Linux host tells of paths, adapters, disks and RAID: made-up answers after the tools' own, and real ones."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import Reply
from gate.families.counters import grown
from gate.families.family import Unreadable
from gate.families.linux_drives import nvme, same_age_share, smart
from gate.families.linux_facts import Fact, State
from gate.families.linux_probes import QUESTIONS, READERS, adapter_errors, facts_of, may_ask
from tests.families.fixtures import BROKEN, reply

MDSTAT = b"""Personalities : [raid1] [raid6] [raid5]
md1 : active raid5 sdd1[3] sdc1[1] sdb1[0]
      4096 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]

md0 : active raid1 sdb2[1] sda2[0]
      2048 blocks super 1.2 [2/2] [UU]
      bitmap: 0/1 pages [0KB], 65536KB chunk

unused devices: <none>
"""
STATISTICS = "/sys/class/fc_host/{host}/statistics/{name}:{value}\n"


def path(device: str, port: str, **changed: str) -> dict[str, str]:
    return {"dev": device, "dm_st": "active", "chk_st": "ready", "dev_st": "running", "target_wwpn": port} | changed


def maps(*paths: dict[str, str], **changed: Any) -> bytes:
    one = {"name": "mpatha", "uuid": "3600", "features": "0", "queueing": "-", "path_groups": [{"paths": list(paths)}]}
    return json.dumps({"major_version": 0, "minor_version": 1, "maps": [one | changed]}).encode()


TWO = path("sda", "0x524a937000004200"), path("sdb", "0x524a937000004210")


def well() -> dict[str, bytes]:
    disk = {"name": "sda", "type": "disk", "state": "running", "rev": "8704"}
    return {
        "maps": maps(*TWO),
        "disks": json.dumps({"blockdevices": [disk, {"name": "sr0", "type": "rom", "state": None}]}).encode(),
        "adapters": b"/sys/class/fc_host/host1/port_state:Online\n/sys/class/fc_host/host2/port_state:Online\n",
        "adapter-errors": STATISTICS.format(host="host1", name="invalid_crc_count", value="0x5").encode(),
        "raid": MDSTAT,
        "sessions": SESSIONS,
        "history": json.dumps({"Devices": [{"Name": "SSD", "Version": "2.1", "UpdateState": 2}]}).encode(),
        "firmware": json.dumps({"Devices": [{"Name": "SSD", "Version": "2.1", "UpdateState": 2}]}).encode(),
    }


SESSIONS = b"""Target: iqn.1986-03.com.ibm:2145.east-1.node1 (non-flash)
\tCurrent Portal: 192.0.2.11:3260,1
\tPersistent Portal: 192.0.2.11:3260,1
\t\tSID: 1
\t\tiSCSI Connection State: LOGGED IN
\t\tiSCSI Session State: LOGGED_IN
\t\tInternal iscsid Session State: NO CHANGE
\tCurrent Portal: 192.0.2.12:3260,1
\t\tSID: 2
\t\tiSCSI Connection State: LOGGED IN
\t\tiSCSI Session State: LOGGED_IN
"""


def told(**changed: bytes | Reply) -> dict[tuple[str, str], Fact]:
    replies = {name: reply(text) for name, text in well().items()}
    replies |= {name.replace("_", "-"): reply(one) if isinstance(one, bytes) else one for name, one in changed.items()}
    return {(fact.name, fact.object): fact for fact in facts_of(replies)}


def test_a_well_host_has_nothing_bad_and_nothing_unknown() -> None:
    facts = told()
    assert {fact.state for fact in facts.values()} == {State.OK}
    assert facts["paths.up", "mpatha"].value == "2/2"
    assert facts["disk.revision", "sda"].value == "8704"
    assert facts["raid.members", "md1"].value == "3/3"
    assert ("disk.state", "sr0") not in facts


def test_every_question_changes_nothing_and_nothing_else_is_one() -> None:
    assert all(may_ask(command) for command in QUESTIONS.values())
    assert may_ask("smartctl -j -a /dev/sda")
    assert may_ask("nvme smart-log -o json /dev/nvme0")
    for command in (
        "smartctl -s off /dev/sda",
        "smartctl -j -a /dev/sda; reboot",
        "nvme fw-commit /dev/nvme0",
        "fwupdmgr update",
    ):
        assert not may_ask(command)


@pytest.mark.parametrize(
    ("paths", "changed", "fact", "value", "state"),
    [
        ((TWO[0], path("sdb", TWO[1]["target_wwpn"], chk_st="faulty")), {}, "paths.up", "1/2", State.BAD),
        ((TWO[0], path("sdb", TWO[1]["target_wwpn"], chk_st="ghost")), {}, "paths.up", "1/2", State.BAD),
        ((TWO[0], path("sdb", TWO[1]["target_wwpn"], dm_st="failed")), {}, "paths.up", "1/2", State.BAD),
        ((TWO[0], path("sdb", TWO[0]["target_wwpn"])), {}, "paths.controllers_seen", "1", State.BAD),
        ((TWO[0], path("sdb", "[undef]")), {}, "paths.controllers_seen", "", State.UNKNOWN),
        (TWO, {"features": "1 queue_if_no_path"}, "paths.queues_for_ever", "yes", State.BAD),
        (TWO, {"queueing": "on"}, "paths.queues_for_ever", "yes", State.BAD),
    ],
)
def test_paths_are_counted_only_where_they_work_and_lead_elsewhere(
    paths: tuple[dict[str, str], ...], changed: dict[str, str], fact: str, value: str, state: State
) -> None:
    found = told(maps=maps(*paths, **changed))[fact, "mpatha"]
    assert (found.value, found.state) == (value, state)


def test_no_maps_are_not_well_paths() -> None:
    assert not any(name.startswith("paths.") for name, _ in told(maps=b'{"maps": []}'))
    assert told(maps=maps())["unreadable", "maps"].state is State.UNKNOWN


def test_a_counter_that_the_adapter_does_not_keep_is_not_known() -> None:
    lines = "".join(
        STATISTICS.format(host=host, name="invalid_crc_count", value=value)
        for host, value in (("host1", "0x0"), ("host2", "0xffffffffffffffff"))
    ).encode()
    facts = told(adapter_errors=lines)
    assert facts["port.errors", "host1 invalid_crc_count"].state is State.OK
    assert facts["port.errors", "host2 invalid_crc_count"].state is State.UNKNOWN
    later = lines.replace(b"0x0\n", b"0x3\n")
    growth = grown(adapter_errors(reply(lines)), adapter_errors(reply(later)))
    assert growth == {"host1 invalid_crc_count": 3, "host2 invalid_crc_count": None}


def test_a_counter_that_is_no_hexadecimal_number_spoils_the_answer() -> None:
    for value in ("12", "0x", "0xg", "1.2g"):
        lines = STATISTICS.format(host="host1", name="invalid_crc_count", value=value).encode()
        assert told(adapter_errors=lines)["unreadable", "adapter-errors"].state is State.UNKNOWN


def test_an_adapter_that_is_not_online_is_bad() -> None:
    facts = told(adapters=b"/sys/class/fc_host/host1/port_state:Linkdown\n")
    assert facts["port.state", "host1"].state is State.BAD


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        (b"[3/3] [UUU]", b"[3/2] [UU_]", "2/3"),
        (b"[UUU]\n", b"[UUU]\n      [=>....]  recovery = 12.6% (1/8) finish=1min\n", "3/3 rebuilding"),
        (b"md1 : active", b"md1 : inactive", "3/3"),
    ],
)
def test_a_raid_that_is_degraded_rebuilding_or_stopped_is_bad(old: bytes, new: bytes, value: str) -> None:
    fact = told(raid=MDSTAT.replace(old, new, 1))["raid.members", "md1"]
    assert (fact.value, fact.state) == (value, State.BAD)


def test_a_raid_whose_members_are_not_told_is_unknown() -> None:
    facts = told(raid=MDSTAT.replace(b" [3/3] [UUU]", b""))
    assert facts["raid.members", "md1"].state is State.UNKNOWN
    assert facts["raid.members", "md0"].state is State.OK


def test_firmware_that_fwupd_could_not_bring_is_bad_and_none_is_none() -> None:
    failed = json.dumps({"Devices": [{"Name": "SSD", "Version": "2.1", "UpdateState": 3}]}).encode()
    assert told(history=failed)["firmware.history", "SSD"].state is State.BAD
    assert not any(name == "firmware.history" for name, _ in told(history=reply(b"", 2)))
    assert told(history=reply(b"", 1))["unreadable", "history"].state is State.UNKNOWN


def disk(status: int = 0, **changed: Any) -> dict[str, Fact]:
    whole = {
        "smart_status": {"passed": True}, "power_on_time": {"hours": 32_700}, "firmware_version": "HPD7",
        "model_name": "LAB SSD",
    } | changed  # fmt: skip
    return {fact.name: fact for fact in smart("/dev/sda", reply(json.dumps(whole).encode(), status))}


def test_smartctl_is_believed_by_its_mask_and_its_words() -> None:
    assert {fact.state for fact in disk().values()} == {State.OK}
    assert disk()["disk.power_on_hours"].value == "32700"
    assert disk(0b1000)["disk.healthy"].state is State.BAD
    assert disk(0b1000_0000)["disk.healthy"].state is State.OK  # the log of errors tells of the past
    assert disk(smart_status={"passed": False})["disk.healthy"].state is State.BAD
    assert disk(smart_status={})["disk.healthy"].state is State.UNKNOWN
    assert disk(power_on_time={"hours": -1})["disk.power_on_hours"].state is State.UNKNOWN
    for status in (1, 2, 4, None):
        with pytest.raises(Unreadable):
            smart("/dev/sda", reply(b"{}", status))


def test_firmware_that_waits_is_bad_and_what_is_over_is_counted() -> None:
    def states(*rows: Any, status: int = 0) -> dict[str, State]:
        text = json.dumps({"Devices": [{"Name": "N", "UpdateState": row} for row in rows]}).encode()
        return {fact.object: fact.state for fact in READERS["firmware"](reply(text, status))}

    assert states(2, 3) == {"of the host": State.OK, "of 2 updates": State.OK}
    assert states(2, 1)["of the host"] is states(4)["of the host"] is State.BAD
    assert states(status=2) == {"of the host": State.OK, "of 0 updates": State.OK}
    for rows, status in (((2,), 1), ((None,), 0), (("2",), 0), ((True,), 0)):
        with pytest.raises(Unreadable):
            states(*rows, status=status)


def test_a_mirror_that_is_being_checked_has_lost_nothing_and_one_that_is_rebuilt_has() -> None:
    for job, state in (("check", State.OK), ("recovery", State.BAD), ("resync", State.BAD)):
        busy = MDSTAT.replace(
            b"      bitmap", b"      [==>...]  %s = 12.6%% (1/9) finish=1min\n      bitmap" % job.encode()
        )
        assert told(raid=busy)["raid.members", "md0"].state is state, job


def test_a_port_of_which_the_driver_knows_nothing_is_unknown_and_any_other_word_is_bad() -> None:
    for word, state in (("Online", State.OK), ("Unknown", State.UNKNOWN), ("Linkdown", State.BAD), ("New", State.BAD)):
        line = f"/sys/class/fc_host/host1/port_state:{word}\n".encode()
        assert told(adapters=line)["port.state", "host1"].state is state


def test_an_nvme_disk_warns_by_a_number() -> None:
    assert nvme("/dev/nvme0", reply(b'{"critical_warning": 0}'))[0].state is State.OK
    assert nvme("/dev/nvme0", reply(b'{"critical_warning": 4}'))[0].state is State.BAD
    for text, status in ((b'{"critical_warning": 0}', 1), (b'{"critical_warning": "0"}', 0), (b"{}", 0), (b"[]", 0)):
        with pytest.raises(Unreadable):
            nvme("/dev/nvme0", reply(text, status))


def test_disks_of_one_age_and_firmware_are_counted_as_one_fate() -> None:
    """SAS SSDs that stop after 32,768 hours stopped side by side (array-clis, I02, I03)."""
    same = {f"sd{letter}": ("LAB SSD", "HPD7", 32_700 + number) for number, letter in enumerate("abc")}
    assert same_age_share(same) == 100
    assert same_age_share(same | {"sdd": ("LAB SSD", "HPD8", 32_700)}) == 75
    assert same_age_share(same | {"sdd": ("LAB SSD", "HPD7", 1_000)}) == 75
    assert same_age_share({}) == 0


@pytest.mark.parametrize("question", sorted(READERS))
@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_reply_that_is_not_understood_is_unknown(question: str, how: str) -> None:
    facts = told(**{question: BROKEN[how]})
    assert facts["unreadable", question].state is State.UNKNOWN


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=200))
def test_no_reply_makes_the_reader_stumble(question: str, noise: bytes) -> None:
    facts = told(**{question: noise})
    assert all(fact.value.isprintable() for fact in facts.values())


def test_what_this_machine_says_of_its_disks_is_understood() -> None:
    ran = subprocess.run(QUESTIONS["disks"].split(), capture_output=True, check=False)
    facts = told(disks=reply(ran.stdout, ran.returncode))
    assert ("unreadable", "disks") not in facts


def test_a_session_that_is_not_logged_in_is_bad_and_one_that_tells_half_spoils_the_list() -> None:
    first, second = (("session.state", f"iqn.1986-03.com.ibm:2145.east-1.node1 192.0.2.1{n}:3260,1") for n in (1, 2))
    assert (told()[first].state, told()[second].state) == (State.OK, State.OK)
    failed = told(sessions=SESSIONS.replace(b"Session State: LOGGED_IN", b"Session State: FAILED", 1))
    assert (failed[first].state, failed[first].value, failed[second].state) == (State.BAD, "FAILED", State.OK)
    waits = told(sessions=SESSIONS.replace(b"Connection State: LOGGED IN", b"Connection State: TRANSPORT WAIT", 1))
    assert (waits[first].state, waits[first].value) == (State.BAD, "TRANSPORT WAIT")
    for half in (
        SESSIONS.replace(b"\t\tiSCSI Connection State: LOGGED IN\n", b"", 1),
        SESSIONS.replace(b"\tCurrent Portal: 192.0.2.12:3260,1\n", b"\tCurrent Portal: \n"),
        b"iscsiadm: No active sessions.\n",
    ):
        assert told(sessions=half)[("unreadable", "sessions")].state is State.UNKNOWN


def test_of_two_sessions_to_one_portal_a_lost_one_is_seen_whichever_it_is() -> None:
    twice = SESSIONS.replace(b"192.0.2.12", b"192.0.2.11")
    first = "iqn.1986-03.com.ibm:2145.east-1.node1 192.0.2.11:3260,1"
    second = f"{first} #2"
    head, one, other = twice.split(b"Session State: LOGGED_IN")
    for states in ((b"FAILED", b"LOGGED_IN"), (b"LOGGED_IN", b"FAILED")):
        came = told(sessions=b"".join((head, b"Session State: ", states[0], one, b"Session State: ", states[1], other)))
        assert (came["session.state", first].state, came["session.state", second].state) == (State.OK, State.BAD)
    assert {told(sessions=twice)["session.state", one].state for one in (first, second)} == {State.OK}
