"""
Harm of every kind at random boundaries of random steps, a thousand times; afterwards the array itself is asked.

    python -m tests.crash.storm [--count N] [--workers N] [--seed N] [--pace SECONDS]
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.crash.bench import bench, steps_of, words
from tests.crash.cells import Cell, cells
from tests.crash.play import play, shuffled

LAB = 40
"""Arrays of one lab: each is used for one run."""


def every_cell() -> list[Cell]:
    """Return every cell of both playbooks of the bench."""
    found: dict[str, Cell] = {}
    for attended in (False, True):
        rendered, _ = words("canary-0", "0000020420E00000", attended=attended)
        for cell in cells(steps_of(rendered)):
            found.setdefault(str(cell), cell)
    return list(found.values())


def drawn(seed: int, count: int) -> list[Cell]:
    """Return so many cells, each as likely as another."""
    chance, found = random.Random(seed), every_cell()
    return [chance.choice(found) for _ in range(count)]


def sample(seed: int) -> list[Cell]:
    """Return one cell for every boundary of every kind of step, mishaps in turn, and one for each that is missing."""
    chance = random.Random(seed)
    found = every_cell()
    chance.shuffle(found)
    taken: dict[tuple[str, str], Cell] = {}
    used: Counter[tuple[str, str]] = Counter()
    for place in dict.fromkeys((cell.kind, cell.boundary) for cell in found):
        there = (cell for cell in found if (cell.kind, cell.boundary) == place)
        taken[place] = min(there, key=lambda cell: used[cell.party, cell.mishap])
        used[taken[place].party, taken[place].mishap] += 1
    missing = {(cell.party, cell.mishap): cell for cell in found if not used[cell.party, cell.mishap]}
    return [*taken.values(), *missing.values()]


def work(worker: int, seed: int, share: list[Cell], network: str, out: int, pace: float) -> None:
    """Play some runs and write a line of JSON for each."""
    chance, count = shuffled(seed, worker), len(share)
    with tempfile.TemporaryDirectory(prefix="crash-") as home:
        for number in range(0, count, LAB):
            with bench(Path(home) / str(number), network, min(LAB, count - number), pace) as made:
                for cell in share[number : number + LAB]:
                    came = play(made.run(cell, chance))
                    os.write(out, json.dumps(asdict(came)).encode() + b"\n")


def storm(chosen: list[Cell], workers: int, seed: int, pace: float) -> list[dict[str, Any]]:
    """Play runs in so many processes side by side; return what each came to."""
    reading, writing = os.pipe()
    children = []
    for worker in range(workers):
        child = os.fork()
        if not child:
            os.close(reading)
            try:
                work(worker, seed, chosen[worker::workers], f"127.{200 + os.getpid() % 50}.{worker + 1}", writing, pace)
            except BaseException as error:  # noqa: BLE001  a worker that stumbles is a failed run
                os.write(writing, json.dumps({"problems": [repr(error)], "cell": "a worker"}).encode() + b"\n")
            finally:
                os._exit(0)
        children.append(child)
    os.close(writing)
    came = []
    with os.fdopen(reading) as lines:
        for line in lines:
            came.append(json.loads(line))
            if not came[-1].get("happened"):
                print(f"{came[-1]['cell']}: it did not come to that", file=sys.stderr, flush=True)
            if came[-1]["problems"]:
                print(f"{came[-1]['cell']}: {'; '.join(came[-1]['problems'])}", file=sys.stderr, flush=True)
    for child in children:
        os.waitpid(child, 0)
    return came


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--pace", type=float, default=1.0, help="1: an array restarts in about a second and a half")
    options.add_argument("--sample", action="store_true", help="one mishap at every boundary of every kind of step")
    given = options.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    chosen = sample(seed) if given.sample else drawn(seed, given.count)
    came = storm(chosen, given.workers, seed, given.pace)
    took = time.monotonic() - began
    bad = [one for one in came if one["problems"]]
    ended = Counter(one.get("ended", "nothing") for one in came)
    happened = sum(bool(one.get("happened")) for one in came)
    asked = sum(one.get("asked", 0) for one in came)
    print(f"{len(came)} runs, {happened} mishaps, {asked} questions to people, {took:.0f} s, seed {seed}")
    print("ended: " + ", ".join(f"{name} {number}" for name, number in ended.most_common()))
    print(f"{len(bad)} with a promise broken")
    sys.exit(bool(bad) or len(came) != len(chosen))


if __name__ == "__main__":
    main()
