"""
An array that knows SHA-1 alone, spoken to by the legacy runner: in the shape of a session of the gate's own.

The runner is a process for one connection, under the older Paramiko of the legacy set (`gate.ssh.relaying`); this
process keeps refusing such algorithms, whatever an array is marked as. Keys and passwords go to it over a pipe, never
on its command line or in its environment. What it does not answer in time is lost, as with a connection that broke.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NotRequired, Self, TypedDict, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.errors import Refused
from gate.evidence import Reply, ReplyState
from gate.hostkeys import HostKey, HostKeys, parse
from gate.inventory import Bastion, Ssh
from gate.ssh.client import PACE, connect
from gate.ssh.passing import reply_in
from gate.ssh.prompts import Answer
from gate.ssh.runner import Runner, Silent, start
from gate.ssh.session import Session
from gate.ssh.talk import REPLY_LIMIT
from gate.ssh.wire import Clock, Timeouts, printable, utc_now

SPARE_S = 5.0
"""Seconds besides a command's own deadline, after which the runner itself is taken to hang (our choice)."""


class Way(TypedDict):
    """How a target is logged in to; see `gate.ssh.client.connect`."""

    user: str
    key: Ed25519PrivateKey
    pinned: HostKeys
    via: Bastion | None
    timeouts: Timeouts
    pem: str
    certificate: NotRequired[str]
    password: NotRequired[str]
    not_after: NotRequired[datetime | None]


class Relayed:
    """One open connection of a legacy runner. Not for use by two threads at once."""

    def __init__(self, target: str, runner: Runner) -> None:
        self.target = target
        self._runner = runner

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """False once the runner has ended."""
        return self._runner.alive

    def close(self) -> None:
        """End the connection and the runner; a command still running on the target goes on."""
        self._runner.close()

    def cut(self) -> None:
        """
        End the runner at once, from any thread: a command under way ends as `lost`.

        What the runner had handed to its kernel may still be delivered, which a reset of the gate's own would drop.
        """
        self._runner.cut()

    def run(
        self,
        command: str,
        *,
        deadline_s: float,
        limit_bytes: int = REPLY_LIMIT,
        act_before: datetime | None = None,
        answers: Sequence[Answer] | None = None,
        terminal: bool = False,
    ) -> Reply:
        """Send one command; see `Session.run`."""
        listed = None if answers is None else [[one.prompt, one.words, one.times] for one in answers]
        asked = {"do": "run", "limit_bytes": limit_bytes, "answers": listed, "terminal": terminal, "command": command}
        return self._reply(command, asked, deadline_s, act_before)

    def send(
        self,
        source: Path,
        directory: str,
        name: str,
        *,
        deadline_s: float,
        sha256: str = "",
        act_before: datetime | None = None,
    ) -> Reply:
        """Copy a file; see `Session.send`."""
        asked = {"do": "send", "source": str(source.absolute()), "directory": directory, "name": name, "sha256": sha256}
        return self._reply(f"scp -t {directory} < {name}", asked, deadline_s, act_before)

    def put(
        self, source: Path, path: str, *, deadline_s: float, sha256: str = "", act_before: datetime | None = None
    ) -> Reply:
        """Put a file by SFTP; see `Session.put`."""
        asked = {"do": "put", "source": str(source.absolute()), "path": path, "sha256": sha256}
        return self._reply(f"sftp put {source.name} {path}", asked, deadline_s, act_before)

    def _reply(self, words: str, asked: dict[str, Any], deadline_s: float, act_before: datetime | None) -> Reply:
        began = utc_now()
        bounds = {"deadline_s": deadline_s, "act_before": act_before.isoformat() if act_before else ""}
        if not self.alive:
            why = "the legacy runner had ended; nothing was sent"
            return Reply(self.target, words, ReplyState.UNREACHABLE, began, utc_now(), problem=why)
        try:
            reply = reply_in(self._runner.ask({**asked, **bounds}, deadline_s + SPARE_S))
            if (reply.target, reply.command) != (self.target, words):
                raise ValueError("it answers another question")
        except Refused:
            self.close()
            raise
        except (Silent, KeyError, TypeError, ValueError) as error:
            self.close()
            why = f"the legacy runner did not answer: {printable(str(error))}; it may have been sent"
            return Reply(self.target, words, ReplyState.LOST, began, utc_now(), problem=why)
        if reply.state is not ReplyState.ANSWERED:
            self.close()
        return reply


def reach(
    target: str,
    endpoint: Ssh,
    *,
    legacy: bool,
    legacy_python: Path | None,
    clock: Clock = utc_now,
    **way: Unpack[Way],
) -> Session | Relayed:
    """Log in to a target: over the legacy runner where it is marked so, and with nothing old anywhere else."""
    if legacy:
        return connect_relayed(legacy_python, target, endpoint, **way)
    return connect(target, endpoint, clock=clock, **way)


def connect_relayed(
    python: Path | None,
    target: str,
    endpoint: Ssh,
    *,
    user: str,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    certificate: str = "",
    password: str = "",
    pem: str = "",
    via: Bastion | None = None,
    timeouts: Timeouts,
    not_after: datetime | None = None,
) -> Relayed:
    """Have a legacy runner log in; errors are those of `connect`, and Outside where no runner is installed."""
    _paced(endpoint, via)
    runner = start(python, target)
    login = {"user": user, "certificate": certificate, "password": password, "pem": pem}
    bounds = {"not_after": not_after.isoformat() if not_after else ""}
    try:
        runner.asked(
            {"do": "connect", **_way(target, endpoint, key, pinned, via, timeouts), **login, **bounds}, timeouts
        )
    except BaseException:
        runner.close()
        raise
    return Relayed(target, runner)


def key_relayed(
    python: Path | None,
    target: str,
    endpoint: Ssh,
    *,
    key: Ed25519PrivateKey,
    pinned: HostKeys,
    via: Bastion | None,
    timeouts: Timeouts,
) -> HostKey:
    """Return the host key that an array shows to a legacy runner; nobody logs in."""
    _paced(endpoint, via)
    runner = start(python, target)
    try:
        told = runner.asked({"do": "greet", **_way(target, endpoint, key, pinned, via, timeouts)}, timeouts)
        ((_, shown),) = parse(str(told.get("key")), "the legacy runner").entries
        return shown
    finally:
        runner.close()


def _paced(endpoint: Ssh, via: Bastion | None) -> None:
    """Keep to the gate's pace: each runner is a process of its own, with no other runner's connections in its head."""
    for end in (*([via.ssh] if via else []), endpoint):
        PACE.wait(end.host, end.port)


def _way(
    target: str, endpoint: Ssh, key: Ed25519PrivateKey, pinned: HostKeys, via: Bastion | None, timeouts: Timeouts
) -> dict[str, Any]:
    ends = [endpoint, *([via.ssh] if via else [])]
    lines = [one.line(end.host, end.port) for end in ends for one in pinned.pinned(end.host, end.port)]
    return {
        "target": target,
        "endpoint": endpoint.model_dump(mode="json"),
        "via": via.model_dump(mode="json") if via else None,
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
        "pinned": "".join(f"{line}\n" for line in lines),
        "timeouts": asdict(timeouts),
    }
