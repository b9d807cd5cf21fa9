"""What hosts see before and after: a word that can refuse and never opens, from the first answer to the judgement."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from gate.change import Plan
from gate.engine.hands import Hands
from gate.engine.hosts import MOST_TOLD, concerned, host_probes, still_alive, unseen
from gate.evidence import Reply, ReplyState
from gate.families.linux_nvme import TRANSPORTS
from gate.families.linux_probes import QUESTIONS
from gate.finding import Outcome
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import Inventory
from gate.judgement import OF_ITSELF, ON_HOSTS, Held, Limits, Probe, judge
from gate.ledger.entry import Draft
from gate.ssh.wire import Timeouts
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger
from tests.cases import NOON, fleet
from tests.engine.histories import PLAN, History
from tests.engine.test_part_identity import PLANNED

SESSION = (
    "Target: iqn.2026-11.x:east-1 (non-flash)\n\tCurrent Portal: 192.0.2.{n}:3260,1\n\t\tSID: {n}\n"
    "\t\tiSCSI Connection State: {connection}\n\t\tiSCSI Session State: {state}\n"
)
KEYS = tuple(f"session.state iqn.2026-11.x:east-1 192.0.2.{n}:3260,1" for n in (1, 2))


def session(number: int, state: str = "LOGGED_IN") -> str:
    return SESSION.format(n=number, state=state, connection="LOGGED IN" if state == "LOGGED_IN" else "TRANSPORT WAIT")


@dataclass
class Voices:
    """A host that knows `iscsiadm` alone; every command that was put to it is kept."""

    sessions: str = session(1) + session(2)
    state: ReplyState = ReplyState.ANSWERED
    heard: list[str] = field(default_factory=list)

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Answer one question."""
        assert deadline_s is None
        self.heard.append(command)
        known = command == QUESTIONS["sessions"]
        text = self.sessions if known else ""
        return Reply(target, command, self.state, NOON, NOON, 0 if known else 127, text.encode(), b"")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    keys.create(tmp_path / "ledger.key", "gate.example/ledger")
    signer = keys.load(tmp_path / "ledger.key", "gate.example/ledger")
    opened = open_ledger(tmp_path / "ledger.db", signer=signer, clock=lambda: NOON)
    yield opened
    opened.close()


def put(
    ledger: Ledger, voices: "Voices | Itself", number: int, before: tuple[Probe, ...] = (), plan: Plan = PLAN
) -> list[Draft]:
    """What one round enters, with a baseline on record or without."""
    hands = Hands(
        inventory=fleet(),
        asker=voices,
        arrays=cast(Arrays, None),
        known_answers=cast(KnownAnswers, None),
        pinned=HostKeys(()),
        mutate_user="",
        timeouts=Timeouts(),
        images=Path(),
        clock=lambda: NOON,
    )
    standing = replace(History().forward().standing, probes=before)
    return host_probes(ledger, hands, plan, standing, number)


def asked(
    ledger: Ledger, voices: "Voices | Itself", number: int, before: tuple[Probe, ...] = (), plan: Plan = PLAN
) -> dict[str, tuple[str, str]]:
    """Probe → outcome and sentence of one round, with a baseline on record or without."""
    drafts = put(ledger, voices, number, before, plan)
    assert {draft.data["role"] for draft in drafts} <= {"host"}
    mine = [draft.data for draft in drafts if draft.data["array"] == "db-1"]
    return {str(data["name"]): (str(data["outcome"]), str(data["value"])) for data in mine}


def well(said: str = "; ".join(KEYS), outcome: Outcome = Outcome.PASSED) -> tuple[Probe, ...]:
    return (Probe("db-1", "host-sessions", 0, outcome, said),)


def test_before_the_change_a_host_is_asked_everything_and_tells_what_is_well(ledger: Ledger) -> None:
    voices = Voices()
    told = asked(ledger, voices, 0)
    assert set(told) == set(ON_HOSTS)
    assert told.pop("host-sessions") == ("passed", "; ".join(KEYS))
    assert {outcome for outcome, _ in told.values()} == {"unknown"}


