"""The brocade-fos readers on the documented shapes, on broken ones, and on anything at all. No switch answered here."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply
from gate.families.brocade_fos import FAMILY, HEALTH, QUESTIONS, READERS, read
from gate.families.brocade_fos_ports import errors_of
from gate.families.counters import grown
from gate.inventory import ArrayFamily
from tests.families.fixtures import BROKEN, NOW, reply, vector, well_but


def said(name: str) -> bytes:
    return vector("brocade-fos", name)


def switch(**changed: bytes | Reply) -> ArrayReading:
    return well_but(ArrayFamily.BROCADE_FOS, "lab-sw-a1", **changed)


def test_a_well_switch_tells_who_it_is_and_keeps_no_data() -> None:
    told = switch()
    assert (told.serial, told.model, told.version) == ("10000027f8aa0001", "109.1", "v9.1.1c")
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert (told.target_ports, told.volumes, told.backends) == ((), (), ())
    assert len(told.raw) == len(QUESTIONS)


@pytest.mark.parametrize(
    "command",
    ["firmwaredownload -s 192.0.2.9,lab,/v9.1.1d,secret", "switchdisable", "portdisable 3", "reboot", "statsclear"],
)
def test_what_takes_links_away_or_holds_a_password_is_in_no_playbook(command: str) -> None:
    assert not FAMILY.may_ask(command)
    assert FAMILY.forbids(command)


def test_keeping_and_restoring_are_all_that_a_playbook_does() -> None:
    assert (FAMILY.forbids("firmwarecommit"), FAMILY.forbids("firmwarerestore")) == ("", "")
    assert FAMILY.may_ask("firmwaredownloadstatus")


def test_carriage_returns_change_nothing() -> None:
    replies = {name: reply(said(name).replace(b"\n", b"\r\n")) for name in QUESTIONS}
    assert replace(read("lab-sw-a1", replies, NOW), raw=()) == replace(switch(), raw=())


def test_partitions_that_differ_are_a_download_that_is_not_committed() -> None:
    told = switch(firmware=said("firmware-half"))
    assert (told.version, told.update_state) == (None, "not committed")
    facts = READERS["firmware"](reply(said("firmware-half")))
    assert facts == {"equal": "no", "versions": "v9.1.1d v9.1.1c", "primary": "v9.1.1d", "secondary": "v9.1.1c"}


def test_a_switch_that_runs_what_is_not_committed_tells_it_and_is_not_idle() -> None:
    told = switch(firmware=said("firmware-half"), version=said("version").replace(b"v9.1.1c", b"v9.1.1d"))
    assert (told.version, told.update_state, told.unknown) == ("v9.1.1d", "not committed", ())


def test_a_switch_that_runs_another_version_than_it_holds_has_none() -> None:
    """A staged bundle was an older one than the operator thought (array-clis, I11)."""
    told = switch(version=said("version").replace(b"v9.1.1c", b"v9.0.1a"))
    assert told.version is None
    assert any("another than lies in its partitions" in line for line in told.unknown)


@pytest.mark.parametrize(
    ("question", "content", "problem"),
    [
        ("switch", said("switch").replace(b"switchState: Online", b"switchState: Offline"), "the switch is Offline"),
        ("switch", said("switch").replace(b"N16     No_Light    FC\n", b"N16     Laser_Flt   FC\n", 1), "Laser_Flt"),
        ("health", said("health").replace(b"HEALTHY", b"MARGINAL"), "calls itself MARGINAL"),
        ("update", said("update").replace(b"has completed successfully", b"has failed"), "download failed"),
    ],
)
def test_what_is_wrong_is_named(question: str, content: bytes, problem: str) -> None:
    told = switch(**{question: content})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_a_download_is_running_done_failed_or_never_was() -> None:
    told = READERS["update"]
    assert told(reply(said("update"))) == {"status": "done"}
    assert told(reply(said("update-running"))) == {"status": "running"}
    assert told(reply(said("update").replace(b"completed successfully", b"timed out"))) == {"status": "failed"}
    assert told(reply(b"No sessions running.\n")) == {"status": "none"}
    assert switch(update=said("update-running")).update_state == "running"
    assert switch(update=b"Keine Sitzung\n").update_state is None


def test_ports_of_a_director_have_their_slot() -> None:
    facts = READERS["switch"](reply(said("switch-director")))
    assert (facts["online"], facts["model"]) == ("/3/0/3/1/", "165.0")
    assert facts["logins"] == "/10:00:00:27:f8:aa:00:03/50:01:43:80:24:26:ba:f4/"


def test_keys_stand_before_a_tab_or_a_blank() -> None:
    tabs = said("switch").replace(b": ", b":\t\t")
    assert READERS["switch"](reply(tabs)) == READERS["switch"](reply(said("switch")))


def test_logins_are_told_as_a_set_to_compare() -> None:
    facts = READERS["switch"](reply(said("switch")))
    assert facts["online"] == "/0/1/"
    assert facts["logins"] == "/50:01:43:80:24:26:ba:f4/52:4a:93:70:00:00:42:00/"


def test_a_port_line_that_is_not_understood_spoils_the_table() -> None:
    for line in (b"  x   0   010000   id\n", b"   0   0   010000   id    N16     Online  FC\n", b"   5   5\n"):
        assert "unreadable" in READERS["switch"](reply(said("switch") + line))


@pytest.mark.parametrize("name", ["errors", "errors-newer"])
def test_errors_are_counted_by_kind_whatever_columns_follow(name: str) -> None:
    facts = READERS["errors"](reply(said(name)))
    assert facts == {
        "crc": "3", "crc_g_eof": "2", "enc_out": "2", "c3_discard": "4", "link_fail": "1", "loss_sync": "1",
        "loss_sig": "0",
    }  # fmt: skip


def test_a_rounded_error_is_not_known_and_its_growth_neither() -> None:
    facts = READERS["errors"](reply(said("errors-rounded")))
    assert "crc" not in facts
    assert facts["enc_out"] == "2"
    rounded = errors_of(reply(said("errors-rounded")))["0"]
    assert grown(rounded, rounded)["crc"] is None


def test_errors_under_other_titles_are_unknown() -> None:
    moved = (
        said("errors")
        .replace(b"enc    crc    crc ", b"enc    new    crc    crc ")
        .replace(b" in    err", b" in  x err")
    )
    assert "other titles" in READERS["errors"](reply(moved))["unreadable"]


def test_a_standby_processor_is_ready_or_not() -> None:
    well = b"Local CP (Slot 5, CP0): Active\nHA enabled, Heartbeat Up, HA State synchronized\n"
    assert READERS["ha"](reply(well)) == {"synchronized": "yes"}
    assert READERS["ha"](reply(well.replace(b"State syn", b"State not syn"))) == {"synchronized": "no"}
    assert "unreadable" in READERS["ha"](reply(b"Not supported on this platform\n"))


def test_a_command_that_was_refused_was_not_accepted() -> None:
    assert READERS["accepted"](reply(b"")) == {"accepted": "yes"}
    assert "unreadable" in READERS["accepted"](reply(b"Permission denied\n"))


@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_reply_that_is_not_understood_leaves_its_part_unknown(question: str, how: str) -> None:
    told = switch(**{question: BROKEN[how]})
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
    ill = bytearray(said("switch").replace(b"Online      FC", b"Laser_Flt   FC", 1))
    ill[data.draw(st.integers(0, len(ill) - 1))] = data.draw(st.integers(0, 255))
    if switch(switch=bytes(ill)).problems == ():
        assert b"Laser_Flt" not in bytes(ill)
