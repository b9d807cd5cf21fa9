"""
Where a path of a Linux host lies, with one answer of the way mutated; and whether two such ways lie apart.

The same path lies where it lies: compared with itself it is never `different`. And the two ways together end: no
answer makes the trace ask without end.
"""

from collections.abc import Iterator, Mapping

from gate.evidence import Reply, Trace
from gate.families.linux import follow, trace
from gate.isolation import Relation, relate
from gate.landscape import Map
from tests.cases import NOON, fleet, reading
from tests.families.linux_words import reply
from tests.families.test_linux_ways import LOOP, MIRROR, NOTHING, SHARE, ZFS
from tests.fuzz.target import Target, take

WAYS: tuple[Mapping[str, Reply], ...] = (LOOP, MIRROR, ZFS, SHARE)
ASKED_MAX = 2000
"""Questions of one trace; real ones are below thirty."""

FLEET = fleet()
WHERE = Map({array.id: reading(array.id) for array in FLEET.arrays}, FLEET)


def found(replies: Mapping[str, Reply]) -> Trace:
    asked = 0

    def ask(command: str) -> Reply:
        nonlocal asked
        asked += 1
        assert asked < ASKED_MAX, "the trace asks without end"
        return replies.get(command, NOTHING)

    return follow(trace("bk-1", "/backup/x", "/backup", NOON), ask)


def run(data: bytes) -> None:
    """(way, question, exit status, bytes)."""
    number, data = take(data, len(WAYS))
    which, data = take(data, 256)
    status, stdout = take(data, 3)
    way = WAYS[number]
    question = list(way)[which % len(way)]
    told = found({**way, question: reply(stdout, status)})
    assert told.problem or told.leaves or told.shares or told.identities, told
    assert all(hop.name.isprintable() and hop.detail.isprintable() for hop in told.hops), told.hops
    assert relate(told, told, WHERE).relation is not Relation.DIFFERENT, told
    if told.leaves and not told.problem:
        assert told.place, told


def seeds() -> Iterator[bytes]:
    for number, way in enumerate(WAYS):
        for which, answer in enumerate(way.values()):
            yield bytes([number, which, (answer.exit_status or 0) % 3]) + answer.stdout


TARGET = Target("ways", seeds, run)
