"""What is laid to a part that does not serve: only what a table says, and nothing by an answer that is unreadable."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gate.evidence import Part, Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from tests.lab.dialects.simulated import asked, simulated

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
SV, DOTHILL = ArrayFamily.STORAGE_VIRTUALIZE, ArrayFamily.DOTHILL
ENCLOSURE = "enclosure 1 has 1 of 2 canisters online"


def lost(family: ArrayFamily, answer: Callable[[str, bytes], bytes] = lambda _, told: told) -> Part:
    """The second controller is dead; `answer` may change each reply."""
    array, product = simulated(family), FAMILIES[family]
    array.set_fault("partner-dead", "")
    assert product.parts is not None
    asking = product.parts()
    try:
        command = next(asking)
        while True:
            told = answer(command, asked(array, command).stdout)
            command = asking.send(Reply("a-1", command, ReplyState.ANSWERED, NOW, NOW, 0, told))
    except StopIteration as ended:
        part: Part = ended.value[1]
        assert not part.well
        return part


def instead(place: str, old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    def answer(command: str, told: bytes) -> bytes:
        if not command.startswith(place):
            return told
        assert old in told
        return told.replace(old, new)

    return answer


def test_a_lost_node_takes_its_enclosure_and_its_hosts_with_it() -> None:
    hosts = {f"paths of host {name}: degraded" for name in ("db-1", "gate")}
    assert set(lost(SV).troubles) == {"node node2 is offline", "enclosure 1 is degraded", ENCLOSURE, *hosts}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"!2!1!2!2!12!2!2!0!0", b"!2!1!2!1!12!2!2!0!0"),  # a power supply is gone too
        (b"!2!1!2!2!12!2!2!0!0", b"!2!1!2!2!12!2!1!0!0"),  # a fan
        (b"!2!1!2!2!12!2!2!0!0", b"!2!0!2!2!12!2!2!0!0"),  # both canisters
        (b"!2!1!2!2!12!2!2!0!0", b"!2!1!2!2!12!2!!0!0"),  # it does not count its fans
        (b"total_fan_modules", b"total_others"),  # what is counted has no other half
        (b"!2!1!2!2!12!2!2!0!0", b"!2!1!2!2!12!2!2!1!0"),  # a secondary expander module
        (b"1!degraded!", b"1!offline!"),
        (b"1!degraded!", b"2!degraded!"),
    ],
)
def test_of_an_enclosure_that_lacks_more_than_the_canister_nothing_is_laid_to_it(old: bytes, new: bytes) -> None:
    assert ENCLOSURE not in lost(SV, instead("lsenclosure -delim", old, new)).troubles


@pytest.mark.parametrize("left_out", ["fan_modules", "sems"])
def test_of_an_enclosure_that_leaves_out_a_count_nothing_is_laid_to_it(left_out: str) -> None:
    def answer(command: str, told: bytes) -> bytes:
        if not command.startswith("lsenclosure -delim"):
            return told
        rows = [line.split("!") for line in told.decode().splitlines()]
        kept = [at for at, name in enumerate(rows[0]) if not name.endswith(left_out)]
        assert len(kept) == len(rows[0]) - 2
        return "".join("!".join(row[at] for at in kept) + "\n" for row in rows).encode()

    troubles = lost(SV, answer).troubles
    assert troubles
    assert not [line for line in troubles if line.startswith("enclosure")]


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("lshost -delim ! 0", b"node_logged_in_count!1", b"node_logged_in_count!0"),
        ("lshost -delim ! 0", b"node_logged_in_count!1", b"node_logged_in_count!2"),
        ("lshost -delim ! 0", b"node_logged_in_count!1", b"node_logged_in_count!1\nnode_logged_in_count!0"),
        ("lshost -delim ! 0", b"node_logged_in_count!1\n", b""),
        ("lshost -delim !", b"!degraded!", b"!offline!"),
        ("lshost -delim !", b"0!db-1!", b"0 -force!db-1!"),
    ],
)
def test_a_host_that_lost_more_than_the_node_is_not_laid_to_it(place: str, old: bytes, new: bytes) -> None:
    def answer(command: str, told: bytes) -> bytes:
        return told.replace(old, new) if command == place else told

    assert not [line for line in lost(SV, answer).troubles if "db-1" in line]


@pytest.mark.parametrize("place", ["lsenclosure -delim", "lshost -delim", "lseventlog"])
def test_nothing_is_laid_to_a_node_by_a_system_that_cannot_be_read(place: str) -> None:
    def answer(command: str, told: bytes) -> bytes:
        return b"colour!shape\nred!round\n" if command.startswith(place) else told

    assert lost(SV, answer).troubles == ()


@pytest.mark.parametrize("word", [b"pending", b"flushing", b"adding", b"deleting"])
def test_a_node_on_its_way_somewhere_has_not_failed(word: bytes) -> None:
    assert lost(SV, instead("lsnodecanister", b"!offline!", b"!" + word + b"!")).troubles == ()


def components(*ids: object) -> Callable[[str, bytes], bytes]:
    """The array lists these as what makes it unhealthy, none at all for no id."""

    def answer(command: str, told: bytes) -> bytes:
        if not command.endswith("show system"):
            return told
        first, _, last = told.partition(b"}\n{") if b"}\n{" in told else (b"", b"", told)
        said = json.loads(b"{" + last if first else last[last.rindex(b'{\n "system"') :])
        listed = [{"component-id": one} if isinstance(one, str) else one for one in ids]
        said["system"][0]["unhealthy-component"] = listed
        return json.dumps(said).encode()

    return answer


def of_system(part: Part) -> bool:
    return any(line.startswith("system ") for line in part.troubles)


def test_a_degraded_system_is_laid_to_the_one_controller_that_it_lists() -> None:
    assert of_system(lost(DOTHILL))
    assert of_system(lost(DOTHILL, components("Controller B")))


@pytest.mark.parametrize(
    "ids",
    [
        (),
        ("Controller A",),
        ("Controller B", "Power Supply 1"),
        ("Controller B", "Controller B"),
        ("Controller B", {}),
        ("Controller B", 7),
        ("Controller BB",),
    ],
)
def test_a_system_that_lists_anything_else_is_not_laid_to_it(ids: tuple[object, ...]) -> None:
    assert not of_system(lost(DOTHILL, components(*ids)))


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("show controllers", b'"status": "Down"', b'"status": "Operational"'),
        ("show redundancy-mode", b"Operational but not redundant", b"Redundant"),
        ("show redundancy-mode", b'"controller-b-status": "Down"', b'"controller-b-status": "Operational"'),
    ],
)
def test_nothing_is_laid_to_a_controller_that_serves_by_one_of_the_answers(place: str, old: bytes, new: bytes) -> None:
    """One that is near the end of its life is ill by its health, and still carries half of the load."""

    def answer(command: str, told: bytes) -> bytes:
        assert not command.endswith(place) or old in told
        return told.replace(old, new) if command.endswith(place) else told

    part = lost(DOTHILL, answer)
    assert (part.troubles, part.ports) == ((), ())


@pytest.mark.parametrize("place", ["show system", "show redundancy-mode", "show ports"])
def test_nothing_is_laid_to_a_controller_by_an_array_that_cannot_be_read(place: str) -> None:
    def answer(command: str, told: bytes) -> bytes:
        return b"{}" if command.endswith(place) else told

    part = lost(DOTHILL, answer)
    assert (part.troubles, part.ports) == ((), ())
