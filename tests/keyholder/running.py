"""`sangate keyholder run` as its own process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(file: Path, data: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start it with that configuration and folder; it answers when this returns, and is killed at the end."""
    words = ["keyholder", "run", "--config", str(file), "--data", str(data), "--while-stdin"]
    run = [sys.executable, "-c", "from gate.cli.main import main; main()", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(run, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("keyholder answers on")
        yield started
        started.kill()
