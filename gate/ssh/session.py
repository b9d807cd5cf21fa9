"""
One open connection, one command at a time.

Nothing that a device does raises: `Session.run` and `Session.send` return a Reply whose state says how the asking
ended. A command whose end was not seen is `lost` or `timed_out` and may have happened, or still go on: killing a
connection stops nothing on the target. `unreachable` means that nothing was sent. Any state but `answered` ends the
connection; the caller connects again. No pty but where a command prompts nowhere else.
"""

import hashlib
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self

import paramiko

from gate.errors import BadInput, Outside, Refused
from gate.evidence import Reply, ReplyState
from gate.ssh.prompts import Answer, Prompts
from gate.ssh.scp import SCP_DIRECTORY, SCP_NAME, Upload
from gate.ssh.sftp import SFTP_PATH, Put
from gate.ssh.talk import REPLY_LIMIT, Over, Talk
from gate.ssh.tunnel import Tunnel
from gate.ssh.watch import guard
from gate.ssh.wire import Clock, Timeouts, Wire, reason

WIDE = 500
"""Columns of a pseudo-terminal: wide enough that no prompt is wrapped."""


@dataclass(frozen=True)
class _Talking:
    """How a command that prompts is run."""

    answers: Sequence[Answer]
    terminal: bool

    def prompts(self, not_after: float) -> Prompts:
        return Prompts(self.answers, "\r" if self.terminal else "\n", not_after)


