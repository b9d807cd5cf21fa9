"""
Kill -9 under load, again and again: no entry that was acknowledged may be lost, and the tree must fit the entries.

    python -m tests.store.storm [--acknowledged N] [--threads N] [--folder DIR] [--seed N]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

ORIGIN = "gate.example.com/ledger/1"


@dataclass
class Told:
    """What a storm came to."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    entries: int = 0


def opened(folder: Path) -> SqliteLedger:
    return open_ledger(folder / "ledger.db", signer=keys.load(folder / "ledger.key", ORIGIN))


def write(folder: Path, threads: int) -> None:
    """Append for ever, each thread to a change of its own; say each index and digest as soon as it is durable."""
    ledger = opened(folder)

    def one(number: int) -> None:
        change = f"chg-{os.getpid()}-{number}"
        seq = 0
        while True:
            made = ledger.append(Draft("hold.placed", GATE, change, {"reason": "x" * 300}), expect=seq)
            seq += 1
            os.write(1, b"%d %b\n" % (made.index, sha256(made.body).hexdigest().encode()))
            if seq % 50 == 0:
                ledger.checkpoint(keep=seq % 500 == 0)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(threads)))


def round_of(folder: Path, threads: int, wanted: int, wait: float) -> dict[int, str]:
    """Let a writer run until `wanted` answers and `wait` seconds more, kill it, and return what it acknowledged."""
    words = [sys.executable, "-m", "tests.store.storm", "--write", "--threads", str(threads), "--folder", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(wanted)]
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    return {int(index): digest.decode() for index, digest in whole}


def lost(ledger: SqliteLedger, acknowledged: dict[int, str]) -> Iterator[int]:
    """Yield the acknowledged entries that are not there, or not as they were acknowledged."""
    first = min(acknowledged)
    there = {index: sha256(body).hexdigest() for index, body in enumerate(ledger.bodies(first), first)}
    return (index for index, digest in acknowledged.items() if there.get(index) != digest)


def storm(folder: Path, acknowledged: int, threads: int, each: int, chance: random.Random) -> Told:
    """Kill writers until so many appends were acknowledged; after each kill everything is looked at again."""
    keys.create(folder / "ledger.key", ORIGIN)
    told = Told()
    while told.acknowledged < acknowledged or told.kills < 2:
        answers = round_of(folder, threads, chance.randint(1, each), chance.random() / 50)
        ledger = opened(folder)
        told.kills += 1
        told.acknowledged += len(answers)
        told.lost += sum(1 for _ in lost(ledger, answers)) + ledger.missing
        ledger.checkpoint(keep=True)
        told.entries = ledger.size()
        ledger.close()
    ledger = opened(folder)
    ledger.examine()
    ledger.close()
    return told


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    options.add_argument("--acknowledged", type=int, default=250_000)
    options.add_argument("--threads", type=int, default=16)
    options.add_argument("--folder", type=Path, default=Path())
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.write:
        write(given.folder, given.threads)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        started = time.monotonic()
        told = storm(Path(name), given.acknowledged, given.threads, 10_000, random.Random(given.seed))
        took = time.monotonic() - started
    print(
        f"{told.kills} kills, {told.acknowledged} acknowledged, {told.lost} lost, {told.entries} entries, {took:.0f} s"
    )
    sys.exit(bool(told.lost))


if __name__ == "__main__":
    main()
