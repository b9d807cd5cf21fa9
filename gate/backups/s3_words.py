"""
How a pure reader puts a question to an object service: one line of words, `s3 PROTECTION ROLE VERB name=value …`.

There is no shell and no program behind it: whoever asks takes the line apart with `read` and signs one request. The
line stands in the record as the question, and names neither key nor secret. A name or value outside its pattern is
refused, never escaped.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gate.backups.answers import Unread, output, shown, text
from gate.evidence import Reply, ReplyState

WORD = re.compile(r"[a-z][a-z0-9-]{0,62}")
VALUE = re.compile(r"[A-Za-z0-9._/+:=@~-]{0,1024}")
KEY = re.compile(r"[A-Za-z0-9._/+:=@~-]{1,900}")
"""Keys the gate asks about: what S3 calls safe, and the few signs that backup tools use besides."""

BEGINNING = "s3 "
REST = "rest "
"""Likewise for a server of restic's REST protocol, in the same spelling."""


class Role(StrEnum):
    """Under whose credential a request is signed; each is a key file of its own."""

    READ = "read"
    """Lists, reads, hashes. Can change nothing."""

    SENTINEL = "sentinel"
    """May do everything below the declared prefix of sentinels, and nothing anywhere else."""

    PRODUCTION = "production"
    """Production's own credential, tried on the gate's sentinel alone: all of it must be refused."""


@dataclass(frozen=True)
class Request:
    """One question, taken apart."""

    protection: str
    role: Role
    verb: str
    given: Mapping[str, str]


def spell(protection: str, role: Role, verb: str, *, beginning: str = BEGINNING, **given: str) -> str:
    """Return the line; ValueError for a name or value outside its pattern. Empty values are left out."""
    words = [protection, role.value, verb, *given]
    values = [value for value in given.values() if value]
    bad = [word for word in words if not WORD.fullmatch(word)] + [one for one in values if not VALUE.fullmatch(one)]
    if bad:
        raise ValueError(f"{bad[0]!r} cannot be a word of a question to an object service")
    return beginning + " ".join([protection, role.value, verb, *(f"{k}={v}" for k, v in given.items() if v)])


def read(line: str) -> Request:
    """Take a line apart; ValueError when `spell` has not made it."""
    beginning = REST if line.startswith(REST) else BEGINNING
    words = line.removeprefix(beginning).split(" ")
    if len(words) < 3:
        raise ValueError("no question to an object service")
    pairs = [word.partition("=") for word in words[3:]]
    request = Request(words[0], Role(words[1]), words[2], {name: value for name, _, value in pairs})
    if spell(request.protection, request.role, request.verb, beginning=beginning, **request.given) != line:
        raise ValueError("no question to an object service")
    return request


def answered(reply: Reply, what: str) -> dict[str, Any]:
    """Return what the service told; Unread names `what` when it refused, failed or told nothing readable."""
    return _object(text(reply, what), reply, what)


def told(reply: Reply, what: str) -> dict[str, Any]:
    """Likewise, also when the service refused; Unread when no answer came or it is no object."""
    if reply.state is not ReplyState.ANSWERED:
        output(reply, what)
    try:
        return _object(reply.text(), reply, what)
    except ValueError as error:
        raise Unread(f"{what}: the answer of {reply.target} cannot be read") from error


def _object(said: str, reply: Reply, what: str) -> dict[str, Any]:
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        raise Unread(f"{what}: {reply.target} answered {shown(said)}") from None
    if not isinstance(found, dict):
        raise Unread(f"{what}: {reply.target} answered {shown(said)}")
    return found


def moment(value: object, what: str) -> datetime:
    """Read a time with its offset; Unread otherwise."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unread(f"{what} is no time: {shown(str(value))}")
    return found


def skew_s(reply: Reply, date: object) -> int | None:
    """Return how many whole seconds the service's clock is ahead of the middle of our asking; None when untold."""
    try:
        there = moment(date, "the service's clock")
    except Unread:
        return None
    asked, ended = reply.started_at.timestamp(), reply.finished_at.timestamp()
    return int(there.timestamp()) - int((asked + ended) / 2)