class Session:
    """One open connection. Not for use by two threads at once."""

    def __init__(
        self,
        target: str,
        transport: paramiko.Transport,
        wire: Wire | Tunnel,
        timeouts: Timeouts,
        not_after: datetime | None,
        clock: Clock,
    ) -> None:
        self.target = target
        self.not_after = not_after
        self._transport = transport
        self._wire = wire
        self._timeouts = timeouts
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """False once the connection has ended; then every further reply is `unreachable`."""
        return self._transport.is_active()

    def cut(self) -> None:
        """End the connection at once, from any thread: what is under way is `lost`, and bytes unsent never leave."""
        self._wire.abort()

    def close(self) -> None:
        """End the connection; a command still running on the target goes on."""
        self._wire.close()
        self._transport.close()

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
        """
        Send one command and return what came of it.

        `limit_bytes` bounds standard output and error together. Refused, before anything is sent, when `act_before`
        or the session's `not_after` has passed; when that moment comes while the request is still unconfirmed,
        unsent bytes are thrown away and the state is `lost`.

        With `answers`, even none, prompts are heeded: one on the list is answered, before `act_before` as well; any
        other ends the exchange as `prompted`, and nothing is typed. `terminal` runs the command under a
        pseudo-terminal, which echoes and is hung up with the connection.
        """
        if not command.isprintable() or not command.isascii():
            raise BadInput("a command is printable ASCII on one line")
        talking = None if answers is None else _Talking(answers, terminal)
        return self._exchange(command, command, deadline_s, limit_bytes, act_before, None, talking)

    def send(
        self,
        source: bytes | Path,
        directory: str,
        name: str,
        *,
        deadline_s: float,
        sha256: str = "",
        act_before: datetime | None = None,
    ) -> Reply:
        """
        Copy bytes or a file to `directory/name` with the classic SCP protocol (`scp -t`).

        With `sha256` (`sha256:<hex>`) the content is hashed first and Refused when it differs; bytes that change while
        they are sent leave the copy unfinished and the state `lost`. The last byte is sent before `act_before`.
        """
        if not SCP_DIRECTORY.fullmatch(directory) or not SCP_NAME.fullmatch(name):
            raise BadInput("a file is sent to a plain directory under a plain name")
        with _opened(source, name, sha256) as (stream, size, before):
            upload = Upload(stream, size, name, before)
            words = f"scp -t {directory} < {name}"
            return self._exchange(f"scp -t {directory}", words, deadline_s, REPLY_LIMIT, act_before, upload)

    def put(
        self,
        source: Path,
        path: str,
        *,
        deadline_s: float,
        sha256: str = "",
        act_before: datetime | None = None,
    ) -> Reply:
        """
        Put a file on the target by SFTP as `path`; otherwise like `send`.

        An answered reply says how many bytes were taken: every write and the end of the file were acknowledged.
        """
        if not SFTP_PATH.fullmatch(path):
            raise BadInput("a file is put under a plain name")
        with _opened(source, source.name, sha256) as (stream, size, before):
            words = f"sftp put {source.name} {path}"
            return self._exchange("", words, deadline_s, REPLY_LIMIT, act_before, Put(stream, size, path, before))

    def pass_on(
        self, stream: BinaryIO, size: int, sha256: str, directory: str, name: str, *, deadline_s: float
    ) -> Reply:
        """
        Copy what is still to come from elsewhere to `directory/name`, hashing it on the way, never kept here.

        Content of another size or digest leaves the copy unfinished and the state `lost`.
        """
        if not SCP_DIRECTORY.fullmatch(directory) or not SCP_NAME.fullmatch(name):
            raise BadInput("a file is sent to a plain directory under a plain name")
        upload = Upload(stream, size, name, sha256.removeprefix("sha256:"))
        command = f"scp -t {directory}"
        return self._exchange(command, f"{command} < {name}", deadline_s, REPLY_LIMIT, None, upload)

    def _exchange(
        self,
        command: str,
        words: str,
        deadline_s: float,
        limit: int,
        act_before: datetime | None,
        upload: "Upload | Put | None",
        talking: "_Talking | None" = None,
    ) -> Reply:
        began = time.monotonic()
        started_at = self._clock()
        send_s = self._seconds_to_act(act_before, started_at, deadline_s)
        channel, problem = self._open(min(send_s, self._timeouts.channel_s))
        if channel is None:
            return Reply(self.target, words, ReplyState.UNREACHABLE, started_at, self._clock(), problem=problem)
        talk = Talk(channel, self._transport, began + deadline_s, limit)
        state, status, problem, prompts = ReplyState.ANSWERED, None, "", None
        try:
            send_s = self._seconds_to_act(act_before, self._clock(), began + deadline_s - time.monotonic())
            prompts = talking.prompts(time.monotonic() + send_s) if talking else None
            with guard(send_s, self._wire.abort):
                if talking and talking.terminal:
                    channel.get_pty("dumb", width=WIDE)
                if isinstance(upload, Put):
                    channel.invoke_subsystem("sftp")
                else:
                    channel.exec_command(command)
                if upload is not None:
                    upload.give(talk)
            with guard(began + deadline_s - time.monotonic() + 1, self._wire.abort):
                status = 0 if isinstance(upload, Put) else _finish(talk, prompts)
                if isinstance(upload, Upload):
                    upload.judge(status)
        except Refused:
            self.close()
            raise
        except Over as over:
            state, problem = over.state, over.problem
        except (paramiko.SSHException, EOFError, OSError) as error:
            late = time.monotonic() >= began + deadline_s
            state = ReplyState.TIMED_OUT if late else ReplyState.LOST
            problem = f"no answer within {deadline_s:g} s" if late else f"the connection ended: {reason(error)}"
        if state is ReplyState.ANSWERED:
            # The answer is whole; a connection that ends before our goodbye takes nothing of it away.
            with suppress(paramiko.SSHException, EOFError, OSError), guard(self._timeouts.channel_s, self._wire.abort):
                channel.close()
        else:
            status = None
            self._wire.abort()
            self._transport.close()
        out, err, typed = bytes(talk.out), bytes(talk.err), tuple(prompts.typed) if prompts else ()
        return Reply(self.target, words, state, started_at, self._clock(), status, out, err, problem, typed)

    def _seconds_to_act(self, act_before: datetime | None, now: datetime, at_most: float) -> float:
        for limit, what in ((act_before, "the time to act"), (self.not_after, "the time of this connection")):
            if limit is not None and now >= limit:
                raise Refused(f"{what} on {self.target} is over; nothing was sent")
        left = [(limit - now).total_seconds() for limit in (act_before, self.not_after) if limit is not None]
        return max(0.0, min([at_most, *left]))

    def _open(self, seconds: float) -> tuple[paramiko.Channel | None, str]:
        if not self.alive:
            return None, "the connection had ended; nothing was sent"
        try:
            with guard(seconds + 1, self._wire.abort):
                return self._transport.open_session(window_size=256 * 1024, timeout=seconds), ""
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._wire.abort()
            self._transport.close()
            return None, f"no channel could be opened: {reason(error)}; nothing was sent"


def _finish(talk: Talk, prompts: Prompts | None) -> int:
    try:
        return talk.finish(prompts.heed if prompts else None)
    except Over as over:
        raise (prompts.at_the_end(talk, over) if prompts else over) from None


@contextmanager
def _opened(source: bytes | Path, name: str, sha256: str) -> Iterator[tuple[BinaryIO, int, str]]:
    """Open what is to be sent: stream, size and SHA-256; Refused when that is not the approved one, nothing is sent."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
            before = hashlib.file_digest(stream, "sha256").hexdigest()
            if sha256 and sha256 != f"sha256:{before}":
                raise Refused(f"{name} is not the approved image: its digest is sha256:{before}; nothing was sent")
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            yield stream, size, before
    except OSError as error:
        raise Outside(f"{name} cannot be read: {reason(error)}; nothing was sent") from None
