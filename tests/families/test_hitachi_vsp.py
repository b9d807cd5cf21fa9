"""Hitachi VSP: what its agent says of its parts, and its LDEVs under the names that hosts see; no array answered."""

import pytest

from gate.evidence import ArrayReading
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from tests.families.fixtures import reply, vector, well_but
from tests.lab.dialects.simulated import reading, simulated

VSP = ArrayFamily.HITACHI_VSP


def said(name: str) -> bytes:
    return vector("hitachi-vsp", name)


def array(**changed: bytes) -> ArrayReading:
    return well_but(VSP, "lab-1", **changed)


def test_a_well_array_is_whole_with_its_ldevs_under_the_names_that_hosts_see() -> None:
    told = array()
    assert (told.unknown, told.problems, told.update_state, told.backends) == ((), (), "idle", ())
    assert told.target_ports == ("naa.50060e8022119a00", "naa.50060e8022119a10")
    assert told.volumes is not None
    assert [(one.id, one.uid, one.size) for one in told.volumes] == [
        ("0", "60060e8022119a005041119a00000000", 1 << 30),
        ("1282", "60060e8022119a005041119a00000502", 128 << 30),
    ]


def test_a_processor_in_service_is_an_update_that_goes_on() -> None:
    told = array(
        controllers=said("controllers").replace(
            b".6.1.2.6.52.55.48.48.52.50 = INTEGER: 1", b".6.1.2.6.52.55.48.48.52.50 = INTEGER: service(5)"
        )
    )
    assert told.update_state == "processor in service"
    assert told.problems == ("processor is in service",)


@pytest.mark.parametrize(
    ("question", "old", "new", "problem"),
    [
        (
            "controllers",
            b".6.1.7.6.52.55.48.48.52.50 = INTEGER: 1",
            b".6.1.7.6.52.55.48.48.52.50 = INTEGER: 4",
            "battery is moderate",
        ),
        (
            "controllers",
            b".6.1.4.6.52.55.48.48.52.50 = INTEGER: 1",
            b".6.1.4.6.52.55.48.48.52.50 = INTEGER: 9",
            "cache is unknown",
        ),
        (
            "drives",
            b".7.1.5.6.52.55.48.48.52.50 = INTEGER: 1",
            b".7.1.5.6.52.55.48.48.52.50 = INTEGER: acute(2)",
            "drive is acute",
        ),
        ("ldevs", b"STS : NML\nRSGID : 0\n\nSerial", b"STS : BLK\nRSGID : 0\n\nSerial", "LDEV 0 is BLK"),
    ],
)
def test_a_part_that_is_not_well_is_named(question: str, old: bytes, new: bytes, problem: str) -> None:
    assert old in said(question)
    assert array(**{question: said(question).replace(old, new)}).problems == (problem,)


@pytest.mark.parametrize("question", ["controllers", "drives"])
def test_an_agent_of_another_array_says_nothing_of_this_one(question: str) -> None:
    told = array(**{question: said(question).replace(b'"470042"', b'"470043"')})
    assert told.problems is None
    assert any("speaks of the array 470043" in line for line in told.unknown)


@pytest.mark.parametrize(
    ("question", "spoilt"),
    [
        ("controllers", said("controllers").replace(b'STRING: "470042"', b"STRING: x")),
        ("controllers", b"".join(said("controllers").splitlines(keepends=True)[:-1])),
        ("controllers", said("controllers") * 2),
        ("controllers", said("controllers").replace(b"116.5.11.4.1.1.6.1.3.6.52", b"116.5.11.4.1.1.6.1.3.6.53")),
        ("controllers", b".1.3.6.1.4.1.116.5.11.4.1.1.6.1 = No Such Object available on this agent at this OID\n"),
        ("drives", b"Timeout: No Response from vsp-10\n"),
    ],
)
def test_what_an_agent_does_not_wholly_tell_is_no_health(question: str, spoilt: bytes) -> None:
    told = array(**{question: spoilt})
    assert told.problems is None
    assert told.update_state is None or question == "drives"


@pytest.mark.parametrize(
    ("question", "spoilt"),
    [
        ("ports", said("ports").replace(b"50060e8022119a10", b"50060e8022119b10")),
        ("ports", said("ports").replace(b"50060e8022119a10", b"-")),
        ("ports", said("ports").replace(b"FIBRE", b"ISCSI")),
        (
            "resources",
            said("resources").replace(b"470042   M8H   Y     470042\ngroup", b"470042   M9X   Y     470042\ngroup"),
        ),
        ("resources", said("resources").replace(b"mail         1     470042", b"mail         1     412345")),
        ("resources", said("resources").replace(b"meta_resource              0", b"meta_resource              1")),
        ("ldevs", said("ldevs").replace(b"CVS : HDP", b"CVS : MRCF : HDP")),
        ("ldevs", said("ldevs").replace(b"CVS : HDP", b"CVS : ELUN")),
        ("ldevs", said("ldevs").replace(b"LDEV : 0", b"LDEV : 0 VIR_LDEV : 65534")),
        ("ldevs", said("ldevs").replace(b"LDEV : 1282", b"LDEV : 0")),
        ("ldevs", said("ldevs").replace(b"VOL_Capacity(BLK) : 2097152\n", b"")),
        ("ldevs", said("ldevs").replace(b"\n\nSerial", b"\nSerial")),
        ("ldevs", b"\n\n"),
        ("ldevs", said("ldevs").rstrip(b"\n")),
    ],
)
def test_ldevs_that_are_not_wholly_told_are_not_told_at_all(question: str, spoilt: bytes) -> None:
    assert spoilt != said(question)
    told = array(**{question: spoilt})
    assert told.volumes is None
    assert told.backends is None
    assert told.unknown


def test_models_that_tell_no_name_are_known_by_their_microcode() -> None:
    quiet = said("resources").replace(b"M8H", b"-")
    old = said("instance").replace(b"83-05-40/00", b"70-06-05/00")
    assert array(resources=quiet, instance=old).model == "R7"
    told = array(resources=quiet)
    assert told.model is None
    assert any("does not tell its model" in line for line in told.unknown)


def test_nothing_but_the_two_lists_of_the_agent_may_be_asked_of_it() -> None:
    family = FAMILIES[VSP]
    asked = family.commands("10")["drives"]
    assert asked == "snmpwalk -On vsp-10 .1.3.6.1.4.1.116.5.11.4.1.1.7.1"
    for other in (
        asked.replace("walk", "set"),
        asked + ".5",
        asked.replace("-On", "-On -c public"),
        "snmpwalk -On vsp-10 .1",
    ):
        assert not family.may_ask(other), other
        assert family.forbids(other)


def test_a_title_alone_is_an_array_without_paths_to_others() -> None:
    head = said("paths").splitlines(keepends=True)[0]
    assert array(paths=head).problems == ()
    assert FAMILIES[VSP].readers["paths"](reply(head)) == {"count": "0", "normal": "yes"}


@pytest.mark.parametrize(("fault", "value"), [("pair", "9=HORC"), ("virtual", "412345"), ("other-agent", "")])
def test_the_labs_own_faults_leave_the_reading_unknown(fault: str, value: str) -> None:
    made = simulated(VSP)
    made.set_fault(fault, value)
    assert reading(VSP, made).unknown
    made.clear_fault(fault)
    assert reading(VSP, made).unknown == ()
