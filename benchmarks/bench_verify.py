"""
The stand-alone verifier on a whole log against coreutils' sha256sum of the same bytes.

    python benchmarks/bench_verify.py [--entries N] [--rounds N]

Each round runs, as processes of their own: sha256sum; verify.py --tree-only (every byte, the tree, the signature);
verify.py (also what the entries say: sequences, closing counts, approvals). Ratios inside one run.
"""

import argparse
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


def seconds(*words: str) -> float:
    """Run one program to its end."""
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print one line a round, then the medians."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=7)
    given = options.parse_args()
    program = (sys.executable, "-I", "-S", str(Path(verify.__file__)))
    trees, wholes = [], []
    with tempfile.TemporaryDirectory() as name:
        log = make(Path(name), given.entries)
        size = log.stat().st_size
        for _ in range(given.rounds):
            plain = seconds("sha256sum", str(log))
            tree = seconds(*program, str(log), "--tree-only")
            whole = seconds(*program, str(log))
            trees.append(tree / plain)
            wholes.append(whole / plain)
            print(f"sha256sum {plain:.3f} s, tree {tree:.3f} s ({trees[-1]:.2f}), all {whole:.3f} s ({wholes[-1]:.2f})")
    print(f"{given.entries} entries, {size / 1e6:.1f} MB")
    for what, found in (("bytes, tree and signature", trees), ("and what the entries say", wholes)):
        print(f"{what}: {statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f}) x sha256sum")


if __name__ == "__main__":
    main()
