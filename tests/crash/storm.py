"""
Harm of every kind at random boundaries of random steps, a thousand times; afterwards the array itself is asked.

    python -m tests.crash.storm [--count N] [--workers N] [--seed N] [--pace SECONDS] [--record FILE] [--only PATTERN]

One that was interrupted goes on with the same seed and the same record.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.crash.bench import bench, steps_of, words
from tests.crash.cells import Cell, cells
from tests.crash.play import play
from tests.places import network

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
    found = [cell for cell in every_cell() if not cell.rare]
    chance.shuffle(found)
    taken: dict[tuple[str, str], Cell] = {}
    used: Counter[tuple[str, str]] = Counter()
    for place in dict.fromkeys((cell.kind, cell.boundary) for cell in found):
        there = (cell for cell in found if (cell.kind, cell.boundary) == place)
        taken[place] = min(there, key=lambda cell: used[cell.party, cell.mishap])
        used[taken[place].party, taken[place].mishap] += 1
    missing = {(cell.party, cell.mishap): cell for cell in found if not used[cell.party, cell.mishap]}
    return [*taken.values(), *missing.values()]


def rare(seed: int) -> list[Cell]:
    """Return, of a contractor's steps and of arrays that are killed, every mishap at every boundary, kinds in turn."""
    chance = random.Random(seed)
    found = [cell for cell in every_cell() if cell.rare]
    chance.shuffle(found)
    taken: list[Cell] = []
    used: Counter[tuple[str, str]] = Counter()
    for place in dict.fromkeys((cell.party, cell.mishap, cell.boundary) for cell in found):
        there = (cell for cell in found if (cell.party, cell.mishap, cell.boundary) == place)
        taken.append(min(there, key=lambda cell: used[cell.kind, cell.boundary]))
        used[taken[-1].kind, taken[-1].boundary] += 1
    return taken


Numbered = tuple[int, Cell]


def work(seed: int, share: list[Numbered], at: str, out: int, pace: float, carried: bool) -> None:
    """Play some runs and write a line of JSON for each; a run's chance is that of its number."""
    with tempfile.TemporaryDirectory(prefix="crash-") as home:
        for first in range(0, len(share), LAB):
            some = share[first : first + LAB]
            apart = sum(cell.apart for _, cell in some)
            with bench(Path(home) / str(first), at, len(some), pace, apart, carried) as made:
                for number, cell in some:
                    try:
                        came = asdict(play(made.run(cell, random.Random(f"{seed} {number}"))))
                    except Exception as error:  # noqa: BLE001  a fault of the bench itself is a failed run
                        came = {"problems": [repr(error)], "cell": str(cell)}
                    os.write(out, json.dumps({"number": number, **came}).encode() + b"\n")


def storm(
    chosen: list[Numbered], workers: int, seed: int, pace: float, carried: bool = False
) -> Iterator[dict[str, Any]]:
    """Play runs in so many processes side by side; give what each came to."""
    reading, writing = os.pipe()
    children = []
    for worker in range(workers):
        child = os.fork()
        if not child:
            os.close(reading)
            try:
                work(seed, chosen[worker::workers], network(), writing, pace, carried)
            except BaseException as error:  # noqa: BLE001  a worker that stumbles is a failed run
                os.write(writing, json.dumps({"problems": [repr(error)], "cell": "a worker"}).encode() + b"\n")
            finally:
                os._exit(0)
        children.append(child)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            came = json.loads(line)
            if not came.get("happened"):
                print(f"{came['cell']}: it did not come to that", file=sys.stderr, flush=True)
            if came["problems"]:
                print(f"{came['cell']}: {'; '.join(came['problems'])}", file=sys.stderr, flush=True)
            yield came
    for child in children:
        os.waitpid(child, 0)


def recorded(file: Path | None, seed: int) -> list[dict[str, Any]]:
    """Return what came of the runs of that seed so far."""
    if file is None or not file.exists():
        return []
    return [one for one in map(json.loads, file.read_text().splitlines()) if one["seed"] == seed and "number" in one]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--pace", type=float, default=1.0, help="1: an array restarts in about a second and a half")
    options.add_argument("--sample", action="store_true", help="one mishap at every boundary of every kind of step")
    options.add_argument("--rare", action="store_true", help="likewise of contractors and of arrays that are killed")
    options.add_argument("--only", help="each cell whose words this pattern is found in, once, instead of random ones")
    options.add_argument("--record", type=Path, help="a line for each run; runs that it has already are not played")
    options.add_argument("--carried", action="store_true", help="keyholders send the steps themselves")
    given = options.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    chosen = list(enumerate(_chosen(given, seed)))
    came = recorded(given.record, seed)
    before = {one["number"] for one in came}
    left = [one for one in chosen if one[0] not in before]
    with given.record.open("a") if given.record else nullcontext() as record:
        for one in storm(left, given.workers, seed, given.pace, given.carried):
            came.append(one)
            if record is not None:
                print(json.dumps({"seed": seed, **one}), file=record, flush=True)
    told(came, f"{time.monotonic() - began:.0f} s, seed {seed}")
    sys.exit(any(one["problems"] for one in came) or len(came) != len(chosen))


ELSEWHERE = ("half-sent", "sent")
"""Boundaries on the wire of the gate: what a keyholder sends itself leaves by another process."""


def _chosen(given: argparse.Namespace, seed: int) -> list[Cell]:
    if given.only:
        found = [cell for cell in every_cell() if re.search(given.only, str(cell))]
        return [cell for cell in found if not (given.carried and cell.boundary in ELSEWHERE)]
    if given.sample or given.rare:
        return (sample(seed) if given.sample else []) + (rare(seed) if given.rare else [])
    return drawn(seed, given.count)


def told(came: list[dict[str, Any]], how: str) -> None:
    """Print what came of all of them."""
    happened, asked = sum(bool(one.get("happened")) for one in came), sum(one.get("asked", 0) for one in came)
    ended = Counter(one.get("ended", "nothing") for one in came)
    print(f"{len(came)} runs, {happened} mishaps, {asked} questions to people, {how}")
    print("ended: " + ", ".join(f"{name} {number}" for name, number in ended.most_common()))
    print(f"{sum(bool(one['problems']) for one in came)} with a promise broken")


if __name__ == "__main__":
    main()
