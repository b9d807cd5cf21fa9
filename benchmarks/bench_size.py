"""
What a ledger costs as it grows: the check at its start, its bytes for each entry, and an append at its end.

    python benchmarks/bench_size.py [--sizes N,N,N] [--folder DIR]

Opening includes every check: triggers, key, the memory beside it, and the end of the tree. The appends are compared
with bare commits in the same run, as in bench_append.py.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from bench_append import DRAFT, Bare

from gate.ledger.entry import Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

MANY = Draft(DRAFT.kind, DRAFT.actor, None, DRAFT.data)


def opened(folder: Path) -> SqliteLedger:
    """Open as the gate does."""
    return open_ledger(folder / "ledger.db", signer=keys.load(folder / "key", "gate.example.com/ledger/1"))


def main() -> None:
    """Print one line for each size."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--sizes", default="10000,100000,1000000")
    options.add_argument("--folder", type=Path, default=Path())
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        keys.create(folder / "key", "gate.example.com/ledger/1")
        bare = Bare(folder)
        for size in map(int, given.sizes.split(",")):
            ledger = opened(folder)
            while (there := ledger.size()) < size:
                body = ledger.append_all([MANY] * min(2000, size - there))[0].body
            ledger.close()
            took = []
            for _ in range(9):
                start = time.perf_counter()
                ledger = opened(folder)
                took.append(time.perf_counter() - start)
                ledger.close()
            ledger, ratios = opened(folder), []
            for _ in range(12):
                plain = bare.seconds(50, body)
                start = time.perf_counter()
                for _ in range(50):
                    ledger.append(MANY)
                ratios.append(plain / (time.perf_counter() - start))
            ledger.close()
            held = (folder / "ledger.db").stat().st_size / (size + 600)
            print(
                f"{size} entries of {len(body)} bytes: opened in {min(took) * 1000:.1f} ms "
                f"(median {statistics.median(took) * 1000:.1f}), {held:.0f} bytes each on disk, append "
                f"{statistics.median(ratios):.2f} x bare commit, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        bare.connection.close()


if __name__ == "__main__":
    main()
