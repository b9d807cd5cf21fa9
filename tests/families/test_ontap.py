"""The ONTAP readers on the shapes that the documentation prints, and on what must not be taken for them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families.ontap import ADVANCED, FAMILY, QUESTIONS, READERS, ROWS, spell
from gate.inventory import ArrayFamily
from tests.lab.dialects.simulated import asked, reading, simulated

NOW = datetime(2026, 11, 22, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors" / "ontap"
EMPTY = "This table is currently empty.\n"


def vector(name: str) -> str:
    return (VECTORS / f"{name}.txt").read_text(encoding="utf-8")


def reply(text: str, status: int = 0) -> Reply:
    return Reply("lab-a", "?", ReplyState.ANSWERED, NOW, NOW, status, text.replace("\n", "\r\n").encode())


def facts(reader: str, text: str, status: int = 0) -> dict[str, str]:
    return READERS[reader](reply(text, status))


def whole(**changed: str) -> ArrayReading:
    """The reading of a well cluster of the lab, some of its replies replaced."""
    array = simulated(ArrayFamily.ONTAP)
    replies = {name: asked(array, command) for name, command in QUESTIONS.items()}
    return FAMILY.read("lab-a", replies | {name: reply(text) for name, text in changed.items()}, NOW)


@pytest.mark.parametrize(
    ("reader", "name", "expected"),
    [
        ("identity", "identity", {"serial": "1cd8a442-86d1-11e0-ae1c-123478563412", "name": "lab-a"}),
        ("progress", "progress", {"overall": "in-progress", "phase": "Data ONTAP updates"}),
        ("progress", "progress-done", {"overall": "completed"}),
        ("images", "images", {"equal": "yes", "nodes": "2", "default": "yes", "version": "9.13.1P4"}),
        ("validation", "validation", {"checks": "3", "errors": "0", "warnings": "1"}),
        ("failover", "failover", {"possible": "yes", "nodes": "2"}),
        ("packages", "repository", {"listed": "yes", "versions": "/9.14.1P4/"}),
    ],
)
def test_what_the_documentation_prints_is_read(reader: str, name: str, expected: dict[str, str]) -> None:
    assert facts(reader, vector(name)) == expected


def test_an_empty_table_is_none_only_where_the_array_says_so() -> None:
    assert facts("progress", EMPTY) == {"overall": "none"}
    assert facts("alerts", EMPTY) == {"count": "0"}
    assert facts("packages", "There are no entries matching your query.\n") == {"listed": "yes", "versions": "/"}
    for reader in READERS:
        if reader != "accepted":
            assert set(facts(reader, "")) == {"unreadable"}
            assert set(facts(reader, "\n\n")) == {"unreadable"}
    assert set(facts("progress", vector("progress").split("Pre-update")[0])) == {"unreadable"}


def test_columns_that_newer_code_adds_or_moves_change_nothing() -> None:
    lines = vector("failover").splitlines()
    order = [2, 0, 3, 1]
    moved = ["|".join(line.split("|")[place] for place in order) + "|later" for line in lines]
    assert facts("failover", "\n".join(moved) + "\n") == {"possible": "yes", "nodes": "2"}
    wider = [
        line + end
        for line, end in zip(
            vector("progress").splitlines(), ("", " Node", " ----------", " lab-a-01", " lab-a-01", ""), strict=True
        )
    ]
    assert facts("progress", "\n".join(wider) + "\n")["overall"] == "in-progress"


@pytest.mark.parametrize(
    ("old", "new", "overall"),
    [
        ("in-progress ", "failed      ", "failed"),
        ("in-progress    ", "paused-on-error", "paused-on-error"),
        ("in-progress ", "canceled    ", "canceled"),
        ("in-progress ", "waiting     ", "waiting"),
    ],
)
def test_the_worst_state_of_a_phase_is_the_updates(old: str, new: str, overall: str) -> None:
    assert facts("progress", vector("progress").replace(old, new))["overall"] == overall


@pytest.mark.parametrize(
    ("reader", "name", "old", "new"),
    [
        ("progress", "progress", "in-progress", "splendid   "),
        ("progress", "progress", "2 entries", "3 entries"),
        ("progress", "progress", "Status  ", "Condition"),
        ("images", "images", "image1  true    true ", "image1  true    false"),
        ("images", "images", "image2  false   false   9.12.1P9                  2/1/2025 12:00:00\n", ""),
        ("images", "images", "9.13.1P4 ", "9.13.1$P4"),
        ("validation", "validation", "Warning    ", "Perhaps    "),
        ("failover", "failover", "|true|Connected to lab-a-02", "|true"),
        ("failover", "failover", "possible", "likely"),
        ("identity", "identity", "Cluster UUID: 1cd8a442-86d1-11e0-ae1c-123478563412", "Cluster UUID: -"),
        ("packages", "repository", "Package Version", "Package Name   "),
    ],
)
def test_what_is_not_wholly_understood_is_unreadable(reader: str, name: str, old: str, new: str) -> None:
    text = vector(name)
    assert old in text
    assert set(facts(reader, text.replace(old, new, 1))) == {"unreadable"}


@pytest.mark.parametrize("name", ["canary-0", "a-cluster-with-a-very-long-name-indeed"])
def test_a_node_whose_name_is_wider_than_its_column_is_told_like_any_other(name: str) -> None:
    array = simulated(ArrayFamily.ONTAP)
    array.name = name
    told = reading(ArrayFamily.ONTAP, array)
    assert (told.unknown, told.problems, told.version) == ((), (), array.first_version)
    long = vector("images").replace("lab-a-01\n", f"{name}-01\n").replace("lab-a-02\n", f"{name}-02\n")
    assert long != vector("images")
    assert facts("images", long) == facts("images", vector("images"))


def test_a_value_that_reaches_into_the_next_column_is_not_taken_for_two() -> None:
    wide = vector("images").replace("9.13.1P4                  ", "9.13.1P4-and-what-follows-", 1)
    assert wide != vector("images")
    assert "wider than its column" in facts("images", wide)["unreadable"]


def test_an_error_in_the_text_or_a_bad_status_is_no_answer_whatever_else_is_there() -> None:
    text = vector("progress-done")
    assert set(facts("progress", text + "Error: command failed: timed out\n")) == {"unreadable"}
    assert set(facts("progress", text, status=255)) == {"unreadable"}
    assert set(facts("accepted", "Error: not authorized for that command\n")) == {"unreadable"}


def test_a_validation_that_finds_an_error_counts_it() -> None:
    found = vector("validation").replace("Aggregate online     OK     ", "Aggregate online     Error  ")
    assert facts("validation", found) == {"checks": "3", "errors": "1", "warnings": "1"}


def test_nodes_that_run_different_versions_have_none() -> None:
    mixed = vector("images").replace("image2  true    true    9.13.1P4", "image2  true    true    9.14.1P4")
    assert facts("images", mixed) == {"equal": "no", "nodes": "2", "default": "yes"}
    told = whole(images=mixed)
    assert told.version is None
    assert any("several versions" in line for line in told.unknown)


@pytest.mark.parametrize(
    ("question", "old", "new", "problem"),
    [
        ("quorum", "west-2-02             true ", "west-2-02             false", "node west-2-02 is out of quorum"),
        ("failover", "true|Connected to west-2-01", "false|In takeover", "west-2-02 cannot be taken over: In takeover"),
        ("aggregates", "raid_dp, normal", "raid_dp, degraded", "aggr1: RAID is raid_dp, degraded"),
        ("aggregates", "online", "restricted", "aggregate aggr1 is restricted"),
        ("health", "ok", "degraded", "the system's health is degraded"),
        ("health", "ok", "ok-with-suppressed", "ok-with-suppressed"),
        ("subsystems", "Health: ok", "Health: degraded", "subsystem SAS-connect is degraded"),
    ],
)
def test_what_is_wrong_is_named(question: str, old: str, new: str, problem: str) -> None:
    text = asked(simulated(ArrayFamily.ONTAP), QUESTIONS[question]).stdout.decode().replace("\r\n", "\n")
    assert old in text
    told = whole(**{question: text.replace(old, new, 1)})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_a_lun_in_a_clone_or_a_mirror_is_a_copy_of_the_lun_of_its_name() -> None:
    luns = (
        "vserver|path|size|serial-hex\nVserver|Path|Size|Serial\n"
        f"svm0|/vol/db/lun1|1048576|{'a' * 24}\nsvm0|/vol/db_clone/lun1|1048576|{'b' * 24}\n"
        f"svm0|/vol/dr/lun1|1048576|{'c' * 24}\n"
    )
    clones = "vserver|flexclone|parent-vserver|parent-volume\nA|B|C|D\nsvm0|db_clone|svm0|db\n"
    mirrors = "source-path|destination-path|state|healthy\nA|B|C|D\nfar:db|svm0:dr|Snapmirrored|true\n"
    told = whole(luns=luns, clones=clones, mirrors=mirrors).volumes
    assert told is not None
    assert [one.uid[:10] for one in told] == ["600a0980aa", "600a0980bb", "600a0980cc"]
    assert [one.copy_of for one in told] == [(), (told[0].uid,), ("far:db/lun1",)]
    assert whole(luns=luns, clones="Error: no\n", mirrors=mirrors).volumes is None
    assert whole(luns=luns.replace("1048576", "1MB", 1)).volumes is None


def test_every_command_is_spoken_with_what_it_needs_and_no_more() -> None:
    assert spell("version") == "set -rows 0; version"
    assert spell("system node image show") == ROWS + ADVANCED + "system node image show"
    assert 'set -showseparator "|"' in spell("storage failover show -fields node,possible")


@pytest.mark.parametrize(
    "command",
    [
        "cluster image update -version 9.14.1P4 -force-rolling",
        "cluster image update -version 9.14.1P4 -ignore-validation-warning true",
        "cluster image update -version 9.14.1P4 -skip-confirmation",
        "cluster image package get -url http://packages/x.tgz; reboot",
        "cluster image package get -url file://x.tgz",
        "system node revert-to -node lab-a-01 -version 9.12",
        "storage failover takeover -ofnode lab-a-01",
        "set -confirmations off",
    ],
)
def test_what_overrules_the_cluster_stands_in_no_playbook(command: str) -> None:
    assert FAMILY.forbids(FAMILY.spoken(command))


def test_one_node_that_cannot_be_taken_over_is_enough_and_a_single_node_never_can() -> None:
    text = vector("failover")
    assert facts("failover", text.replace("|true|Connected to lab-a-01", "|false|In takeover"))["possible"] == "no"
    assert facts("failover", "".join(line + "\n" for line in text.splitlines()[:3])) == {"possible": "no", "nodes": "1"}


def test_an_interface_off_its_home_port_is_told_and_what_is_no_table_is_not_read() -> None:
    listed = "Vserver Interface Home\n------- --------- -----\nsvm0    lif1      false\n"
    assert facts("displaced", listed) == {"none": "no"}
    assert facts("displaced", "There are no entries matching your query.\n") == {"none": "yes"}
    assert set(facts("displaced", "x\n")) == {"unreadable"}
