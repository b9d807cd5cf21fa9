"""The nxos-mds readers on the documented shapes, on broken ones, and on anything at all. No switch answered here."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply
from gate.families.nxos_mds import FAMILY, HEALTH, QUESTIONS, READERS, read
from gate.inventory import ArrayFamily
from tests.families.fixtures import BROKEN, NOW, reply, vector, well_but


def said(name: str) -> bytes:
    return vector("nxos-mds", name)


def switch(**changed: bytes | Reply) -> ArrayReading:
    return well_but(ArrayFamily.NXOS_MDS, "lab-mds-b1", **changed)


def test_a_well_switch_tells_who_it_is_and_keeps_no_data() -> None:
    told = switch()
    assert (told.serial, told.model, told.version) == ("LAB19480042", "MDS 9148S", "8.4-2c")
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert (told.target_ports, told.volumes, told.backends) == ((), (), ())
    assert len(told.raw) == len(QUESTIONS)


@pytest.mark.parametrize(
    "command",
    ["install all kickstart bootflash:k system bootflash:s", "reload", "configure terminal", "system switchover"],
)
def test_nothing_that_changes_a_switch_may_be_asked_or_done(command: str) -> None:
    assert not FAMILY.may_ask(command)
    assert FAMILY.forbids(command)


def test_carriage_returns_change_nothing() -> None:
    replies = {name: reply(said(name).replace(b"\n", b"\r\n")) for name in QUESTIONS}
    assert replace(read("lab-mds-b1", replies, NOW), raw=()) == replace(switch(), raw=())


def test_modules_of_two_releases_are_an_installation_that_stopped() -> None:
    """An installation that fails finishes its step and stops: a mixed state that must be read back (array-clis 7.2)."""
    told = switch(modules=said("modules").replace(b"2    8.4(2c)", b"2    8.4(2f)"))
    assert (told.version, told.update_state) == (None, "mixed")
    facts = READERS["modules"](reply(said("modules").replace(b"2    8.4(2c)", b"2    8.4(2f)")))
    assert facts == {"equal": "no", "states": "1=active_* 2=ok", "well": "yes"}


def test_kickstart_and_system_of_two_releases_are_no_version() -> None:
    told = switch(version=said("version").replace(b"kickstart: version 8.4(2c)", b"kickstart: version 8.4(2b)"))
    assert told.version is None


@pytest.mark.parametrize(
    ("question", "content", "problem"),
    [
        (
            "modules",
            said("modules").replace(b"DS-X9448-LAB       ok", b"DS-X9448-LAB       powered-dn"),
            "is powered-dn",
        ),
        ("modules", said("modules").replace(b"DS-X9448-LAB       ok", b"DS-X9448-LAB       failure"), "is failure"),
        (
            "redundancy",
            said("redundancy").replace(b"HA standby\n\nOther", b"failed standby\n\nOther"),
            "supervisors are",
        ),
        ("redundancy", said("redundancy-one").replace(b"operational:   None", b"operational:   HA"), "no standby"),
        ("ports", said("ports").replace(b"on      up  ", b"on      errDisabled", 1), "port fc1/1 is errDisabled"),
        (
            "update",
            said("update").replace(b"Install has been successful", b"Install has failed"),
            "installation failed",
        ),
    ],
)
def test_what_is_wrong_is_named(question: str, content: bytes, problem: str) -> None:
    told = switch(**{question: content})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_a_switch_of_one_supervisor_needs_no_standby() -> None:
    assert switch(redundancy=said("redundancy-one")).problems == ()


def test_a_blank_cell_does_not_move_the_state() -> None:
    shifted = said("ports").replace(
        b"fc1/2      10     auto   on      notConnected ", b"fc1/2      10     auto   on notConnected "
    )
    assert switch(ports=shifted).problems is None
    wider = said("ports").replace(b"Interface  Vsan ", b"Interface  Logical  Vsan ").replace(b"fc1/", b"core     fc1/")
    assert switch(ports=wider).problems is None


@pytest.mark.parametrize(
    "spoilt",
    [
        said("ports").replace(b"fc1/1      10     auto   on      up ", b"fc1/1      10     auto   on     xup "),
        said("ports").replace(b"Port\n", b"Status\n", 1),
        said("ports").replace(b"fc1/3 ", b"fc1/1 "),
        said("ports").replace(b"Interface  Vsan   Admin  Admin   Status", b"Interface  Vsan   Admin  Admin   State "),
        said("ports").replace(b"on      up ", b"on      -- ", 1),
    ],
)
def test_a_port_that_does_not_fit_the_titles_above_it_spoils_the_table(spoilt: bytes) -> None:
    assert spoilt != said("ports")
    assert switch(ports=spoilt).problems is None


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_an_answer_that_stops_in_the_middle_of_a_line_is_cut(question: str) -> None:
    told = switch(**{question: said(question).rstrip(b"\n")})
    assert f"{question}: the reply is empty or stops in the middle of a line" in told.unknown


def test_a_column_that_a_new_release_adds_before_the_state_changes_nothing() -> None:
    lines = said("ports").decode().split("\n")
    cells = {"Interface  Vsan": "Type   ", "fc": "edge   ", " ": " " * 7}
    grown = [
        line[:18] + next((cell for begin, cell in cells.items() if line.startswith(begin)), "") + line[18:]
        for line in lines
    ]
    told = switch(ports="\n".join(grown).encode())
    assert replace(told, raw=()) == replace(switch(), raw=())


def test_logins_are_as_many_as_the_switch_counts() -> None:
    facts = READERS["logins"](reply(said("logins")))
    assert facts == {"count": "2", "names": "/50:01:43:80:24:26:ba:f6/52:4a:93:70:00:00:42:10/"}
    fewer = said("logins").replace(b"fc1/3            10    0x3e0041", b"[x]")
    assert "unreadable" in READERS["logins"](reply(fewer))
    assert "shows 2" in READERS["logins"](reply(said("logins").replace(b"= 2.", b"= 3.")))["unreadable"]
    assert "before its end" in READERS["logins"](reply(said("logins").split(b"Total")[0]))["unreadable"]


def test_what_an_installation_would_do_is_gentle_to_every_module_or_disruptive() -> None:
    assert READERS["impact"](reply(said("impact"))) == {"modules": "2", "disruptive": "no"}
    rough = said("impact").replace(
        b"2       yes  non-disruptive       rolling", b"2       yes      disruptive         reset"
    )
    assert READERS["impact"](reply(rough))["disruptive"] == "yes"
    assert READERS["impact"](reply(said("impact").replace(b"2       yes", b"2        no")))["disruptive"] == "yes"
    assert "unreadable" in READERS["impact"](reply(said("impact").split(b"Compat")[0]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"100% -- SUCCESS", b"10% -- FAIL.\nReturn code 0x40450011 (No such file)."),
        (b"Compatibility check is done", b"Compatibility check"),
        (b"     2       yes", b"     1       yes"),
        (b"non-disruptive       rolling\n\n", b"hitless       rolling\n\n"),
        (b"bootable", b"boots"),
    ],
)
def test_a_check_that_did_not_end_or_speaks_otherwise_tells_nothing_of_the_impact(old: bytes, new: bytes) -> None:
    assert old in said("impact")
    assert "unreadable" in READERS["impact"](reply(said("impact").replace(old, new, 1)))


def test_a_configuration_fits_only_if_that_is_said_twice() -> None:
    assert READERS["incompatible"](reply(said("incompatible"))) == {"compatible": "yes"}
    half = said("incompatible").split(b"\n\n")[0] + b"\n"
    assert READERS["incompatible"](reply(half)) == {"compatible": "no"}
    named = said("incompatible") + b"1) Service : fcsp , Requirement : STRICT\n"
    assert READERS["incompatible"](reply(named)) == {"compatible": "no"}


def test_errors_are_exact_or_left_out() -> None:
    facts = READERS["errors"](reply(said("counters")))
    assert facts == {"crc": "3", "link_fail": "0", "loss_sync": "4", "loss_sig": "5", "discards": "0"}
    rounded = said("counters").replace(b"3 invalid CRC", b"3.1K invalid CRC")
    assert "crc" not in READERS["errors"](reply(rounded))
    twice = said("counters") + said("counters")
    assert "unreadable" in READERS["errors"](reply(twice))


@pytest.mark.parametrize(("told", "wanted"), [("8.4(2c)", "8.4-2c"), ("9.2(2)", "9.2-2"), ("6.2(29)", "6.2-29")])
def test_a_release_is_spelled_without_brackets(told: str, wanted: str) -> None:
    text = said("version").replace(b"8.4(2c)", told.encode())
    assert READERS["version"](reply(text))["version"] == wanted


BROKEN_HERE = {**BROKEN, "a refusal": reply(b"                  ^\n% Invalid command at '^' marker.\n")}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.parametrize("how", sorted(BROKEN_HERE))
def test_a_reply_that_is_not_understood_leaves_its_part_unknown(question: str, how: str) -> None:
    told = switch(**{question: BROKEN_HERE[how]})
    assert any(line.startswith(f"{question}: ") for line in told.unknown)
    assert told.problems is None or question not in HEALTH


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=200))
def test_no_reply_makes_the_reader_stumble_or_call_the_switch_well(question: str, noise: bytes) -> None:
    told = switch(**{question: noise})
    if question in HEALTH:
        assert told.problems is None


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_reply_with_a_byte_changed_never_hides_a_fault(data: st.DataObject) -> None:
    ill = bytearray(said("modules").replace(b"DS-X9448-LAB       ok", b"DS-X9448-LAB       failure"))
    ill[data.draw(st.integers(0, len(ill) - 1))] = data.draw(st.integers(0, 255))
    if switch(modules=bytes(ill)).problems == ():
        assert b" failure" not in bytes(ill)
