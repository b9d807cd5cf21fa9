"""
The stand-alone verifier on a whole log against coreutils' sha256sum of the same bytes.

    python benchmarks/bench_verify.py [--entries N] [--rounds N]

Each round runs, as processes of their own, sha256sum and verify.py in its three modes; docs/ledger-format.md says what
each of them checks. Ratios inside one round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gate.export import jsonl, verify
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import open_ledger

BATCH = 1000
MODES = ("--tree-only", "", "--every-entry")


def make(folder: Path, entries: int) -> Path:
    """Write a ledger of `entries` entries and export it."""
    store = open_ledger(folder / "ledger.db", signer=keys.create(folder / "key", "gate.example.com/ledger/1"))
    data = {"phase": "forward", "step": "apply", "number": 3, "array": "west-2", "because": "x" * 200}
    for number in range((entries - 1) // BATCH + 1):
        change = f"chg-{number + 1:06}"
        store.append_all([Draft("step.ended", GATE, change, data)] * min(BATCH, entries - number * BATCH))
    jsonl.export_log(store, folder / "log.jsonl")
    store.close()
    return folder / "log.jsonl"


def seconds(*words: str) -> tuple[float, float, int]:
    """Run one program to its end; return clock and processor seconds, with those of its helpers, and KiB at most."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main() -> None:
    """Run all in turn, round by round; print medians and ranges of the ratios."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=7)
    given = options.parse_args()
    ratios: dict[str, list[tuple[float, float]]] = {mode: [] for mode in MODES}
    largest = 0
    with tempfile.TemporaryDirectory() as name:
        log = make(Path(name), given.entries)
        size = log.stat().st_size
        for _ in range(given.rounds):
            plain = seconds("sha256sum", str(log))
            for mode, found in ratios.items():
                took = seconds(sys.executable, "-I", "-S", verify.__file__, str(log), *mode.split())
                found.append((took[0] / plain[0], took[1] / plain[1]))
                largest = max(largest, took[2])
    print(f"{given.entries} entries, {size / 1e6:.1f} MB; times sha256sum, median (range) of {given.rounds} rounds")
    for mode, found in ratios.items():
        for what, part in (("clock", 0), ("processor", 1)):
            values = [one[part] for one in found]
            spread = f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
            print(f"verify.py {mode or 'without option'}: {what} {spread}")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"largest process: {largest / 1024:.0f} MiB; load average at the end: {load}")


if __name__ == "__main__":
    main()
