"""The storage-virtualize readers on recorded shapes, on broken ones, and on anything at all."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families.storage_virtualize import FAMILY, HEALTH, QUESTIONS, READERS, read

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors" / "storage-virtualize"
WELL = {
    "system": "system",
    "nodes": "nodes",
    "enclosures": "enclosures",
    "raid": "raid",
    "rebuild": "",
    "drives": "drives",
    "hosts": "hosts",
    "events": "",
    "update": "update-idle",
    "volumes": "volumes",
    "copies": "copies",
    "relations": "relations",
    "backends": "",
}


def vector(name: str) -> bytes:
    """Return a fixture below its own heading."""
    return (VECTORS / f"{name}.txt").read_bytes().partition(b"---\n")[2] if name else b""


def reply(stdout: bytes, status: int | None = 0, stderr: bytes = b"") -> Reply:
    return Reply("west-2", "ls", ReplyState.ANSWERED, NOW, NOW, status, stdout, stderr)


def array(**changed: bytes | Reply) -> ArrayReading:
    """Read an array that is well but for what is named."""
    replies = {question: reply(vector(name)) for question, name in WELL.items()}
    replies |= {name: reply(what) if isinstance(what, bytes) else what for name, what in changed.items()}
    return read("west-2", replies, NOW)


def test_a_well_array_tells_who_it_is_and_has_no_problem() -> None:
    told = array()
    assert (told.serial, told.model, told.version) == ("0000020420E00022", "LAB-FS5", "8.6.0.3")
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert told.target_ports == (
        "iqn.1986-03.com.ibm:2145.west-2.node1",
        "iqn.1986-03.com.ibm:2145.west-2.node2",
    )
    assert len(told.raw) == len(QUESTIONS)


def test_carriage_returns_and_a_new_column_change_nothing() -> None:
    replies = {name: reply(vector(file).replace(b"\n", b"\r\n")) for name, file in WELL.items()}
    replies["nodes"] = reply(vector("nodes-new-code").replace(b"\n", b"\r\r\n"))
    told, plain = read("west-2", replies, NOW), array()
    assert replace(told, raw=()) == replace(plain, raw=())


@pytest.mark.parametrize(
    ("question", "content", "words"),
    [
        (
            "nodes",
            vector("nodes").replace(b"000022!online!0!io_grp0!no", b"000022!service!0!io_grp0!no"),
            "node2 is service",
        ),
        ("nodes", b"\n".join(vector("nodes").splitlines()[:2]) + b"\n", "only 1 controller node"),
        ("enclosures", vector("enclosures").replace(b"!2!2!2!2!", b"!2!2!2!1!"), "1 of 2 PSUs"),
        ("enclosures", vector("enclosures").replace(b"1!online", b"1!degraded"), "enclosure 1 is degraded"),
        ("raid", vector("raid").replace(b"mdisk0!online", b"mdisk0!degraded"), "degraded, online"),
        ("raid", vector("raid").replace(b"TB!online", b"TB!syncing"), "online, syncing"),
        ("rebuild", vector("rebuild-running"), "rebuild at 42 %"),
        ("drives", vector("drives").replace(b"1!online", b"1!offline"), "drive 1 is offline"),
        ("hosts", vector("hosts").replace(b"online", b"degraded"), "host db-1: degraded"),
        ("events", vector("events-alert"), "unfixed alert 117: Enclosure fan module: 2 failed"),
        ("update", vector("update-updating").replace(b"updating\nev", b"stalled_non_redundant\nev"), "stalled_non_red"),
    ],
)
def test_what_is_wrong_with_an_array_is_a_problem(question: str, content: bytes, words: str) -> None:
    told = array(**{question: content})
    assert told.problems is not None
    assert len(told.problems) == 1
    assert words in told.problems[0]


def test_an_update_that_goes_on_is_its_state_and_leaves_the_version_open() -> None:
    told = array(update=vector("update-updating"))
    assert (told.update_state, told.version, told.problems) == ("system_updating", None, ())
    assert any("different code" in line for line in told.unknown)


BROKEN = {
    "an error": reply(b"", 1, b"CMMVC5753E The specified object does not exist.\n"),
    "an error with status 0": reply(b"", 0, b"CMMVC7016E Not authorised.\n"),
    "an error on standard output": reply(b"CMMVC7016E Not authorised.\n"),
    "status 1": reply(b"", 1),
    "another prompt": reply(b"IBM_FlashSystem:west-2:monitor>\n"),
    "a shell": reply(b"sh: lssystem: not found\n", 127),
    "no UTF-8": reply(b"\xff\xfe\n"),
    "terminal escapes": reply(b"\x1b[2Jid!name\n"),
    "a table of other things": reply(b"colour!shape\nred!round\n"),
    "lost": replace(reply(b""), state=ReplyState.LOST, exit_status=None, problem="the connection ended"),
    "too long": replace(reply(b"x"), state=ReplyState.TOO_LONG, exit_status=None),
}


@pytest.mark.parametrize("question", sorted(WELL))
@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_reply_that_is_not_understood_leaves_its_part_unknown(question: str, how: str) -> None:
    told = array(**{question: BROKEN[how]})
    assert any(line.startswith(f"{question}: ") for line in told.unknown)
    assert told.problems is None or question not in HEALTH
    assert told.version is None or question != "system"


@pytest.mark.parametrize("question", ["system", "nodes", "enclosures", "raid", "drives", "hosts", "update"])
def test_no_output_is_unknown_where_it_does_not_mean_none(question: str) -> None:
    told = array(**{question: b""})
    assert told.unknown


@pytest.mark.parametrize("question", ["nodes", "enclosures", "raid", "drives", "hosts"])
def test_a_header_without_rows_and_a_cut_row_are_unknown(question: str) -> None:
    whole = vector(WELL[question])
    assert array(**{question: whole.splitlines()[0] + b"\n"}).problems is None
    assert array(**{question: whole[:-8]}).problems is None
    assert array(**{question: whole[:-8] + b"\n"}).problems is None


def test_a_question_that_was_not_asked_is_unknown() -> None:
    told = read("west-2", {}, NOW)
    assert (told.serial, told.version, told.problems, told.update_state) == (None, None, None, None)
    assert {line.partition(":")[0] for line in told.unknown} >= set(QUESTIONS)


def test_a_key_told_twice_with_different_values_is_not_believed() -> None:
    twice = vector("system") + b"code_level!8.7.0.4 (build 1)\n"
    assert array(system=twice).version is None


def test_the_facts_of_each_reader() -> None:
    assert READERS["system"](reply(vector("system")))["build"] == "169.4.2306270000"
    assert READERS["update"](reply(vector("update-updating"))) == {
        "status": "system_updating",
        "progress": "48",
        "event": "",
        "action": "wait",
        "new_version": "8.7.0.4",
        "new_build": "170.9.2501010000",
    }
    assert READERS["update"](reply(vector("update-idle")))["new_version"] == ""
    assert READERS["test"](reply(vector("test-warning"), 1)) == {
        "errors": "0",
        "warnings": "1",
        "remarks": "One or more drives have firmware that is not the latest.",
    }
    assert READERS["test"](reply(vector("test-unsupported")))["errors"] == "1"
    files = "/lab-8.7.0.4.img/old-lab-8.7.0.3.img/"
    assert READERS["dumps"](reply(vector("dumps"))) == {"listed": "yes", "files": files, "count": "2"}
    assert READERS["dumps"](reply(b""))["count"] == "0"
    assert READERS["accepted"](reply(b"CMMVC6227I The package installed successfully.\n")) == {"accepted": "yes"}
    assert READERS["copied"](reply(b"\0\0\0")) == {"copied": "yes"}


def test_warnings_of_the_test_utility_are_told_word_for_word_and_those_that_it_only_counts_as_such() -> None:
    whole, (before, after) = vector("test-warning"), (b"found 0 errors and 1 ", b"found 0 errors and 3 ")
    twice = whole.replace(b"Results of", b"***** Warning found *****\nAPAR HU02213.\nSee\tthe page.\n\nResults of")
    assert "remarks" not in READERS["test"](reply(b"The tool has found 0 errors and 0 warnings.\n"))
    counted = READERS["test"](reply(whole.replace(before, after)))["remarks"]
    assert counted.endswith("not the latest.; it counts 3 warnings and shows 1")
    told = READERS["test"](reply(twice.replace(b"and 1 ", b"and 2 ")))["remarks"]
    assert told == "One or more drives have firmware that is not the latest.; APAR HU02213. See the page."
    assert "it counts 0 warnings and shows 1" in READERS["test"](reply(whole.replace(b"and 1 ", b"and 0 ")))["remarks"]
    flood = READERS["test"](reply(whole.replace(b"One or more", b"x" * 9000)))["remarks"]
    assert len(flood) == 2000


@pytest.mark.parametrize(
    ("reader", "what"),
    [
        ("test", reply(b"The tool has found 0 errors and 0 warnings.\n" * 2)),
        ("test", reply(b"svcupgradetest version 46.14\n")),
        ("test", reply(vector("test-unsupported").replace(b"found 1", b"found 0"))),
        ("accepted", reply(b"", 0, b"CMMVC8787E The update cannot start.\n")),
        ("accepted", reply(b"", 1)),
        ("accepted", reply(b"CMMVC6227W The package installed, but a node is degraded.\n")),
        ("accepted", reply(b"CMMVC6227I The package installed successfully.\nsystem_stalled\n")),
        ("accepted", reply(b"yes\n")),
        ("accepted", reply(b"\n")),
        ("accepted", reply(b"", 0, b"rbash: warning\n")),
        ("copied", reply(b"\0\1scp: disk full\n", 1)),
        ("copied", reply(b"\0\0", 0)),
        ("update", reply(b"status!\n")),
    ],
)
def test_a_reader_says_why_it_cannot_read(reader: str, what: Reply) -> None:
    assert set(READERS[reader](what)) == {"unreadable"}


@settings(deadline=None)
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300), st.binary(max_size=50), st.integers(-1, 255))
def test_no_reply_makes_a_reader_raise_and_no_fact_is_new(reader: str, out: bytes, err: bytes, status: int) -> None:
    facts = READERS[reader](reply(out, status, err))
    assert set(facts) <= set(READERS[reader].names) | {"unreadable"}


@settings(deadline=None)
@given(st.sampled_from([name for name, file in WELL.items() if file]), st.floats(0, 1, exclude_max=True))
def test_a_reply_cut_within_a_line_is_unknown(question: str, share: float) -> None:
    whole = vector(WELL[question])
    cut = whole[: max(1, int(len(whole) * share))].rstrip(b"\n")  # of some tables nothing at all means none
    told = array(**{question: cut})
    assert any(line.startswith(f"{question}: ") for line in told.unknown)


def test_only_questions_may_be_asked() -> None:
    assert all(FAMILY.may_ask(command) for command in QUESTIONS.values())
    for command in (
        "applysoftware -file x",
        "lssystem -delim ! ; rm x",
        "svcupgradetest -v 8;x",
        "lsdumps",
        "scp -t /upgrade",
    ):
        assert not FAMILY.may_ask(command)


def test_force_is_forbidden_wherever_it_stands() -> None:
    assert FAMILY.forbids("applysoftware -force -file x")
    assert FAMILY.forbids("applysoftware -file x -force")
    assert FAMILY.forbids("applysoftware -force -file x").startswith("-force")
    assert not FAMILY.forbids("applysoftware -file x-force.img")


def test_only_firmware_commands_may_be_done() -> None:
    for command in ("applysoftware -file x -prepare", "applysoftware -complete", "svctask applysoftware -abort"):
        assert not FAMILY.forbids(command)
    for command in (
        "rmvdisk 0",
        "stopsystem",
        "applysoftware",
        "applysoftware -file x -ignore",
        "applysoftware -file ../x",
    ):
        assert FAMILY.forbids(command)


def test_every_fixture_says_that_it_is_one() -> None:
    for file in VECTORS.glob("*.txt"):
        assert file.read_text().startswith("# fixture: made up"), file


MAIL, SNAPSHOT, REPLICA = (f"60050768000020420e000220000000{number}" for number in ("00", "01", "0c"))


def test_volumes_tell_their_designator_their_bytes_and_what_they_are_copies_of() -> None:
    told = array().volumes
    assert told is not None
    assert [(one.id, one.uid, one.size) for one in told] == [
        ("0", MAIL, 1073741824),
        ("1", SNAPSHOT, 1073741824),
        ("12", REPLICA, 4194304),
    ]
    assert [one.copy_of for one in told] == [(), (MAIL,), ("0000020420E00011/7",)]


def test_an_array_without_volumes_has_none_and_one_that_does_not_tell_has_no_list() -> None:
    assert array(volumes=b"", copies=b"", relations=b"").volumes == ()
    assert array(volumes=reply(b"", 1)).volumes is None


@pytest.mark.parametrize("question", ["copies", "relations"])
def test_a_list_without_its_copies_is_no_list(question: str) -> None:
    told = array(**{question: reply(b"", 1)})
    assert told.volumes is None
    assert "volumes: which of them are copies is not known" in told.unknown


@pytest.mark.parametrize(
    ("question", "old", "new"),
    [
        ("volumes", b"20E00022000000000", b"20E0002200000000"),
        ("volumes", b"000000001!0!1!", b"000000000!0!1!"),
        ("volumes", b"1073741824", b"1.00GB"),
        ("volumes", b"00C!0!1!", b"00C!1!1!"),
        ("volumes", b"\n1!mail", b"\n0!mail"),
        ("copies", b"!0!mail!1!", b"!0!mail!5!"),
        ("copies", b"!0!mail!1!", b"!5!mail!1!"),
        ("copies", b"!0!mail!1!", b"!!mail!1!"),
        ("relations", b"0000020420E00022!west-2!12", b"0000020420E00022!west-2!13"),
        ("relations", b"0000020420E00022", b"0000020420E00023"),
        ("relations", b"0000020420E00011", b""),
    ],
)
def test_a_volume_that_is_not_understood_makes_the_whole_list_unknown(question: str, old: bytes, new: bytes) -> None:
    whole = vector(WELL[question])
    assert old in whole
    assert array(**{question: whole.replace(old, new, 1)}).volumes is None


def test_both_ends_of_a_copy_on_one_system_are_copies_of_each_other() -> None:
    inside = vector("relations").replace(b"0000020420E00011!east-1!7", b"0000020420E00022!west-2!0")
    told = array(relations=inside).volumes
    assert told is not None
    assert [one.copy_of for one in told] == [(REPLICA,), (MAIL,), (MAIL,)]


def test_storage_behind_it_is_named_and_none_is_an_answer() -> None:
    assert array().backends == ()
    assert array(backends=vector("backends")).backends == ("controller0", "east cabinet")
    assert array(backends=reply(b"", 1)).backends is None
    assert array(backends=vector("backends").replace(b"controller0", b"")).backends is None


def test_a_name_that_is_no_line_of_plain_words_is_not_told() -> None:
    said = b"id!0000020420E00022\nname!east-1\t\t\teast-2\nproduct_name!LAB\tFS5\ncode_level!8.6.0.3 (build 1)\n"
    facts = READERS["system"](reply(said))
    assert facts == {"serial": "0000020420E00022", "version": "8.6.0.3", "build": "1"}


def test_what_is_quoted_of_a_reply_stays_on_its_line() -> None:
    told = array(system=b"left\tright\n", nodes=b"name!status\nno\tde1!offline\nnode2!online\n")
    assert any('"left right" is not a key' in line for line in told.unknown)
    assert "node no de1 is offline" in (told.problems or ()) or told.problems is None
