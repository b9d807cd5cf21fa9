"""The purity readers on the documented shapes, on broken ones, and on anything at all. No array answered here."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply
from gate.families.purity import FAMILY, HEALTH, QUESTIONS, READERS, read
from tests.families.fixtures import BROKEN, NOW, cut, reply, vector


def said(name: str) -> bytes:
    return vector("purity", name)


def array(**changed: bytes | Reply) -> ArrayReading:
    """Read an array that is well but for what is named."""
    replies = {question: reply(said(question)) for question in QUESTIONS}
    replies |= {name: reply(what) if isinstance(what, bytes) else what for name, what in changed.items()}
    return read("lab-pure-1", replies, NOW)


def test_a_well_array_tells_who_it_is_and_has_no_problem() -> None:
    told = array()
    assert (told.serial, told.model, told.version) == ("3f1a0c52-77aa-4d0e-9b1c-00aa11bb22cc", "FA-X70R3", "6.6.9")
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert told.target_ports == (
        "naa.524a937000004200",
        "naa.524a937000004210",
        "iqn.2010-06.com.purestorage:flasharray.00aa11bb22cc0042",
    )
    source = "624a93703faa0c5277aa4d0e00011010"
    assert told.volumes is not None
    assert [(one.name, one.uid[-2:], one.copy_of) for one in told.volumes] == [
        ("db-data", "10", ()),
        ("db-data-copy", "11", (source,)),
        ("db-data-night", "12", (source,)),
    ]
    assert len(told.raw) == len(QUESTIONS)


def test_nothing_that_changes_an_array_may_be_asked_or_done() -> None:
    for command in ("purearray rename x", "purevol destroy db-data", "purehw setattr", "puresoftware install"):
        assert not FAMILY.may_ask(command)
        assert FAMILY.forbids(command)
    assert FAMILY.forbids("purearray list --csv")


def test_carriage_returns_change_nothing() -> None:
    replies = {name: reply(said(name).replace(b"\n", b"\r\n")) for name in QUESTIONS}
    assert replace(read("lab-pure-1", replies, NOW), raw=()) == replace(array(), raw=())


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_column_that_a_new_release_adds_anywhere_changes_nothing(question: str) -> None:
    lines = said(question).decode().splitlines()
    for at in range(lines[0].count(",") + 2):
        grown = [line.split(",") for line in lines]
        for cells in grown:
            cells.insert(at, "New Title" if cells is grown[0] else "x")
        told = array(**{question: "\n".join([*map(",".join, grown), ""]).encode()})
        assert replace(told, raw=()) == replace(array(), raw=()), f"column {at}"


@pytest.mark.parametrize(
    ("question", "content", "problem"),
    [
        ("controllers", said("controllers").replace(b"6.6.9,ready,2026-10-01 02", b"6.6.9,not ready,x"), "CT1=not re"),
        ("controllers", said("controllers").replace(b"secondary", b"primary"), "not both ready"),
        ("hardware", said("hardware").replace(b"CT1.FC0,ok", b"CT1.FC0,degraded"), "CT1.FC0 is degraded"),
        ("hardware", said("hardware").replace(b"CT1.FC0,ok", b"CT1.FC0,device_off"), "CT1.FC0 is device_off"),
        ("drives", said("drives").replace(b"BAY2,SSD,healthy", b"BAY2,SSD,recovering"), "CH0.BAY2 is recovering"),
        ("ports", said("ports").replace(b":10,,,,", b":10,,,,CT0.FC0"), "port CT1.FC0 stands in for CT0.FC0"),
        ("initiators", said("initiators").replace(b",CT1.ETH4", b",CT0.ETH5"), "db-2 reaches CT0 alone"),
        ("partners", said("partners").replace(b"connected", b"connecting"), "lab-pure-2 is connecting"),
        ("alerts", said("alerts-open"), "open warning alert Drive is degraded, replace it"),
    ],
)
def test_what_is_wrong_is_named(question: str, content: bytes, problem: str) -> None:
    told = array(**{question: content})
    assert told.problems is not None
    assert len(told.problems) == 1
    assert problem in told.problems[0]


def test_controllers_of_two_versions_are_an_update_that_goes_on() -> None:
    told = array(controllers=said("controllers").replace(b"6.6.9,ready", b"6.6.11,ready", 1))
    assert (told.version, told.update_state) == (None, "controllers CT0=ready CT1=ready")
    assert array(controllers=said("controllers").replace(b"6.6.9", b"6.6.11")).version is None


def test_open_alerts_are_counted_and_closed_ones_are_not() -> None:
    assert READERS["alerts"](reply(said("alerts-open"))) == {"open": "2", "serious": "1"}
    assert READERS["alerts"](reply(said("alerts"))) == {"open": "0", "serious": "0"}
    unheard = said("alerts-open").replace(b"warning", b"schwerwiegend")
    assert READERS["alerts"](reply(unheard)) == {"open": "2", "serious": "1"}


def test_no_titles_are_no_sign_that_there_are_no_alerts() -> None:
    told = array(alerts=b"")
    assert told.problems is None
    assert "unreadable" in READERS["alerts"](reply(b"\n"))


def test_rates_of_errors_are_exact_or_unknown() -> None:
    assert READERS["links"](reply(said("links"))) == {"quiet": "yes", "loud": ""}
    one = said("links").replace(b"UTC,0,0,0,0,0\nCT1", b"UTC,0,0,0,0.25,0\nCT1")
    assert READERS["links"](reply(one)) == {"quiet": "no", "loud": "CT0.FC0"}
    rounded = said("links").replace(b"UTC,0,0,0,0,0\nCT1", b"UTC,3.42K,0,0,0,0\nCT1")
    assert "rounded" in READERS["links"](reply(rounded))["unreadable"]


def test_initiators_are_told_as_a_set_to_compare() -> None:
    facts = READERS["paths"](reply(said("initiators")))
    assert facts == {"initiators": "/50:01:43:80:24:26:BA:F4/iqn.2026-11.example.lab:db-2/", "all_twofold": "yes"}
    assert READERS["paths"](reply(cut(said("initiators"), 4)))["all_twofold"] == "no"


@pytest.mark.parametrize(
    "spoilt",
    [
        said("volumes").replace(b"db-data-copy", b"pod1::db-data-copy"),
        said("volumes").replace(b"00011011", b"00011010"),
        said("volumes").replace(b"10737418240,db-data,", b"10G,db-data,"),
        said("volumes").replace(b"3FAA0C5277AA4D0E00011012", b"-"),
    ],
)
def test_a_list_of_volumes_that_is_not_understood_is_none(spoilt: bytes) -> None:
    told = array(volumes=spoilt)
    assert told.volumes is None
    assert any(line.startswith("volumes: ") for line in told.unknown)


def test_a_copy_of_what_is_gone_stands_for_itself() -> None:
    told = array(volumes=said("volumes").replace(b"db-data,", b"db-base,", 1))
    assert told.volumes is not None
    assert [one.copy_of for one in told.volumes] == [(), (), ()]


BROKEN_HERE = {
    **BROKEN,
    "an error": reply(b"", 1, b"Error: Command is not available.\n"),
    "an error after an answer": reply(b"Name,Status\nCT0,ok\n", 0, b"Error: timed out\n"),
    "status 1": reply(b"Name,ID,Version,Status\nx,y,z,ok\n", 1),
    "no status": reply(b"Name,ID,Version,Status\nx,y,z,ok\n", None),
    "a quote that does not end": reply(b'Name,Status\n"CT0,ok\n'),
}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.parametrize("how", sorted(BROKEN_HERE))
def test_a_reply_that_is_not_understood_leaves_its_part_unknown(question: str, how: str) -> None:
    told = array(**{question: BROKEN_HERE[how]})
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
    ill = bytearray(said("hardware").replace(b"CT1.FC0,ok", b"CT1.FC0,critical"))
    ill[data.draw(st.integers(0, len(ill) - 1))] = data.draw(st.integers(0, 255))
    if array(hardware=bytes(ill)).problems == ():
        assert b"CT1.FC0,critical" not in bytes(ill)
