"""What tools tell in JSON and the host in one line: read strictly; anything else is Unread, with the place named."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.backups.answers import Unread, shown, text
from gate.canonical import LARGEST_INTEGER
from gate.evidence import Reply, ReplyState

CLOCK = "date -u +%s"
"""The question that `clock` reads; the same words in every language."""

TICK = timedelta(seconds=1)
FUTURE = timedelta(seconds=60)
"""How far a run may lie ahead of our own clock: the usual limit of clock skew (backup-evidence.md, BK-13)."""

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}|)")

MISSING = 127
"""Exit status of a shell that did not find the program (POSIX 2.8.2)."""


def clock(reply: Reply) -> tuple[datetime, int]:
    """Return the host's time and how far it is ahead of the middle of our asking, in whole seconds."""
    said = text(reply, "the clock")
    if not re.fullmatch(r"[0-9]{9,11}\n", said):
        raise Unread(f"the clock: {reply.target} answered {shown(said)}")
    asked, answered = reply.started_at.timestamp(), reply.finished_at.timestamp()
    return datetime.fromtimestamp(int(said), UTC), int(said) - int((asked + answered) / 2)


def kilobytes(reply: Reply, path: str) -> int:
    """Read the line of `du -sk PATH`; in bytes."""
    said = text(reply, f"the size of {path}")
    found = re.fullmatch(rf"([0-9]{{1,13}})\t{re.escape(path)}\n", said)
    if found is None:
        raise Unread(f"the size of {path}: {reply.target} answered {shown(said)}")
    return int(found[1]) * 1024


def not_missing(reply: Reply, program: str, what: str) -> None:
    """Raise Unread with what to do when the shell did not find the program."""
    if reply.state is ReplyState.ANSWERED and reply.exit_status == MISSING:
        raise Unread(f"{what}: {program} is not there for this user on {reply.target}; install it or put it into PATH")


def parsed(said: str, what: str) -> Any:
    """Return the JSON value; no key may be there twice, and NaN and Infinity are no numbers."""
    try:
        return json.loads(said, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unread(f"{what} is not JSON: {error}") from error


def member(told: Any, what: str) -> Mapping[str, Any]:
    """Return an object; unknown keys are left alone, since newer tools add some."""
    if not isinstance(told, dict):
        raise Unread(f"{what} is no object")
    return told


def members(told: Any, what: str) -> list[Mapping[str, Any]]:
    """Return a list of objects."""
    if not isinstance(told, list):
        raise Unread(f"{what} is no list")
    return [member(each, what) for each in told]


def number(told: Mapping[str, Any], key: str, what: str) -> int:
    """Return a whole number from 0 on."""
    value = told.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_INTEGER:
        raise Unread(f"{what} gives no {key}")
    return value


def word(told: Mapping[str, Any], key: str, pattern: re.Pattern[str], what: str) -> str:
    """Return a text of that shape, and of no other: it may become part of a command."""
    value = told.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Unread(f"{what} gives no {key}" + (f" but {shown(value)}" if isinstance(value, str) else ""))
    return value


def one_machine(told: Iterable[Mapping[str, Any]], mark: str) -> None:
    """
    Raise Unread when the newest backups were made on several machines: another's newest is not this dataset's.

    `mark` is what tells the backups of one dataset from others in a repository.
    """
    hosts = {shown(str(one.get("hostname"))) for one in told}
    if len(hosts) > 1:
        whose = f"the newest backups there are of {' and '.join(sorted(hosts))}, so whose is newest is not known"
        raise Unread(f"{whose}: give those of each dataset {mark} of their own, and say it as the protection's name")


def moment(value: object, what: str, *, bare: bool = False) -> datetime:
    """Return a time of RFC 3339 in UTC. `bare`: one without a zone, of a tool that was told to speak UTC."""
    found = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or bool(found[2]) == bare:
        raise Unread(f"{what} is no time" + (" in UTC" if bare else " with its zone"))
    try:
        return datetime.fromisoformat(found[0]).replace(tzinfo=UTC) if bare else _utc(found[0])
    except (ValueError, OverflowError) as error:
        raise Unread(f"{what} is no time: {error}") from error


def not_future(when: datetime, host_now: datetime | None, reply: Reply, what: str) -> datetime:
    """Return a time that has been, by the host's clock and by ours."""
    # The host told its clock in whole seconds: the second that it named has not ended before the next one.
    if (host_now and when >= host_now + TICK) or when > reply.finished_at + FUTURE:
        raise Unread(f"{what} lies in the future: {when.isoformat()}")
    return when


def _utc(spelled: str) -> datetime:
    return datetime.fromisoformat(spelled).astimezone(UTC)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
