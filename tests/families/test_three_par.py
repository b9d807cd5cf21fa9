"""The 3par readers on the documented shapes, on broken ones, and on anything at all. No array answered here."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply
from gate.families.three_par import FAMILY, QUESTIONS, READERS, read
from gate.families.three_par_health import HEALTH
from tests.families.fixtures import BROKEN, NOW, cut, reply, vector


def said(name: str) -> bytes:
    return vector("3par", name)


def array(**changed: bytes | Reply) -> ArrayReading:
    """Read an array that is well but for what is named."""
    replies = {question: reply(said(question)) for question in QUESTIONS}
    replies |= {name: reply(what) if isinstance(what, bytes) else what for name, what in changed.items()}
    return read("lab-3par-1", replies, NOW)


def test_a_well_array_tells_who_it_is_and_has_no_problem() -> None:
    told = array()
    assert (told.serial, told.model, told.version) == ("CZ3LAB0042", "HPE_3PAR 8200", "3.3.1-MU5")
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert told.target_ports == (
        "naa.20210002ac0a0042",
        "naa.21210002ac0a0042",
        "iqn.2000-05.com.3pardata:20810002ac0a0042",
        "iqn.2000-05.com.3pardata:21810002ac0a0042",
    )
    assert told.volumes is not None
    assert [(one.name, one.size, one.copy_of) for one in told.volumes] == [
        ("db_data", 10240 << 20, ()),
        ("db_data.mon", 10240 << 20, ("60002ac0000000000000000100010042",)),
    ]
    assert len(told.raw) == len(QUESTIONS)


def test_every_question_is_on_the_list_of_those_that_change_nothing() -> None:
    assert all(FAMILY.may_ask(command) for command in QUESTIONS.values())
    for command in ("shutdownsys reboot", "showsys -csvtable ; shutdownsys halt", "setsys -f x", "removevv -f db_data"):
        assert not FAMILY.may_ask(command)
        assert FAMILY.forbids(command)


def test_no_playbook_may_answer_the_arrays_own_question_in_advance() -> None:
    assert "name prompt and answer" in FAMILY.forbids("upgradecage -f cage0")
    assert FAMILY.forbids("upgradecage cage0") == ""


def test_carriage_returns_change_nothing() -> None:
    replies = {name: reply(said(name).replace(b"\n", b"\r\n")) for name in QUESTIONS}
    assert replace(read("lab-3par-1", replies, NOW), raw=()) == replace(array(), raw=())


def test_words_of_the_upgrade_check_are_for_people_whatever_they_are_and_times_are_left_out() -> None:
    told = READERS["ready"](reply(b"Sun Nov 22 22:01:14\r\n\r\nError:  node 1\tis degraded\r\n"))
    assert told == {"told": "yes", "remarks": "… Nov 22 …; Error: node 1 is degraded"}
    assert READERS["ready"](reply(b"ready\n"))["remarks"] == "ready"
    assert "unreadable" in READERS["ready"](reply(b" \n"))
    assert len(READERS["ready"](reply(b"y" * 9000))["remarks"]) == 2000


@pytest.mark.parametrize("question", [name for name, command in QUESTIONS.items() if "-csvtable" in command])
def test_a_column_that_a_new_release_adds_anywhere_changes_nothing(question: str) -> None:
    table = said("tasks-running" if question == "tasks" else question)
    lines = table.decode().splitlines()
    end = next((number for number, line in enumerate(lines) if line.startswith("--")), len(lines))
    for at in range(lines[0].count(",") + 2):
        grown = [line.split(",") for line in lines[:end]]
        for cells in grown:
            cells.insert(at, "New_Col" if cells is grown[0] else "x")
        told = array(**{question: "\n".join([*map(",".join, grown), *lines[end:], ""]).encode()})
        assert replace(told, raw=()) == replace(array(**{question: table}), raw=()), f"column {at}"


def test_titles_of_an_older_release_are_known() -> None:
    told = array(ports=said("ports-older"))
    assert (told.problems, told.target_ports) == ((), ("naa.20210002ac0a0042", "naa.21210002ac0a0042"))


def test_names_of_iscsi_ports_are_needed_only_where_there_are_such_ports() -> None:
    assert array(ports=said("ports-older"), names=b"There are no such ports\n").unknown == ()
    assert any(line.startswith("names: ") for line in array(names=b"There are no such ports\n").unknown)


@pytest.mark.parametrize(
    ("question", "content", "problem"),
    [
        ("nodes", said("nodes").replace(b"1,OK,OK", b"1,Degraded,Mem_Failed"), "node 1 is Degraded"),
        ("nodes", cut(said("nodes"), 2), "only 1 controller node"),
        ("power", said("power").replace(b"00004,OK,OK,OK", b"00004,Failed,OK,OK"), "power supply 1 of node 1: AC is"),
        ("disks", said("disks").replace(b"2,normal", b"2,failed"), "disk 2 is failed"),
        ("disks", said("disks").replace(b"2,normal", b"2,new"), "disk 2 is new"),
        ("ports", said("ports").replace(b"1:2:1,target,ready", b"1:2:1,target,loss_sync"), "port 1:2:1 is loss_sync"),
        ("ports", said("ports").replace(b"1:2:1,none", b"1:2:1,failed_over"), "port 0:2:1: failed_over"),
        ("hosts", said("hosts").replace(b"1,db-1,Generic,500143802426BAF6,1:2:1", b"1,db-1,Generic,a,0:2:2"), "node 0"),
        ("hosts", said("hosts").replace(b",0:8:1", b",---").replace(b",1:8:1", b",---"), "host db-2 has no path"),
        ("health", said("health-issues"), "Alert: New alerts (2)"),
    ],
)
def test_what_is_wrong_is_named(question: str, content: bytes, problem: str) -> None:
    told = array(**{question: content})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_nodes_that_run_different_code_are_an_update_that_goes_on() -> None:
    """King's College: a new part's firmware did not fit its partner's (array-clis, I06)."""
    told = array(code=said("code").replace(b"3.3.1.460", b"3.3.2.101", 1))
    assert (told.version, told.update_state) == (None, "updating")
    assert any("different code (3.3.2.101 3.3.1.460)" in line for line in told.unknown)