def test_afterwards_only_what_was_well_is_asked_and_must_be_well(ledger: Ledger) -> None:
    voices = Voices()
    assert asked(ledger, voices, 1, well()) == {"host-sessions": ("passed", "all 2 that were well before are well")}
    assert voices.heard == [QUESTIONS["sessions"]]  # of bk-1 nothing was well before, so nothing is asked of it
    assert asked(ledger, Voices(), 1) == {}
    assert asked(ledger, Voices(), 1, well(outcome=Outcome.UNKNOWN)) == {}


@pytest.mark.parametrize(
    ("sessions", "state", "outcome", "said"),
    [
        (session(1) + session(2, "FAILED"), ReplyState.ANSWERED, "failed", f"{KEYS[1]} is FAILED"),
        (session(1), ReplyState.ANSWERED, "failed", f"{KEYS[1]} is gone"),
        (session(1) + session(2) + session(3, "FAILED"), ReplyState.ANSWERED, "passed", "all 2 that were well"),
        ("iscsiadm: No active sessions.\n", ReplyState.ANSWERED, "unknown", "it tells of no session"),
        ("", ReplyState.UNREACHABLE, "unknown", "no answer"),
        ("\x1b[2J", ReplyState.ANSWERED, "unknown", ""),
    ],
)
def test_what_is_lost_has_failed_and_what_is_not_told_is_unknown(
    ledger: Ledger, sessions: str, state: ReplyState, outcome: str, said: str
) -> None:
    came = asked(ledger, Voices(sessions, state), 2, well())["host-sessions"]
    assert came[0] == outcome
    assert said in came[1]


def test_a_list_that_did_not_fit_says_so_and_is_a_doubt_in_the_end(ledger: Ledger) -> None:
    many = "".join(session(number) for number in range(1, 400))
    outcome, said = asked(ledger, Voices(many), 0)["host-sessions"]
    kept = said.split("; ")
    assert outcome == "passed"
    assert kept[-1] == f"and {399 - len(kept) + 1} more that did not fit"
    assert kept[:2] == list(KEYS)
    assert len(said.encode()) > MOST_TOLD * 0.9
    again = asked(ledger, Voices(many), 1, well(said))["host-sessions"]
    assert again == ("unknown", f"all {len(kept) - 1} that were well before are well, {kept[-1]} before")
    assert asked(ledger, Voices(session(2)), 1, well(said))["host-sessions"][0] == "failed"


def test_what_a_failed_part_took_and_did_not_fit_is_a_doubt_in_the_end(ledger: Ledger) -> None:
    many = "".join(session(number, "FAILED") for number in range(1, 400))
    told = asked(ledger, Voices(many), 0, plan=OTHER_PORT)["host-sessions-lost"]
    before = (Probe("db-1", "host-sessions-lost", 0, Outcome.FAILED, told[1]),)
    again = asked(ledger, Voices(many.replace("FAILED", "LOGGED_IN").replace("TRANSPORT WAIT", "LOGGED IN")), 1, before)
    assert again["host-sessions-lost"][0] == "unknown"
    assert "more that did not fit before" in again["host-sessions-lost"][1]


def test_as_much_as_is_kept_of_an_answer_goes_into_an_entry(ledger: Ledger) -> None:
    rows = [{"name": chr(0x1F600 + n) * 60 + '"' * 20, "type": "disk", "state": "live"} for n in range(200)]
    drafts = put(ledger, Itself({QUESTIONS["disks"]: json.dumps({"blockdevices": rows})}), 0)
    assert any("more that did not fit" in str(draft.data["value"]) for draft in drafts)
    ledger.append_all(drafts)


FAILED_PART = replace(PLAN, part=replace(PLANNED, failed=True, ports=("iqn.2026-11.x:east-1",)))
OTHER_PORT = replace(PLAN, part=replace(PLANNED, failed=True, ports=("iqn.2026-11.x:east-1.b",)))


