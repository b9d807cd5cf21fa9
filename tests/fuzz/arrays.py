"""
Every family's readers: no crash, no foreign fact, and no health that another reply could have talked away.

The replies of a well array come from the lab's dialect, else from `tests/vectors`. What an array says of itself may be
a lie, and no reader can know; what is provable is that the lie stays where it is. A part that is sick by its own reply
stays sick whatever the other replies say, and no line that is put between the lines of that reply heals it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families import FAMILIES
from gate.families.family import Facts
from gate.inventory import ArrayFamily
from gate.lab.array import Array
from gate.lab.dialects import DIALECTS
from gate.lab.faults import HEALTH_FAULTS
from tests.families.fixtures import NOW, VECTORS, vector
from tests.fuzz.target import Target, take
from tests.lab.dialects.simulated import UNIT, asked, simulated

SICKER = (
    (b"online", b"offline"), (b"online", b"degraded"), (b"OK", b"Failed"), (b"ok", b"critical"), (b"Normal", b"Failed"),
    (b"normal", b"failed"), (b"ready", b"offline"), (b"healthy", b"unhealthy"), (b"Up", b"Down"), (b"up", b"down"),
    (b"optimal", b"degraded"), (b"Online", b"Offline"), (b"success", b"system_stalled"), (b"true", b"false"),
    (b"HEALTHY", b"MARGINAL"), (b"HA standby", b"Not present"), (b"Optimal", b"Failed"),
)  # fmt: skip
"""Words of well arrays and what stands in their place when something is wrong; which fit, a family's reader says."""

MODES = ("replaced", "one of them mutated", "lines put in")


@dataclass(frozen=True)
class Sick:
    """Replies of an array with one thing wrong, told by one of them."""

    question: str
    replies: Mapping[str, Reply]


def answered(stdout: bytes) -> Reply:
    return Reply("a-1", "?", ReplyState.ANSWERED, NOW, NOW, 0, stdout)


def _asked(family: ArrayFamily, array: Array) -> Mapping[str, Reply]:
    commands = FAMILIES[family].commands(UNIT)
    return {name: answered(asked(array, command).stdout) for name, command in commands.items()}


@cache
def well(family: ArrayFamily) -> Mapping[str, Reply]:
    """Replies of a well array; () for a family that has neither dialect nor fixtures of every question."""
    questions = FAMILIES[family].questions
    if family in DIALECTS:
        return _asked(family, simulated(family))
    if all((VECTORS / family / f"{name}.txt").is_file() for name in questions):
        return {name: answered(vector(family, name)) for name in questions}
    return {}


@cache
def sick(family: ArrayFamily) -> tuple[Sick, ...]:
    """Replies of which one tells of a fault of the lab or has a wrong word in it, and its reader says so."""
    found = []
    for fault in HEALTH_FAULTS if family in DIALECTS else ():
        array = simulated(family)
        array.faults[fault] = ""
        for name, reply in _asked(family, array).items():
            replies = {**well(family), name: reply}
            if read(family, replies).problems:
                found.append(Sick(name, replies))
    for name, reply in well(family).items():
        for word, worse in SICKER:
            start = reply.stdout.find(word)
            while start >= 0:
                changed = reply.stdout[:start] + worse + reply.stdout[start + len(word) :]
                replies = {**well(family), name: answered(changed)}
                if read(family, replies).problems:
                    found.append(Sick(name, replies))
                start = reply.stdout.find(word, start + len(word))
    return tuple(found)


def read(family: ArrayFamily, replies: Mapping[str, Reply]) -> ArrayReading:
    return FAMILIES[family].read("a-1", replies, NOW)


def healthy(told: ArrayReading) -> bool:
    return told.problems == () and not told.unknown


def facts_are_declared(family: ArrayFamily, stdout: bytes) -> None:
    for name, reader in FAMILIES[family].readers.items():
        facts: Facts = reader(answered(stdout))
        assert set(facts) == {"unreadable"} or set(facts) <= set(reader.names), (name, facts)
        assert all(isinstance(value, str) for value in facts.values()), (name, facts)


def reading_is_printable(told: ArrayReading) -> None:
    for value in (told.serial, told.model, told.version):
        assert value is None or (value.isprintable() and value.isascii() and 0 < len(value) <= 200), value
    assert all(line.isprintable() for line in (*(told.problems or ()), *told.unknown)), told


def with_lines(stdout: bytes, data: bytes) -> bytes:
    """Put lines between those of a reply, never in front of the first, which may be its titles."""
    lines = stdout.splitlines(keepends=True)
    for piece in data.split(b"\n"):
        if piece and lines and lines[-1].endswith(b"\n"):
            lines.insert(1 + piece[0] % len(lines), piece[1:] + b"\n")
    return b"".join(lines)


def run(data: bytes) -> None:
    """(family, mode, question, which sickness, bytes)."""
    number, data = take(data, len(FAMILIES))
    mode, data = take(data, len(MODES))
    which, data = take(data, 256)
    ailing, stdout = take(data, 256)
    family = list(FAMILIES)[number]
    questions = list(FAMILIES[family].questions)
    name = questions[which % len(questions)]
    if MODES[mode] == "replaced":
        facts_are_declared(family, stdout)
        reading_is_printable(read(family, {**well(family), name: answered(stdout)}))
        return
    cases = sick(family)
    if not cases:
        return
    case = cases[ailing % len(cases)]
    if MODES[mode] == "lines put in":
        name, stdout = case.question, with_lines(case.replies[case.question].stdout, stdout)
    if MODES[mode] == "one of them mutated" and name == case.question:
        return
    told = read(family, {**case.replies, name: answered(stdout)})
    assert not healthy(told), f"{family}: {case.question} tells of a fault, and {name} talked it away"


def seeds() -> Iterator[bytes]:
    """Every reply of every family in every mode."""
    for number, family in enumerate(FAMILIES):
        for which, reply in enumerate(well(family).values()):
            yield bytes([number, 0, which, 0]) + reply.stdout
            yield bytes([number, 1, which, which]) + reply.stdout
        for ailing, case in enumerate(sick(family)[:24]):
            last = case.replies[case.question].stdout.splitlines()[-1:]
            yield bytes([number, 2, 0, ailing]) + b"".join(b"\x01%b\n" % line for line in last)
        for file in sorted((VECTORS / family).glob("*.txt")):
            yield bytes([number, 0, 0, 0]) + file.read_bytes().partition(b"---\n")[2]


TARGET = Target("arrays", seeds, run)
