"""A gate in a process of its own, so that it can be killed: `sangate CONFIG DATA`, kept warm by tests/warm.py."""

import os
import sys
import threading
from pathlib import Path

from gate.assembly import assemble
from gate.settings import load


def main(prog_name: str) -> None:
    """Drive until the end of the process, which says its own id first."""
    del prog_name
    with assemble(load(Path(sys.argv[1]), Path(sys.argv[2]))) as gate:
        gate.start()
        print("driving", os.getpid(), flush=True)
        threading.Event().wait()
