"""The commands of docs/operations.md that stand after a `$`, run as they stand there, one after the other."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.repository import ROOT
from tests.warm import warm

BLOCK = re.compile(r"(?ms)^```console\n(.*?)^```$")
EXIT = re.compile(r"  # exit (\d)$")


def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "config.yaml", tmp_path)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    blocks = BLOCK.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    commands = [part for block in blocks for part in re.split(r"(?m)^\$ ", block)[1:]]
    assert len(commands) >= 9
    with warm(tmp_path / "bin"):
        for command in commands:
            run(command, tmp_path, environment)


def run(command: str, place: Path, environment: dict[str, str]) -> None:
    """Run one command and find what the page says it prints, in that order."""
    words, *printed = command.rstrip("\n").split("\n")
    ends = EXIT.search(words)
    shell = ["bash", "-c", EXIT.sub("", words)]
    done = subprocess.run(shell, cwd=place, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == (int(ends.group(1)) if ends else 0), f"$ {words}\n{said}"
    found = 0
    for line in printed:
        found = said.find(line, found)
        assert found >= 0, f"$ {words}\nlacks: {line}\n{said}"
        found += len(line)
