"""Fixtures of the families: replies made up after documented shapes, and the ways in which any reply can be broken."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors"


def vector(family: str, name: str) -> bytes:
    """Return a fixture below its own heading."""
    file = VECTORS / family / f"{name}.txt"
    assert file.exists(), f"tests/vectors/{family}/{name}.txt is missing: what a well array answers to {name}"
    heading, rule, body = file.read_bytes().partition(b"---\n")
    assert heading.startswith(b"# fixture: "), "a fixture says what it is"
    assert rule
    return body


def reply(stdout: bytes, status: int | None = 0, stderr: bytes = b"") -> Reply:
    return Reply("lab-1", "show", ReplyState.ANSWERED, NOW, NOW, status, stdout, stderr)


def well_but(family: ArrayFamily, array: str, **changed: bytes | Reply) -> ArrayReading:
    """Read one that is well by its fixtures, each named for its question, but for what is given here."""
    product = FAMILIES[family]
    replies = {name: reply(vector(family.value, name)) for name in product.questions if name not in changed}
    replies |= {name: reply(what) if isinstance(what, bytes) else what for name, what in changed.items()}
    return product.read(array, {name: replies[name] for name in product.questions}, NOW)


def recorded(family: ArrayFamily) -> dict[str, Reply]:
    """Return what an array that is well answers to every question, by the family's files in tests/vectors."""
    return {name: reply(vector(family.value, name)) for name in FAMILIES[family].questions}


def cut(stdout: bytes, lines: int) -> bytes:
    """Return the first lines alone."""
    return b"".join(stdout.splitlines(keepends=True)[:lines])


BROKEN = {
    "nothing": reply(b""),
    "another prompt": reply(b"lab-1 cli% \n"),
    "a shell": reply(b"sh: show: not found\n", 127),
    "another language": reply(b"Das System arbeitet fehlerfrei.\n"),
    "no UTF-8": reply(b"\xff\xfe\n"),
    "terminal escapes": reply(b"\x1b[2JNode,State\n"),
    "a table of other things": reply(b"colour,shape\nred,round\n"),
    "half a line": reply(b"Node,State\n0,OK\n1,O"),
    "lost": replace(reply(b""), state=ReplyState.LOST, exit_status=None, problem="the connection ended"),
    "timed out": replace(reply(b""), state=ReplyState.TIMED_OUT, exit_status=None),
    "too long": replace(reply(b"x"), state=ReplyState.TOO_LONG, exit_status=None),
}
"""Replies that tell nothing, whatever was asked."""
