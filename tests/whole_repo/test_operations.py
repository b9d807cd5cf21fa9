"""The commands of docs/operations.md that stand after a `$`, run as they stand there, one after the other."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT

BLOCK = re.compile(r"(?ms)^```console\n(.*?)^```$")
EXIT = re.compile(r"  # exit (\d)$")


def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "sangate"
    script.write_text(f"#!{sys.executable}\nfrom gate.cli.main import main\nmain(prog_name='sangate')\n")
    script.chmod(0o755)
    shutil.copy(ROOT / "config.yaml", tmp_path)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    blocks = BLOCK.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    commands = [part for block in blocks for part in re.split(r"(?m)^\$ ", block)[1:]]
    assert len(commands) >= 9
    for command in commands:
        words, *printed = command.rstrip("\n").split("\n")
        ends = EXIT.search(words)
        shell = ["bash", "-c", EXIT.sub("", words)]
        done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == (int(ends.group(1)) if ends else 0), f"$ {words}\n{said}"
        place = 0
        for line in printed:
            place = said.find(line, place)
            assert place >= 0, f"$ {words}\nlacks: {line}\n{said}"
            place += len(line)