def test_a_running_task_is_no_idle_array() -> None:
    assert array(tasks=said("tasks-running")).update_state == "running 1 tasks"
    assert array(tasks=b"Keine Aufgaben\n").update_state is None


def test_alerting_findings_of_the_arrays_own_check_are_counted() -> None:
    """Australian Taxation Office: what the array knew of itself was not looked at (array-clis, I05)."""
    facts = READERS["health"](reply(said("health-issues")))
    assert facts == {"issues": "3", "components": "/Alert/vlun/"}
    assert READERS["health"](reply(said("health")))["issues"] == "0"


@pytest.mark.parametrize(
    "spoilt",
    [
        b"Checking alert\nChecking cage\n",  # cut before it said anything
        cut(said("health-issues"), 6),  # cut before its total
        said("health-issues").replace(b"2 total", b"3 total"),
        said("health-issues").replace(b"alerts                                            2", b"alerts              1"),
        said("health") + b"but for one thing\n",
    ],
)
def test_a_health_check_that_does_not_add_up_says_nothing(spoilt: bytes) -> None:
    assert "unreadable" in READERS["health"](reply(spoilt))
    assert array(health=spoilt).problems is None


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (b"Release version 3.3.1 (MU5)", "3.3.1-MU5"),
        (b"Release version 3.2.1.MU3", "3.2.1-MU3"),
        (b"Release version 3.2.2.204", "3.2.2.204"),
        (b"Release version 10.5.51", "10.5.51"),
    ],
)
def test_a_release_has_one_spelling(line: bytes, version: str) -> None:
    assert READERS["version"](reply(line + b"\nPatches: None\n")) == {"version": version, "patches": "None"}


