"""
Every family's readers on mutated replies: no crash, no hang, and no health that was not told.

The replies of a well array come from the lab's dialect where the family has one, and else from its files in
tests/vectors, one for each question. A family is in here by itself.
"""

import random
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES
from gate.families.family import REMARKS, REMARKS_MAX
from gate.inventory import ArrayFamily
from gate.lab.dialects import DIALECTS
from tests.families.fixtures import recorded
from tests.lab.dialects.simulated import UNIT, asked, simulated

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
STATES = st.sampled_from(ReplyState)
MISTAKE = "stumbled"


@cache
def well(family: ArrayFamily) -> dict[str, Reply]:
    """Return what a well array answers to every question."""
    if family not in DIALECTS:
        return recorded(family)
    return {name: asked(simulated(family), command) for name, command in FAMILIES[family].commands(UNIT).items()}


def reply(stdout: bytes, state: ReplyState = ReplyState.ANSWERED, status: int | None = 0) -> Reply:
    return Reply("a-1", "?", state, NOW, NOW, status, stdout)


def mutated(text: bytes, seed: int, times: int) -> bytes:
    """Cut, double, swap and replace pieces, as a bad line, an unknown column or a malicious array would."""
    chance, found = random.Random(seed), bytearray(text)
    for _ in range(times):
        at = chance.randrange(len(found) + 1)
        to = min(len(found), at + chance.randrange(1, 24))
        piece = bytes(found[at:to])
        found[at:to] = chance.choice(
            [b"", piece * 2, piece[::-1], b"\r\n", b"0", b"ok", b" ", b"-", b"!", b"|", b"\x1b[2J", b"\xff", b"9" * 40]
        )
    return bytes(found)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(stdout=st.binary(max_size=400) | st.text(max_size=400).map(str.encode), state=STATES)
@example(stdout=b"", state=ReplyState.ANSWERED)
def test_anything_at_all_is_facts_or_unreadable_and_no_health(
    family: ArrayFamily, stdout: bytes, state: ReplyState
) -> None:
    product = FAMILIES[family]
    for reader in product.readers.values():
        facts = reader(reply(stdout, state))
        assert set(facts) == {"unreadable"} or set(facts) <= set(reader.names)
        assert MISTAKE not in facts.get("unreadable", "")
        assert all(isinstance(value, str) for value in facts.values())
    told = product.read("a-1", dict.fromkeys(product.questions, reply(stdout, state)), NOW)
    assert told.problems != ()
    assert told.unknown
    assert not any(MISTAKE in line for line in told.unknown), told.unknown


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_damaged_here_are_the_replies_of_a_well_array(family: ArrayFamily) -> None:
    told = FAMILIES[family].read("a-1", well(family), NOW)
    assert (told.unknown, told.problems) == ((), ())


LONG = {"braces": b"{", "columns": b"a!", "blanks": b" ", "dashes": b"-", "lines": b"\n", "digits": b"9", "bars": b"|"}


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_reply_that_goes_on_and_on_is_read_to_its_end(family: ArrayFamily, what: str) -> None:
    """A pattern that tries every length from every place would take half a minute for each, and would be seen."""
    product, long = FAMILIES[family], LONG[what] * 30_000 + b"x\n"
    for reader in product.readers.values():
        facts = reader(reply(long))
        names = facts.keys()
        if REMARKS in names:  # what is handed on to people, whatever it is, and opens nothing
            assert names == {"told", REMARKS}
            assert len(facts[REMARKS]) <= REMARKS_MAX
        else:
            assert names <= {"accepted"} or names == {"unreadable"}  # some arrays say what they like when they accept
    assert product.read("a-1", dict.fromkeys(product.questions, reply(long)), NOW).problems != ()


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 6), which=st.integers(0, 63))
def test_a_damaged_reply_never_makes_an_array_of_another_name_or_version(
    family: ArrayFamily, seed: int, times: int, which: int
) -> None:
    product, fine = FAMILIES[family], well(family)
    name = list(fine)[which % len(fine)]
    changed = mutated(fine[name].stdout, seed, times)
    told = product.read("a-1", {**fine, name: reply(changed)}, NOW)
    assert not any(MISTAKE in line for line in told.unknown), told.unknown
    for said, value in (("serial", told.serial), ("model", told.model), ("version", told.version)):
        if value is not None:
            assert value.isprintable(), said
            assert value.isascii(), said
            assert len(value) <= 200, said
    assert all(line.isprintable() for line in (*(told.problems or ()), *told.unknown)), told


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_cut_or_failed_reply_to_any_question_of_health_leaves_no_health(family: ArrayFamily) -> None:
    """Cut anywhere: in the middle of a line, or between two rows where the family says how many there are."""
    product, fine = FAMILIES[family], well(family)
    for name, answer in fine.items():
        whole = answer.stdout
        if not whole:
            continue
        worse = [reply(whole, ReplyState.LOST, None), reply(whole, ReplyState.TIMED_OUT, None)]
        worse += [reply(whole[: len(whole) // 2 - cut].rstrip(b"\r\n")) for cut in range(3)]
        for bad in worse:
            told = product.read("a-1", {**fine, name: bad}, NOW)
            assert told.unknown or told.problems, (name, bad.stdout[-60:])
        told = product.read("a-1", {key: value for key, value in fine.items() if key != name}, NOW)
        assert any("not asked" in line for line in told.unknown), name
