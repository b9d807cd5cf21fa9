"""A reader with a mistake in it leaves its own question unknown; nobody else's, and not the whole gathering."""

from collections.abc import Callable

import pytest

from gate.evidence import Reply
from gate.families.family import Facts, Reader
from gate.families.reading import Asked
from gate.inventory import ArrayFamily
from tests.families.fixtures import NOW, recorded, reply


def counted(said: Reply) -> list[str]:
    return ["full"] if int(said.text()) > 7 else []


def endless(said: Reply) -> list[str]:
    return endless(said)


@pytest.mark.parametrize(
    ("reader", "kind"),
    [(counted, "ValueError"), (endless, "RecursionError"), (lambda said: [{}[said.stdout]], "KeyError")],
)
def test_a_mistake_in_one_reader_is_unknown_by_the_name_of_its_question(
    reader: Callable[[Reply], list[str]], kind: str
) -> None:
    asked = Asked({"bytes": reply(b"x" * 5000 + b"\x1b[2J"), "power": reply(b"9")})
    assert asked.problems({"bytes": reader, "power": counted}) is None
    identity = {"serial": "1234", "model": "m", "version": "1.0"}
    told = asked.reading("a-1", NOW, identity, ports=(), update_state=None, problems=None)
    assert told.unknown == (
        f"bytes: the reader stumbled over this reply ({kind}): a mistake in it, and nothing is known",
    )
    assert asked.read("power", counted) == ["full"]


def test_a_mistake_in_a_playbooks_reader_is_no_fact_of_the_array() -> None:
    def facts(said: Reply) -> Facts:
        return {"free": str(int(said.text()))}

    assert Reader(("free",), facts)(reply(b"7")) == {"free": "7"}
    assert list(Reader(("free",), facts)(reply(b"x"))) == ["unreadable"]


def test_the_files_of_a_family_are_its_well_array_and_a_missing_one_is_named() -> None:
    assert list(recorded(ArrayFamily.THREE_PAR))[:2] == ["system", "version"]
    with pytest.raises(AssertionError, match=r"tests/vectors/dothill/\w+\.txt is missing: what a well"):
        recorded(ArrayFamily.DOTHILL)
