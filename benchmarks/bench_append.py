"""
Ledger append against a bare durable SQLite commit.

    python benchmarks/bench_append.py [--appends N] [--rounds N] [--folder DIR]

Both write a body of the same length with `journal_mode=WAL` and `synchronous=FULL`, in turn, in the same folder.
Only the ratio means anything: it is taken inside one run.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import open_ledger

DRAFT = Draft(
    "step.ended",
    GATE,
    "chg-0001",
    {"phase": "forward", "step": "apply", "number": 3, "array": "west-2", "outcome": "passed", "because": "x" * 200},
)


class Bare:
    """One-row transactions and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self.size = 0

    def seconds(self, appends: int, body: bytes) -> float:
        """Commit `appends` rows one by one."""
        start = time.perf_counter()
        for index in range(self.size, self.size + appends):
            self.connection.execute("INSERT INTO entry VALUES (?, ?)", (index, body))
        self.size += appends
        return time.perf_counter() - start


class Ours:
    """Compare-and-set appends with tree, triggers and the memory beside the key."""

    def __init__(self, folder: Path) -> None:
        signer = keys.create(folder / "key", "gate.example.com/ledger/1")
        self.ledger = open_ledger(folder / "ledger.db", signer=signer)
        self.body = self.ledger.append(DRAFT, expect=0).body
        self.seq = 1

    def seconds(self, appends: int) -> float:
        """Append `appends` entries one by one."""
        start = time.perf_counter()
        for seq in range(self.seq, self.seq + appends):
            self.ledger.append(DRAFT, expect=seq)
        self.seq += appends
        return time.perf_counter() - start


def main() -> None:
    """Print the medians; the two take turns, round by round."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--appends", type=int, default=100, help="in each round")
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--folder", type=Path, default=Path())
    given = options.parse_args()
    rates = []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        bare, ours = Bare(folder), Ours(folder)
        for _ in range(given.rounds):
            plain, full = bare.seconds(given.appends, ours.body), ours.seconds(given.appends)
            rates.append((given.appends / plain, given.appends / full))
        ours.ledger.close()
        bare.connection.close()
    ratios = sorted(full / plain for plain, full in rates)
    quarter = len(ratios) // 4
    print(f"bare {statistics.median(plain for plain, _ in rates):.0f}/s, {len(ours.body)} bytes each")
    print(f"ledger {statistics.median(full for _, full in rates):.0f}/s")
    spread = f"{ratios[quarter]:.2f}-{ratios[-1 - quarter]:.2f} in the middle half of {len(ratios)} rounds"
    print(f"ledger append: {statistics.median(ratios):.2f} x bare commit ({spread})")


if __name__ == "__main__":
    main()
