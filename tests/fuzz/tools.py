"""
Every backup tool's readers on recorded sessions with one answer changed: they end, and no proof comes from nothing.

The sessions in `tests/vectors/sessions` were recorded from the tools themselves (those of Oracle are fixtures). A
session is put again in the order in which it was asked; what is asked beyond it is lost.
"""

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from gate.backups import TOOLS
from gate.evidence import BackupReading, BackupRun, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from tests.fuzz.target import Target, take

SESSIONS = Path(__file__).parents[1] / "vectors" / "sessions"
ASKED_MAX = 2000
"""Questions of one reading; the longest recorded one has 26."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Session:
    """One reading of one tool, as it was asked and answered."""

    name: str
    replies: tuple[Reply, ...]
    begin: Callable[[], Generator[str, Reply, Any]]
    run: str = ""
    """Id of the backup that is verified; empty for a catalogue."""


def _reply(told: dict[str, Any]) -> Reply:
    at = [datetime.fromisoformat(told[name]) for name in ("started", "at")]
    out, err = told["out"].encode("latin-1"), told["err"].encode("latin-1")
    return Reply("bk-1", told["command"], ReplyState(told["state"]), at[0], at[1], told["status"], out, err)


def _session(name: str, told: dict[str, Any]) -> Session:
    protection = Protection.model_validate(told["protection"])
    tool, replies = TOOLS[protection.tool], tuple(map(_reply, told["replies"]))
    if told["reading"] == "catalogue":
        return Session(f"{name} catalogue", replies, partial(tool.catalogue, protection))
    dataset = Dataset.model_validate(told["dataset"])
    run = TypeAdapter(BackupRun).validate_python(told["run"])
    return Session(f"{name} verify", replies, partial(tool.verify, protection, dataset, run, "naa.1", ()), run.id)


@cache
def sessions() -> tuple[Session, ...]:
    paths = sorted(SESSIONS.glob("*.json"))
    return tuple(_session(path.stem, told) for path in paths for told in json.loads(path.read_text()))


def drive(asking: Generator[str, Reply, Found], replies: list[Reply]) -> Found:
    asked = 0
    try:
        command = next(asking)
        while True:
            given = replies[asked] if asked < len(replies) else None
            last = replies[-1]
            asked += 1
            assert asked < ASKED_MAX, "it asks without end"
            command = asking.send(
                given or Reply("bk-1", command, ReplyState.LOST, last.started_at, last.finished_at, problem="lost")
            )
    except StopIteration as end:
        found: Found = end.value
        return found


def changed(reply: Reply, status: int, stdout: bytes) -> Reply:
    return Reply(
        reply.target, reply.command, reply.state, reply.started_at, reply.finished_at, status, stdout, reply.stderr
    )


def run(data: bytes) -> None:
    """(session, question, exit status, bytes)."""
    number, data = take(data, len(sessions()))
    session = sessions()[number]
    which, data = take(data, len(session.replies))
    status, stdout = take(data, 3)
    replies = list(session.replies)
    replies[which] = changed(replies[which], status, stdout)
    found = drive(session.begin(), replies)
    if isinstance(found, BackupReading):
        ids = [one.id for one in found.runs]
        assert len(ids) == len(set(ids)) or found.problem, ids
        assert all(one.size >= 0 for one in found.runs), found.runs
        return
    assert isinstance(found, Verification)
    if found.passed and found.level == "V4":
        assert session.run in found.seen, found
        assert found.complete, found
        assert found.counts is None or found.counts.ok == found.counts.total > 0, found


def seeds() -> Iterator[bytes]:
    for number, session in enumerate(sessions()):
        for which, reply in enumerate(session.replies):
            yield bytes([number, which, (reply.exit_status or 0) % 3]) + reply.stdout


TARGET = Target("tools", seeds, run)
