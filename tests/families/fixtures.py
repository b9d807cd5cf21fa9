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
    heading, rule, body = (VECTORS / family / f"{name}.txt").read_bytes().partition(b"---\n")
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
