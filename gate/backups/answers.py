"""
Read one reply strictly, or say in one sentence why it cannot be read.

Every question of this room is put by a generator: it yields a command in exact words, is sent the Reply and in
the end returns what it found. Who opens connections, waits and keeps raw replies is somebody else.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from gate.evidence import Reply, ReplyState

Found = TypeVar("Found")
Asking: TypeAlias = Generator[str, Reply, Found]
"""Yields commands, receives replies, returns what was found."""

SHOWN = 160
"""Characters of a host's own words that a sentence repeats."""


class Unread(Exception):
    """The reply does not say what was asked; the message is one sentence without a full stop."""


def ask(command: str, log: list[Reply]) -> Asking[Reply]:
    """Put one question and keep the reply in `log`, where the caller finds times and raw digests."""
    reply = yield command
    log.append(reply)
    return reply


def in_any_case(asking: Asking[Found], tidying: Callable[[], Asking[None]]) -> Asking[Found]:
    """
    Ask, and then what must be asked in any case, also when an exception is thrown in.

    Who closes the generator gives no answer any more, so nothing is asked then: what is left about is for the next
    one to find, as after a gate that was killed.
    """
    try:
        found = yield from asking
    except GeneratorExit:
        raise
    except BaseException:
        yield from tidying()
        raise
    yield from tidying()
    return found


def output(reply: Reply, what: str) -> bytes:
    """Return standard output of a command that ended with 0; Unread names `what` otherwise."""
    if reply.state is not ReplyState.ANSWERED:
        raise Unread(f"{what}: {reply.problem or reply.state.value} ({reply.target})")
    if reply.exit_status != 0:
        ended = "no exit status" if reply.exit_status is None else f"exit status {reply.exit_status}"
        said = reply.stderr[: 4 * SHOWN].decode("utf-8", errors="replace").strip()
        raise Unread(f"{what}: {ended} on {reply.target}" + (f", {shown(said)}" if said else ""))
    return reply.stdout


def text(reply: Reply, what: str) -> str:
    """Return the output as text; Unread when the command failed or the bytes are no plain UTF-8 text."""
    output(reply, what)
    try:
        return reply.text()
    except ValueError as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "holds control characters"
        raise Unread(f"{what}: the answer of {reply.target} {reason}") from error


def shown(said: str) -> str:
    """Spell foreign words for a sentence: quoted, escaped, short."""
    return repr(said if len(said) <= SHOWN else said[:SHOWN] + "…")
