"""Put a generator's questions to the machine's own programs, or to a script of replies; no SSH, no shell."""

import os
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gate.evidence import Reply, ReplyState
from gate.inventory import Dataset, Engine, Protection

Found = TypeVar("Found")
Asker = Callable[[str], Reply]


def on_this_machine(command: str) -> Reply:
    """Run the words of the command as they are; the machine's tools are the judge."""
    started = datetime.now(UTC)
    done = subprocess.run(shlex.split(command), capture_output=True, timeout=60, check=False)
    return Reply(
        "here", command, ReplyState.ANSWERED, started, datetime.now(UTC), done.returncode, done.stdout, done.stderr
    )


class Machine:
    """This machine as sshd offers it: a shell gets the line; a deadline, a limit, an environment of its own."""

    def __init__(self, *first: Path, deadline_s: float = 60, limit: int = 2**23, **environment: str) -> None:
        """`first` are directories whose programs come before the machine's own."""
        self._deadline_s = deadline_s
        self._limit = limit
        self._environment = {"PATH": ":".join([*map(str, first), "/usr/sbin:/usr/bin:/sbin:/bin"]), **environment}

    def __call__(self, command: str) -> Reply:
        """Answer as gate.ssh does; whatever is still running at the deadline is ended with all its children."""
        started = datetime.now(UTC)
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        ) as running:
            try:
                out, err = running.communicate(timeout=self._deadline_s)
                state, problem = ReplyState.ANSWERED, ""
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                out, err = running.communicate()
                state, problem = ReplyState.TIMED_OUT, "no answer within the deadline"
        if len(out) + len(err) > self._limit:
            out, state, problem = out[: self._limit], ReplyState.TOO_LONG, f"more than {self._limit} bytes"
        code = running.returncode if state is ReplyState.ANSWERED else None
        return Reply("bk-1", command, state, started, datetime.now(UTC), code, out, err, problem)


def spoilt(asker: Asker, damage: Mapping[str, Callable[[Reply], Reply]]) -> Asker:
    """As `asker`, but a reply to a command that begins so is changed on its way."""

    def ask(command: str) -> Reply:
        reply = asker(command)
        for beginning, change in damage.items():
            if command.startswith(beginning):
                return change(reply)
        return reply

    return ask


def drive(asking: Generator[str, Reply, Found], asker: Asker, said: list[str] | None = None) -> Found:
    """Answer every question and return what was found; the commands are left in `said`."""
    try:
        command = next(asking)
        while True:
            if said is not None:
                said.append(command)
            command = asking.send(asker(command))
    except StopIteration as end:
        found: Found = end.value
        return found


def lost(reply: Reply) -> Reply:
    return replace(reply, state=ReplyState.LOST, exit_status=None, problem="the connection was lost")


def failed(reply: Reply) -> Reply:
    return replace(reply, exit_status=1, stdout=b"", stderr=b"no such luck\n")


def saying(output: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, stdout=output)


def made_dataset(folder: Path) -> Dataset:
    """Make a small database with every storage class, a NUL, line ends, quotes and an empty table."""
    path = folder / "sidekick.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE contacts (id INTEGER PRIMARY KEY, name TEXT, weight REAL, photo BLOB, "order" INT);
            CREATE TABLE notes (contact INTEGER REFERENCES contacts(id), body TEXT);
            CREATE TABLE empty_one (a, b);
            """
        )
        connection.executemany(
            "INSERT INTO contacts (name, weight, photo) VALUES (?, ?, ?)",
            [("O'Hara", 0.1, b"\x00'|\n"), ("a\x00b", None, None), ("two\nlines|", 1e300, b""), ("Ümit", -0.0, b"x")],
        )
        connection.execute("INSERT INTO notes VALUES (1, 'hello')")
    connection.close()
    return Dataset(
        id="sidekick",
        tier=2,
        engine=Engine.SQLITE,
        host="db-1",
        path=str(path),
        mount=str(folder),
        tables=("contacts", "notes", "empty_one"),
    )


def made_protection(folder: Path) -> Protection:
    return Protection(
        id="sidekick-nightly",
        dataset="sidekick",
        tool="sqlite-copy",
        host="bk-1",
        repository=str(folder / "repository"),
        mount=str(folder),
        rehearsal_host="bk-1",
        rehearsal_scratch=str(folder / "scratch"),
    )
