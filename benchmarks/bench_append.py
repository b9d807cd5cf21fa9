"""
Ledger append against a bare durable SQLite commit.

    python benchmarks/bench_append.py [--appends N] [--rounds N] [--clients N] [--folder DIR] [--slower MS]

All write a body of the same length with `journal_mode=WAL` and `synchronous=FULL`, in turn, in the same folder: bare
commits, one client of the ledger, and many threads of it at once. Only ratios mean anything, each taken inside one run.
`--slower` lets every fsync and fdatasync of this process take so many milliseconds more (a small library made with cc
and LD_PRELOAD): what a disk without a write cache does.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
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

    def together(self, appends: int, clients: int) -> float:
        """Append `appends` entries by as many threads as there are clients."""
        many = Draft(DRAFT.kind, DRAFT.actor, None, DRAFT.data)

        def client(count: int) -> None:
            for _ in range(count):
                self.ledger.append(many)

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(lambda _: None, range(clients)))
            start = time.perf_counter()
            list(pool.map(client, [appends // clients] * clients))
            return time.perf_counter() - start


SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slow(const char *name, int file) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    usleep(MICROSECONDS);
    return real(file);
}
int fsync(int file) { return slow("fsync", file); }
int fdatasync(int file) { return slow("fdatasync", file); }
"""


def slowed(milliseconds: float, folder: str) -> None:
    """Run this program again with every sync slower."""
    library = Path(folder) / "slow.so"
    source = SLOW.replace("MICROSECONDS", str(int(milliseconds * 1000)))
    words = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(words, input=source, text=True, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "SLOWED": "1"}
    subprocess.run([sys.executable, *sys.argv], env=environment, check=True)


def told(name: str, ratios: list[float]) -> str:
    """Spell a median and its middle half."""
    ratios, quarter = sorted(ratios), len(ratios) // 4
    spread = f"{ratios[quarter]:.2f}-{ratios[-1 - quarter]:.2f} in the middle half of {len(ratios)} rounds"
    return f"{name}: {statistics.median(ratios):.2f} x bare commit ({spread})"


def main() -> None:
    """Print the medians; the three take turns, round by round."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--appends", type=int, default=100, help="in each round")
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--folder", type=Path, default=Path())
    options.add_argument("--slower", type=float, default=0.0, metavar="MS")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        if given.slower and "SLOWED" not in os.environ:
            slowed(given.slower, name)
            return
        rates = []
        folder, many = Path(name), given.appends * 8 // given.clients * given.clients or given.clients
        bare, ours = Bare(folder), Ours(folder)
        for _ in range(given.rounds):
            plain, full = bare.seconds(given.appends, ours.body), ours.seconds(given.appends)
            rates.append((given.appends / plain, given.appends / full, many / ours.together(many, given.clients)))
        ours.ledger.close()
        bare.connection.close()
    medians = [statistics.median(one) for one in zip(*rates, strict=True)]
    found = "bare {:.0f}/s, ledger {:.0f}/s, {} clients {:.0f}/s".format(*medians[:2], given.clients, medians[2])
    print(f"load {os.getloadavg()[0]:.1f}; {found}; {len(ours.body)} bytes each")
    print(told("one client", [rate[1] / rate[0] for rate in rates]))
    print(told(f"{given.clients} clients", [rate[2] / rate[0] for rate in rates]))


if __name__ == "__main__":
    main()
