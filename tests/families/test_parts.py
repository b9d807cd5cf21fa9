"""Which parts an array has, from replies that are broken, that lie, or that were made to be dangerous."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import Part, Reply, ReplyState
from gate.families import FAMILIES
from gate.families.family import Unreadable
from gate.inventory import ArrayFamily
from tests.lab.dialects.simulated import asked, simulated

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
SV, DOTHILL = ArrayFamily.STORAGE_VIRTUALIZE, ArrayFamily.DOTHILL
TELLING = [family for family in FAMILIES if FAMILIES[family].parts is not None]
ARRAYS = {family: simulated(family) for family in TELLING}


def run(family: ArrayFamily, answer: Callable[[str, bytes], bytes]) -> tuple[Part, ...]:
    """Ask a well array for its parts; `answer` may change each reply. Every question must be one that only asks."""
    product = FAMILIES[family]
    assert product.parts is not None
    asking = product.parts()
    try:
        command = next(asking)
        for _ in range(300):
            assert product.may_ask(command), command
            told = answer(command, asked(ARRAYS[family], command).stdout)
            command = asking.send(Reply("a-1", command, ReplyState.ANSWERED, NOW, NOW, 0, told))
    except StopIteration as ended:
        found: tuple[Part, ...] = ended.value
        return found
    raise AssertionError("it asks for ever")


@pytest.mark.parametrize("family", TELLING)
def test_two_controllers_are_told_whole(family: ArrayFamily) -> None:
    parts = run(family, lambda _, told: told)
    assert [part.well for part in parts] == [True, True]
    assert all(part.part and part.serial and part.firmware and part.place for part in parts)


def mutated(text: bytes, seed: int) -> bytes:
    chance, found = random.Random(seed), bytearray(text)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(found) + 1)
        found[at : at + chance.randrange(0, 12)] = chance.choice(
            (b"", b"!", b"\n", b"1", b'"', b"\xff", b"; -force", b"x")
        )
    return bytes(found)


@settings(max_examples=120, deadline=None)
@given(family=st.sampled_from(TELLING), seed=st.integers(0, 2**32), which=st.integers(0, 6))
def test_no_reply_makes_a_reader_fall_or_ask_what_is_not_on_the_list(
    family: ArrayFamily, seed: int, which: int
) -> None:
    asked_so_far: list[str] = []

    def answer(command: str, told: bytes) -> bytes:
        asked_so_far.append(command)
        return mutated(told, seed) if len(asked_so_far) - 1 == which else told

    try:
        parts = run(family, answer)
    except Unreadable:
        return
    assert all(part.serial is None or part.serial.isprintable() for part in parts)


@pytest.mark.parametrize(
    ("place", "old", "new", "why"),
    [
        ("lsenclosurecanister -canister 2", b"canister_id!2", b"canister_id!1", "it tells of another one"),
        ("lsenclosurecanister -delim !", b"1!2!", b"1!2 -force!", "has no numbers"),
        ("lsenclosurecanister -canister 2", b"canister_id!2", b"canister_id!", "which canister this is"),
        ("lsnodecanister -delim !", b"panel_name", b"panel", "no column panel_name"),
    ],
)
def test_a_system_that_tells_of_other_canisters_is_not_believed(place: str, old: bytes, new: bytes, why: str) -> None:
    def lie(command: str, told: bytes) -> bytes:
        return told.replace(old, new) if command.startswith(place) else told

    with pytest.raises(Unreadable, match=why):
        run(SV, lie)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"panel_name!01-2", b"panel_name!01-1"),
        (b"node_status!Active", b"node_status!"),
        (b"node_code_version!8.6.0.3", b"node_code_version!8.6 or so"),
    ],
)
def test_a_canister_that_does_not_tell_its_own_code_has_none(old: bytes, new: bytes) -> None:
    def lie(command: str, told: bytes) -> bytes:
        return told.replace(old, new) if command.startswith("sainfo") and command.endswith("01-2") else told

    first, second = run(SV, lie)
    assert (first.firmware, second.firmware) == ("8.6.0.3", None)


def test_a_canister_of_an_unknown_type_is_no_controller() -> None:
    parts = run(SV, lambda _, told: told.replace(b"type!node", b"type!other"))
    assert {part.what for part in parts} == {""}


def test_too_many_canisters_are_not_asked_about() -> None:
    def many(command: str, told: bytes) -> bytes:
        rows = b"".join(b"%d!1!online!node!1!n\n" % number for number in range(1, 80))
        return told.split(b"\n")[0] + b"\n" + rows if command == "lsenclosurecanister -delim !" else told

    with pytest.raises(Unreadable, match="79 canisters"):
        run(SV, many)


@pytest.mark.parametrize("side", [b'"C"', b'"A"'])
def test_controllers_that_are_not_a_and_b_are_not_believed(side: bytes) -> None:
    with pytest.raises(Unreadable, match="not A and B"):
        run(DOTHILL, lambda _, told: told.replace(b'"controller-id": "B"', b'"controller-id": ' + side))


def test_a_controller_that_is_down_or_ill_does_not_serve() -> None:
    def down(_: str, told: bytes) -> bytes:
        return told.replace(b'"Operational"', b'"Down"')

    def ill(_: str, told: bytes) -> bytes:
        return told.replace(b'"health-numeric": 0', b'"health-numeric": 1')

    for told in (down, ill):
        assert not any(part.well for part in run(DOTHILL, told))


def reader(name: str, told: bytes) -> dict[str, str]:
    return FAMILIES[DOTHILL].readers[name](Reply("a-1", "?", ReplyState.ANSWERED, NOW, NOW, 0, told))


def test_what_one_controller_does_not_tell_stands_in_no_frame() -> None:
    told = asked(ARRAYS[DOTHILL], FAMILIES[DOTHILL].questions["controllers"]).stdout
    assert reader("controllers", told)["states"] == "/A=operational/B=operational/"
    facts = reader("controllers", told.replace(b'"part-number": "LB81-00000101"', b'"part-number": "a/B=b"'))
    assert facts["parts"] == "//"
