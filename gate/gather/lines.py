"""
One open connection per target, under one user and key, for questions and other commands that may be repeated.

`ask` always returns a Reply: a target that cannot be reached, or whose host key is refused, is `unreachable` with the
sentence. A connection that turns out to have ended since the last question is opened again once, and the question put
again; therefore nothing that mutates an array may ever be asked here.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import GateError, HostKeyRefused
from gate.evidence import Reply, ReplyState
from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Inventory, Ssh
from gate.ssh.relay import Relayed, reach
from gate.ssh.session import Session
from gate.ssh.talk import REPLY_LIMIT
from gate.ssh.wire import Timeouts, utc_now

TURN_S = 120.0
"""Seconds that a question waits for others to the same target before it is given up unasked (our choice)."""

USUAL = Timeouts()
BROKEN = (ReplyState.UNREACHABLE, ReplyState.LOST)


class Lines:
    """Safe to use from many threads: targets are asked side by side, one target one question after the other."""

    def __init__(
        self,
        inventory: Inventory,
        *,
        user: str,
        key: Ed25519PrivateKey,
        pinned: HostKeys,
        timeouts: Timeouts = USUAL,
        deadline_s: float = 30.0,
        limit_bytes: int = REPLY_LIMIT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._lines = {target: _Line(*inventory.way(target)) for target in inventory.reached}
        self._user = user
        self._key = key
        self._pinned = pinned
        self._timeouts = timeouts
        self.deadline_s = deadline_s
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._legacy = frozenset(array.id for array in inventory.arrays if array.legacy)
        self.legacy_python: Path | None = None
        """The Python of the legacy runner; None where it is not installed."""

        self.legacy_pem = ""
        """The key with which arrays that are marked legacy are read; empty: the usual one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(
        self, target: str, command: str, *, deadline_s: float | None = None, limit_bytes: int | None = None
    ) -> Reply:
        """Put one question to an array or host of the inventory; KeyError for another name."""
        line = self._lines[target]
        if not line.turn.acquire(timeout=TURN_S):
            return self._unreachable(target, command, self._clock(), f"{target} is busy with other questions")
        try:
            kept = line.session is not None
            reply = self._put(line, target, command, deadline_s, limit_bytes)
            if kept and reply.state in BROKEN:
                reply = self._put(line, target, command, deadline_s, limit_bytes)
            return reply
        finally:
            line.turn.release()

    def hang_up(self) -> None:
        """Close every connection over which nothing is being asked now; the next question opens its own again."""
        for line in self._lines.values():
            if line.turn.acquire(blocking=False):
                try:
                    line.drop()
                finally:
                    line.turn.release()

    def close(self) -> None:
        """Close every connection, also one that waits for an answer: its question ends as `lost`."""
        for line in self._lines.values():
            line.drop()

    def _put(
        self, line: "_Line", target: str, command: str, deadline_s: float | None, limit_bytes: int | None
    ) -> Reply:
        started = self._clock()
        if line.session is None:
            try:
                line.session = self._connect(target)
            except HostKeyRefused as error:
                return self._unreachable(target, command, started, f"the host key was refused: {error.message}")
            except GateError as error:
                return self._unreachable(target, command, started, error.message)
        reply = line.session.run(
            command,
            deadline_s=self.deadline_s if deadline_s is None else deadline_s,
            limit_bytes=self._limit_bytes if limit_bytes is None else limit_bytes,
        )
        if reply.state is not ReplyState.ANSWERED:
            line.drop()
        return reply

    def _connect(self, target: str) -> Session | Relayed:
        legacy = target in self._legacy
        return reach(
            target,
            self._lines[target].ssh,
            user=self._user,
            key=self._key,
            pinned=self._pinned,
            via=self._lines[target].via,
            timeouts=self._timeouts,
            clock=self._clock,
            pem=self.legacy_pem if legacy else "",
            legacy=legacy,
            legacy_python=self.legacy_python,
        )

    def _unreachable(self, target: str, command: str, started: datetime, problem: str) -> Reply:
        return Reply(target, command, ReplyState.UNREACHABLE, started, self._clock(), problem=problem)


class _Line:
    """The way to one target; `session` is touched by whoever holds `turn`."""

    def __init__(self, ssh: Ssh, via: Bastion | None) -> None:
        self.ssh = ssh
        self.via = via
        self.turn = threading.Lock()
        self.session: Session | Relayed | None = None

    def drop(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.close()