@pytest.mark.parametrize("line", [b"Release version", b"Release version 3.3.1 (MU5) or so", b"Version 3.3.1"])
def test_a_release_that_is_spelled_otherwise_is_not_guessed(line: bytes) -> None:
    assert "unreadable" in READERS["version"](reply(line + b"\n"))


def test_a_node_that_is_more_than_half_busy_could_not_carry_both() -> None:
    assert READERS["load"](reply(said("load"))) == {"busiest": "46", "below_half": "yes"}
    busy = said("load").replace(b"1,total   29  17   54", b"1,total   31  19   50")
    assert READERS["load"](reply(busy)) == {"busiest": "50", "below_half": "no"}
    one = said("load").replace(b" 1,total   29  17   54   3120  12001\n", b"")
    assert "unreadable" in READERS["load"](reply(one))


def test_hosts_are_told_as_a_set_to_compare() -> None:
    assert READERS["paths"](reply(said("hosts"))) == {"hosts": "/db-1/db-2/", "all_twofold": "yes"}
    gone = said("hosts").replace(b",0:8:1", b",---").replace(b",1:8:1", b",---")
    assert READERS["paths"](reply(gone)) == {"hosts": "/db-1/", "all_twofold": "no"}


@pytest.mark.parametrize(
    "spoilt",
    [
        said("volumes").replace(b"db_data,none", b"nothing,none"),
        said("volumes").replace(b"vcopy,db_data", b"vcopy,---"),
        said("volumes").replace(b"---,none", b"---,Synced"),
        said("volumes").replace(b"60002AC0000000000000000200010042", b"60002AC0000000000000000100010042"),
        said("volumes").replace(b"10240", b"10.0G"),
        cut(said("volumes"), 3),
    ],
)
def test_a_list_of_volumes_that_is_not_whole_is_none(spoilt: bytes) -> None:
    told = array(volumes=spoilt)
    assert told.volumes is None
    assert any(line.startswith("volumes: ") for line in told.unknown)


@pytest.mark.parametrize("question", ["disks", "ports", "names", "hosts", "volumes"])
def test_a_table_that_lacks_rows_is_cut(question: str) -> None:
    lines = said(question).splitlines(keepends=True)
    for lost in range(1, len(lines) - 2):
        spoilt = b"".join(lines[:lost] + lines[lost + 1 :])
        assert any(line.startswith(f"{question}: ") for line in array(**{question: spoilt}).unknown)
    for kept in range(len(lines) - 1):
        unknown = array(**{question: b"".join(lines[:kept])}).unknown
        assert any(line.startswith(f"{question}: ") for line in unknown) or lines[kept - 1].startswith(b"--")


@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_reply_that_is_not_understood_leaves_its_part_unknown(question: str, how: str) -> None:
    told = array(**{question: BROKEN[how]})
    assert any(line.startswith(f"{question}: ") for line in told.unknown)
    assert told.problems is None or question not in HEALTH


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=200))
def test_no_reply_makes_the_reader_stumble_or_call_the_array_well(question: str, noise: bytes) -> None:
    told = array(**{question: noise})
    if question in HEALTH:
        assert told.problems is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_reply_with_a_byte_changed_never_hides_a_fault(data: st.DataObject) -> None:
    ill = bytearray(said("disks").replace(b"2,normal", b"2,failed"))
    ill[data.draw(st.integers(0, len(ill) - 1))] = data.draw(st.integers(0, 255))
    if array(disks=bytes(ill)).problems == ():
        assert b"2,failed" not in bytes(ill)


def test_a_refusal_is_told_in_the_arrays_own_words() -> None:
    told = array(nodes=b"Error: Permission denied for this user\r\n")
    assert "nodes: the array answered Error: Permission denied for this user" in told.unknown


def test_a_list_without_an_end_is_given_up() -> None:
    endless = said("disks").replace(b"2,normal\n", b"2,normal\n" * 100_001)
    assert any("more than 100000 lines" in line for line in array(disks=endless).unknown)