def test_what_a_failed_part_took_from_a_host_is_told_before_and_must_be_there_again(ledger: Ledger) -> None:
    told = asked(ledger, Voices(session(1, "FAILED") + session(2)), 0, plan=OTHER_PORT)
    assert told["host-sessions"] == ("passed", KEYS[1])
    assert told["host-sessions-lost"] == ("failed", KEYS[0])
    assert set(told) == {*ON_HOSTS, "host-sessions-lost"}
    before = (*well(KEYS[1]), Probe("db-1", "host-sessions-lost", 0, Outcome.FAILED, KEYS[0]))
    again = asked(ledger, Voices(), 1, before, OTHER_PORT)
    assert again["host-sessions-lost"] == ("passed", "all 1 that were lost before are well")
    for still in (session(1, "FAILED") + session(2), session(2)):
        mine = asked(ledger, Voices(still), 1, before, FAILED_PART)
        assert mine["host-sessions"][0] == "passed"
        assert mine["host-sessions-lost"][0] == "failed"
        assert asked(ledger, Voices(still), 1, before, OTHER_PORT)["host-sessions-lost"][0] == "unknown"
    silent = asked(ledger, Voices(state=ReplyState.UNREACHABLE), 1, before, OTHER_PORT)
    assert {outcome for outcome, _ in silent.values()} == {"unknown"}
    assert set(silent) == {"host-sessions", "host-sessions-lost"}


def test_a_live_path_through_the_part_that_is_called_failed_is_told_at_once(ledger: Ledger) -> None:
    assert still_alive(put(ledger, Voices(), 0, plan=OTHER_PORT)) == ""
    assert still_alive(put(ledger, Voices(session(1, "FAILED")), 0, plan=FAILED_PART)) == ""
    assert still_alive(put(ledger, Voices(), 0)) == ""
    found = still_alive(put(ledger, Voices(), 0, plan=FAILED_PART))
    assert found.startswith("the array calls a part failed that serves: db-1 has a live path through iqn.2026-11.x:")


def test_without_a_failed_part_nothing_more_is_told_of_what_was_lost_before(ledger: Ledger) -> None:
    assert set(asked(ledger, Voices(session(1, "FAILED")), 0)) == set(ON_HOSTS)
    serving = replace(PLAN, part=PLANNED)
    assert set(asked(ledger, Voices(session(1, "FAILED")), 0, plan=serving)) == set(ON_HOSTS)


def test_only_hosts_of_data_and_copies_are_asked_and_none_that_is_said_to_hang_elsewhere() -> None:
    def hanging(fabrics: tuple[str, ...] | None) -> Inventory:
        made = fleet()
        hosts = tuple(host.model_copy(update={"fabrics": fabrics}) for host in made.hosts)
        return made.model_copy(update={"hosts": hosts})

    assert concerned(hanging(None), "east-1") == ("db-1", "bk-1")
    assert concerned(hanging(("east-b",)), "east-1") == ("db-1", "bk-1")
    assert concerned(hanging(None).model_copy(update={"protections": ()}), "east-1") == ("db-1",)
    assert concerned(hanging(("west-a",)), "east-1") == ()
    assert concerned(hanging(()), "east-1") == ()


OWN = {"nvme0n1": "nvme", "sda": "sata", "sdb": "iscsi", "vda": "virtio"}
SMART, NVME = "smartctl -j -a /dev/sda", "nvme smart-log -o json /dev/nvme0n1"
WELL = {
    QUESTIONS["disks"]: json.dumps({"blockdevices": [{"name": name, "type": "disk", "state": "live", "tran": tran}
                                                     for name, tran in OWN.items()]}),
    NVME: '{"critical_warning": 0}',
    SMART: '{"smart_status": {"passed": true}}',
    TRANSPORTS: "/sys/block/nvme0n1/device/transport:pcie\n/sys/block/nvme0n1/device/address:0000:01:00.0\n",
    QUESTIONS["raid"]: "Personalities : [raid1]\nmd0 : active raid1 a[1] b[0]\n      9 blocks super 1.2 [2/2] [UU]\n",
    QUESTIONS["adapters"]: "/sys/class/fc_host/host1/port_state:Online\n",
    QUESTIONS["firmware"]: '{"Devices": [{"Name": "BIOS", "Version": "1", "UpdateState": 2}]}',
}  # fmt: skip


