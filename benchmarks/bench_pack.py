"""
The evidence pack of a change of twelve entries: making it, and verifying it in process and in a Python of its own.

    PYTHONPATH=. python benchmarks/bench_pack.py [--rounds N]
"""

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from gate.export import pack, verify
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import open_ledger

CHANGE = "chg-0001"


def milliseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Print medians and ranges."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = open_ledger(folder / "ledger.db", signer=keys.create(folder / "key", "gate.example.com/ledger/1"))
        ledger.append_all([Draft("step.ended", GATE, None, {"because": "x" * 300})] * 5000)
        ledger.append_all([Draft("hold.placed", GATE, CHANGE, {"reason": "x" * 300})] * 11)
        ledger.append(Draft("change.closed", GATE, CHANGE, {"outcome": "held"}))
        path = folder / "pack.zip"
        path.write_bytes(pack.make(ledger, CHANGE))

        def inside() -> None:
            with redirect_stdout(io.StringIO()):
                if verify.main([str(path)]) != verify.VERIFIED:
                    sys.exit("the pack does not verify")

        program = [sys.executable, "-I", "-S"]
        alone = [*program, str(Path(verify.__file__)), str(path)]
        asked: dict[str, Callable[[], object]] = {
            "make": lambda: pack.make(ledger, CHANGE),
            "verify in process": inside,
            "verify.py in a Python of its own": lambda: subprocess.run(alone, check=True, capture_output=True),
            "that Python doing nothing": lambda: subprocess.run([*program, "-c", ""], check=True),
        }
        times: dict[str, list[float]] = {what: [] for what in asked}
        for _ in range(rounds):
            for what, call in asked.items():
                times[what].append(milliseconds(call))
        ledger.close()
    for what, found in times.items():
        print(f"{what:34} {statistics.median(found):7.1f} ms ({min(found):.1f}-{max(found):.1f})")


if __name__ == "__main__":
    main()
