"""Put a generator's questions to the machine's own programs, or to a script of replies; no SSH, no shell."""

import shlex
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
    done = subprocess.run(shlex.split(command), capture_output=True, timeout=30, check=False)
    return Reply(
        "here", command, ReplyState.ANSWERED, started, datetime.now(UTC), done.returncode, done.stdout, done.stderr
    )


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