@dataclass
class Itself:
    """db-1 tells all of itself; any other host knows no word."""

    said: dict[str, str] = field(default_factory=lambda: dict(WELL))
    heard: list[str] = field(default_factory=list)

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Answer one question."""
        assert deadline_s is None
        self.heard.append(f"{target} {command}")
        text = self.said.get(command) if target == "db-1" else None
        return Reply(
            target, command, ReplyState.ANSWERED, NOON, NOON, 127 if text is None else 0, (text or "").encode()
        )


def test_a_hosts_own_disks_are_asked_one_by_one_and_its_list_of_disks_once(ledger: Ledger) -> None:
    voices = Itself()
    told = asked(ledger, voices, 0)
    assert told["host-own-disks"] == ("passed", "disk.healthy /dev/nvme0n1; disk.healthy /dev/sda")
    assert told["host-firmware"] == ("passed", "firmware.update of the host; firmware.count of 1 updates")
    mine = [one.removeprefix("db-1 ") for one in voices.heard if one.startswith("db-1 ")]
    assert [one for one in mine if "/dev/" in one] == [NVME, SMART]
    assert len(mine) == len(set(mine))


OVER_TCP = (
    "/sys/block/nvme0n1/device/nvme0/transport:tcp\n"
    "/sys/block/nvme0n1/device/nvme0/address:traddr=192.0.2.7,trsvcid=4420\n"
)


@pytest.mark.parametrize(
    ("kernel", "own", "asked_it"),
    [
        (OVER_TCP, "disk.healthy /dev/sda", False),
        (OVER_TCP.replace("tcp", "loop"), "disk.healthy /dev/sda", False),
        ("", "disk.healthy /dev/sda", False),
        ("grep: not found", "disk.healthy /dev/sda", False),
        (WELL[TRANSPORTS], "disk.healthy /dev/nvme0n1; disk.healthy /dev/sda", True),
    ],
)
def test_a_namespace_of_a_fabric_is_no_disk_of_the_hosts_own_though_lsblk_calls_it_nvme(
    ledger: Ledger, kernel: str, own: str, asked_it: bool
) -> None:
    ill = {NVME: '{"critical_warning": 4}'} if not asked_it else {}
    voices = Itself(WELL | {TRANSPORTS: kernel} | ill)
    assert asked(ledger, voices, 0)["host-own-disks"] == ("passed", own)
    assert (f"db-1 {NVME}" in voices.heard) is asked_it


ILL = [
    ("host-own-disks", NVME, '{"critical_warning": 4}', "disk.healthy /dev/nvme0n1 is 4"),
    ("host-own-disks", SMART, '{"smart_status": {"passed": false}}', "disk.healthy /dev/sda is false"),
    ("host-firmware", QUESTIONS["firmware"], '{"Devices": [{"Name": "BIOS", "UpdateState": 1}]}', "BIOS is pending"),
    (
        "host-firmware",
        QUESTIONS["firmware"],
        '{"Devices": [{"Name": "BIOS", "UpdateState": 4}]}',
        "waits for a restart",
    ),
    ("host-raid", QUESTIONS["raid"], WELL[QUESTIONS["raid"]].replace("[2/2] [UU]", "[2/1] [U_]"), "md0 is 1/2"),
    ("host-ports", QUESTIONS["adapters"], "/sys/class/fc_host/host1/port_state:Linkdown\n", "host1 is Linkdown"),
]


@pytest.mark.parametrize(("name", "command", "answer", "why"), ILL)
def test_a_host_that_is_ill_before_the_change_halts_it_where_no_other_could_watch(
    ledger: Ledger, name: str, command: str, answer: str, why: str
) -> None:
    voices = Itself(WELL | {command: answer})
    outcome, said = asked(ledger, voices, 0)[name]
    assert outcome == "failed"
    assert why in said
    assert why in unseen(put(ledger, voices, 0))
    assert unseen(put(ledger, Itself(), 0)) == ""


@pytest.mark.parametrize("answer", [None, "", "{}", "nvme: Permission denied", '{"critical_warning": "0"}'])
def test_what_a_host_does_not_tell_of_itself_is_unknown_and_halts_nothing(ledger: Ledger, answer: str | None) -> None:
    said = WELL | {NVME: answer or "", SMART: answer or ""}
    assert asked(ledger, Itself(said), 0)["host-own-disks"] == ("unknown", "it tells nothing well")
    assert unseen(put(ledger, Itself(said), 0)) == ""


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (WELL[QUESTIONS["firmware"]], "passed"),
        ('{"Devices": [{"Name": "BIOS", "UpdateState": 2}, {"Name": "NIC", "UpdateState": 2}]}', "failed"),
        ('{"Devices": [{"Name": "BIOS", "UpdateState": 4}]}', "failed"),
        ("", "unknown"),
    ],
)
def test_firmware_of_the_host_that_moves_while_it_watches_is_seen(ledger: Ledger, answer: str, outcome: str) -> None:
    known = "firmware.update of the host; firmware.count of 1 updates"
    before = (Probe("db-1", "host-firmware", 0, Outcome.PASSED, known),)
    voices = Itself(WELL | {QUESTIONS["firmware"]: answer})
    assert asked(ledger, voices, 1, before)["host-firmware"][0] == outcome


def test_a_disk_whose_name_is_none_is_not_put_into_a_command(ledger: Ledger) -> None:
    rows = [{"name": "sda; reboot", "type": "disk", "state": "live", "tran": "sata"}]
    voices = Itself(WELL | {QUESTIONS["disks"]: json.dumps({"blockdevices": rows})})
    assert asked(ledger, voices, 0)["host-own-disks"][0] == "unknown"
    assert not any("reboot" in one for one in voices.heard)


def test_while_a_failed_part_is_replaced_a_lost_mirror_or_port_makes_nobody_ill_and_an_own_disk_does(
    ledger: Ledger,
) -> None:
    for name, command, answer, _ in ILL:
        voices = Itself(WELL | {command: answer})
        told = asked(ledger, voices, 0, plan=OTHER_PORT)
        own = name in OF_ITSELF
        assert (told[name][0] == "failed", f"{name}-lost" in told) == (own, not own)
        assert bool(unseen(put(ledger, voices, 0, plan=OTHER_PORT))) is own


def listed(*names: str, state: str = "live") -> str:
    rows = [{"name": name, "type": "disk", "state": state, "tran": OWN[name]} for name in names]
    return json.dumps({"blockdevices": rows})


def test_a_namespace_that_is_gone_is_a_loss_and_no_illness_of_the_host(ledger: Ledger) -> None:
    known = {"host-disks": "disk.state nvme0n1", "host-own-disks": "disk.healthy /dev/nvme0n1; disk.healthy /dev/sda"}
    before = tuple(Probe("db-1", name, 0, Outcome.PASSED, said) for name, said in known.items())
    gone = asked(ledger, Itself(WELL | {QUESTIONS["disks"]: listed("sda", "sdb")}), 1, before)
    assert gone == {
        "host-disks": ("failed", "disk.state nvme0n1 is gone"),
        "host-own-disks": ("unknown", "disk.healthy /dev/nvme0n1 is gone"),
    }
    ends = tuple(Probe("db-1", name, 1, Outcome(outcome), said) for name, (outcome, said) in gone.items())
    judgement = judge("canary", "twin", 1, (*before, *ends), (), Limits(1, 1, 1))
    assert (judgement.result, judgement.because) == (Held.FAILED, ("db-1: host-disks: disk.state nvme0n1 is gone",))
    dying = Itself(WELL | {QUESTIONS["disks"]: listed("sda"), SMART: '{"smart_status": {"passed": false}}'})
    assert asked(ledger, dying, 1, before)["host-own-disks"][0] == "failed"


def test_of_two_answers_about_one_thing_the_worse_stays(ledger: Ledger) -> None:
    for order in (("live", "dead"), ("dead", "live")):
        rows = [{"name": "sda", "type": "disk", "state": state, "tran": "fc"} for state in order]
        voices = Itself({QUESTIONS["disks"]: json.dumps({"blockdevices": rows})})
        before = (Probe("db-1", "host-disks", 0, Outcome.PASSED, "disk.state sda"),)
        assert asked(ledger, voices, 1, before)["host-disks"] == ("failed", "disk.state sda is dead")
