"""The commands of docs/guide.md, run as they stand there, against the lab and a serving process."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.lab.client import Lab
from gate.settings import relocate
from tests.parts import need
from tests.places import free_port, network
from tests.repository import ROOT
from tests.warm import warm

GUIDE = ROOT / "docs" / "guide.md"
BLOCK = re.compile(r"(?ms)^```(console|yaml) ?([a-z.]*)\n(.*?)^```$")
EXIT = re.compile(r"  # exit (\d)$")
START_S = 60


@dataclass
class Command:
    """One line to type, the exit code it ends with, and what must be found in what it prints, in order."""

    words: str
    code: int
    printed: list[str]


def steps() -> Iterator[Command | tuple[str, str]]:
    for kind, file, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if kind == "yaml":
            yield file, text
            continue
        for part in re.split(r"(?m)^\$ ", text)[1:]:
            first, *printed = part.rstrip("\n").split("\n")
            ends = EXIT.search(first)
            yield Command(EXIT.sub("", first), int(ends.group(1)) if ends else 0, printed)


class Shell:
    """Types commands one after the other, each in the directory that the ones before led to."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.here = root
        self._stack = stack
        binaries = root / "bin"
        binaries.mkdir()
        stack.enter_context(warm(binaries))
        path = f"{binaries}:{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "250"}

    def type(self, command: Command) -> None:
        if command.words.startswith("cd "):
            self.here = self.here / command.words[3:]
        elif command.words.endswith(" &"):
            self._leave_running(command)
        else:
            typed = ["bash", "-c", command.words]
            done = subprocess.run(
                typed, cwd=self.here, env=self._env, capture_output=True, text=True, check=False, timeout=120
            )
            told = done.stdout + done.stderr
            assert done.returncode == command.code, f"$ {command.words}\n{told}"
            _assert_found(command, told)

    def _leave_running(self, command: Command) -> None:
        log = self.here / "background.log"
        with log.open("w") as out:
            typed = ["bash", "-c", "exec " + command.words.removesuffix(" &")]
            child = subprocess.Popen(typed, cwd=self.here, env=self._env, stdout=out, stderr=out)
        self._stack.callback(child.wait, 30)
        self._stack.callback(child.send_signal, signal.SIGTERM)
        until = time.monotonic() + START_S
        while command.printed[0] not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)


def _assert_found(command: Command, told: str) -> None:
    at = 0
    for line in command.printed:
        found = told.find(line.strip(), at)
        assert found >= 0, f"$ {command.words}\n{line!r} is not in\n{told}"
        at = found


@pytest.mark.timeout(600)
def test_every_command_of_the_guide_does_what_the_guide_says(tmp_path: Path) -> None:
    need("ssh-keygen")
    text = relocate((ROOT / "config.yaml").read_text(encoding="utf-8"), network())
    (tmp_path / "config.yaml").write_text(text.replace("127.0.0.1:8420", f"127.0.0.1:{free_port()}"), encoding="utf-8")
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    with ExitStack() as stack:
        stack.callback(lambda: Lab(tmp_path / "guide" / "data" / "lab").stop())
        shell = Shell(tmp_path, stack)
        for step in steps():
            if isinstance(step, Command):
                shell.type(step)
            else:
                (shell.here / step[0]).write_text(step[1], encoding="utf-8")


def test_the_guide_is_not_read_past() -> None:
    found = list(steps())
    assert sum(isinstance(step, Command) for step in found) == len(re.findall(r"(?m)^\$ ", GUIDE.read_text()))
    assert len(found) > 40
