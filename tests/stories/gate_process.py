"""A gate in a process of its own, so that it can be killed: `python -m tests.stories.gate_process CONFIG DATA`."""

import sys
import threading
from pathlib import Path

from gate.assembly import assemble
from gate.settings import load

if __name__ == "__main__":
    with assemble(load(Path(sys.argv[1]), Path(sys.argv[2]))) as gate:
        gate.start()
        print("driving", flush=True)
        threading.Event().wait()
