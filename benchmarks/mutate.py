"""
Change one thing in a rule at a time, and see whether its tests notice.

    PYTHONPATH=. python benchmarks/mutate.py [--rules permits] [--only gate/approval.py …] [--every 1] [--jobs 2]

What is changed is told in `mutants.py`. The tests are collected once. Each then runs in a child of its own, which says
which lines of the rules it came to; each mutant runs in a child too, which asks the tests that came to its statement,
those of the same name and the narrowest first, up to the first that fails, which must then hold without the mutant:
one that needs a second may fail on a busy machine by itself. Tests that draw at random are left out, since what only
they notice is noticed by luck. What survives is printed with its line, and of each file how many were
tried; a mutant that changes nothing anybody could see is a survivor too.
"""

import argparse
import ast
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutants import Mutant, mutants, put


@dataclass(frozen=True)
class Ground:
    """Rules, and the tests that are to notice what is changed in them; both as patterns of paths."""

    rules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """The files of rules in order."""
        found = [str(path) for pattern in self.rules for path in sorted(Path().glob(pattern))]
        return [path for path in found if not path.endswith("__init__.py")]

    @property
    def asked(self) -> list[str]:
        """Files and folders of tests."""
        return sorted({str(path) for pattern in self.tests for path in Path("tests").glob(pattern)})


ROOMS = ("isolation", "fate", "coverage", "immutability", "rotation", "upkeep")
GROUNDS = {
    "evidence": Ground(
        (*(f"gate/{room}.py" for room in ROOMS), "gate/fate/*.py", "gate/checks/*.py"),
        ("checks", *(f"test_{room}*.py" for room in ROOMS)),
    ),
    "moves": Ground(
        (
            *(f"gate/{rule}.py" for rule in ("attendance", "canary", "escort", "mending", "person", "standing")),
            *(f"gate/{rule}.py" for rule in ("finding", "landscape", "verdict")),
            "gate/lifecycle/*.py",
        ),
        (
            *(f"test_{room}*.py" for room in ("attendance", "canary", "escort", "mending", "person", "lifecycle")),
            *(f"test_{room}*.py" for room in ("authority", "isolation", "standing", "verdict")),
            "engine/test_next.py",
            "engine/test_by_hand.py",
            "checks",
        ),
    ),
    "permits": Ground(
        (
            *(f"gate/{rule}.py" for rule in ("approval", "authority", "judgement", "waiver")),
            *(f"gate/keyholding/{rule}.py" for rule in ("carrying", "pinned", "rule", "verdict")),
            *(f"gate/permits/{rule}.py" for rule in ("office", "register")),
            "gate/engine/next.py",
        ),
        (
            *(f"test_{room}*.py" for room in ("approval", "authority", "judgement", "waiver", "permits", "escort")),
            *(f"keyholder/test_{about}.py" for about in ("compromised", "escorted", "pinned", "purposes")),
            *(f"engine/test_{about}.py" for about in ("next", "by_hand", "escorting", "act")),
            "keyholding",
            "permits",
        ),
    ),
}

LONGEST_S = 10
"""A mutant that goes in a circle is noticed by that: of processor, beside ten times what its tests took."""

TRIES = 3
"""How often a test that failed without a mutant is asked again."""

HELD, NOTICED, NOT_PUT = 0, 1, 3
"""How a child ends."""


@dataclass(frozen=True)
class Reach:
    """What one test did without any mutant."""

    item: pytest.Item
    lines: frozenset[tuple[str, int]]
    took_s: float


def _child(work: Callable[[int], int], most_s: int) -> tuple[int, int]:
    """Begin what is done in a child, which is given a pipe to write to; return its id and the end to read from."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s + 1))
    signal.alarm(most_s * 100)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        os._exit(work(writing))
    except BaseException:  # noqa: BLE001  whatever it is, it was noticed
        os._exit(NOTICED)


def _failing(items: list[pytest.Item]) -> pytest.Item | None:
    """Run tests up to the first that fails, and return that."""
    for item, after in zip(items, [*items, None][1:], strict=True):
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=after)):
            item.session._setupstate.teardown_exact(None)
            return item
    return None


def _lines(item: pytest.Item, files: Collection[str], writing: int) -> int:
    """Run one test and write to the pipe which lines of the files it came to, and its seconds of processor."""
    seen: set[tuple[str, int]] = set()

    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    threading.settrace(call)
    sys.settrace(call)
    failing = _failing([item])
    sys.settrace(None)
    with os.fdopen(writing, "w") as pipe:
        json.dump([time.process_time(), sorted(seen)], pipe)
    return NOTICED if failing else HELD


class Trial:
    """Instead of running the tests once, runs them for each mutant, each in a child."""

    def __init__(self, files: list[str], every: int, jobs: int) -> None:
        self.files, self.every, self.jobs = files, every, jobs
        self.survived = 0
        self.made = 0
        self.reached: list[Reach] = []
        self.under_way: dict[int, tuple[Mutant, int, int]] = {}
        """Child → its mutant, the end to read from, and which try it is."""

        self.ended: Counter[str] = Counter()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all of them; True: nothing is left for pytest to do."""
        items = [one for one in session.items if not hasattr(getattr(one, "obj", None), "hypothesis")]
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        gc.collect()
        gc.freeze()
        whole = {str(Path(path).absolute()): path for path in self.files}
        self.reached = [self._reach(item, whole) for item in items]
        self._untouched(items)
        self._say(f"{len(items)} tests, {sum(one.took_s for one in self.reached):.0f} s of processor")
        for path in self.files:
            self._try_all(path)
        return True

    def _untouched(self, items: list[pytest.Item]) -> None:
        """Try the way itself: every file put in unchanged, all tests in one child, and nothing fails."""

        def work(_: int) -> int:
            changed = [path for path in self.files if put(path, ast.parse(Path(path).read_text()))]
            return NOTICED if changed or _failing(items) else HELD

        child, reading = _child(work, LONGEST_S * 60)
        os.close(reading)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("tests fail without any mutant")

    def _reach(self, item: pytest.Item, whole: dict[str, str]) -> Reach:
        for _ in range(TRIES):
            child, reading = _child(lambda writing: _lines(item, whole, writing), LONGEST_S * 60)
            with os.fdopen(reading) as pipe:
                told = pipe.read()
            if os.waitpid(child, 0)[1] == HELD:
                took_s, lines = json.loads(told)
                return Reach(item, frozenset((whole[name], line) for name, line in lines), took_s)
        raise SystemExit(f"{item.nodeid} fails without any mutant")

    def _try_all(self, path: str) -> None:
        self.ended.clear()
        tried = 0
        for number, mutant in enumerate(mutants(path)):
            if number % self.every:
                continue
            if len(self.under_way) >= self.jobs:
                self._reap()
            tried += 1
            self._begin(mutant)
        while self.under_way:
            self._reap()
        self.made += tried
        self.survived += self.ended["survive"]
        self._say(", ".join([f"{path}: {tried} mutants", *(f"{many} {how}" for how, many in self.ended.items())]))

    def _begin(self, mutant: Mutant, attempt: int = 1) -> None:
        """Ask every test that comes to the statement."""
        places = {(mutant.path, line) for line in mutant.statement}
        own = f"test_{Path(mutant.path).stem}"
        asked = sorted(
            (one for one in self.reached if not places.isdisjoint(one.lines)),
            key=lambda one: (own not in one.item.nodeid, len(one.lines)),
        )

        def work(writing: int) -> int:
            try:
                changed = put(mutant.path, mutant.tree)
            except Exception:  # noqa: BLE001  it says nothing of the tests
                changed = 0
            if not changed:
                return NOT_PUT
            failing = _failing([one.item for one in asked])
            os.write(writing, failing.nodeid.encode() if failing else b"")
            return NOTICED if failing else HELD

        child, reading = _child(work, LONGEST_S + int(10 * sum(one.took_s for one in asked)))
        self.under_way[child] = mutant, reading, attempt
        if not asked:
            self._say(f"{mutant.path}:{mutant.line}: no test comes here")

    def _reap(self) -> None:
        child, status = os.wait()
        mutant, reading, attempt = self.under_way.pop(child)
        with os.fdopen(reading) as pipe:
            noticed_by = pipe.read()
        if os.WIFSIGNALED(status):
            self.ended["without end"] += 1
        elif status == HELD:
            self._told(mutant, "survive", mutant.what)
        elif os.waitstatus_to_exitcode(status) == NOT_PUT:
            self._told(mutant, "cannot be put", f"{mutant.what} cannot be put in its place")
        elif self._holds_now(noticed_by):
            return
        elif attempt < TRIES:
            self._begin(mutant, attempt + 1)
        else:
            self._told(mutant, "undecided", f"{mutant.what}: {noticed_by} fails without it too")

    def _told(self, mutant: Mutant, how: str, words: str) -> None:
        self.ended[how] += 1
        self._say(f"{mutant.path}:{mutant.line}: {words}")

    def _holds_now(self, name: str) -> bool:
        """Whether the test that failed with the mutant holds without it: on a busy machine one may fail by itself."""
        items = [one.item for one in self.reached if one.item.nodeid == name]
        child, reading = _child(lambda _: NOTICED if not items or _failing(items) else HELD, LONGEST_S * 60)
        os.close(reading)
        return os.waitpid(child, 0)[1] == HELD

    @staticmethod
    def _say(line: str) -> None:
        sys.__stdout__.write(f"{line}\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    """Print what survives, and the figure."""
    options = argparse.ArgumentParser(description="mutants of rules, and whether tests notice them")
    options.add_argument("--rules", choices=GROUNDS, default="evidence")
    options.add_argument("--only", nargs="+", default=[])
    options.add_argument("--every", type=int, default=1, help="take every n-th mutant of a file")
    options.add_argument("--jobs", type=int, default=2)
    given = options.parse_args()
    ground = GROUNDS[given.rules]
    trial = Trial(given.only or ground.files, given.every, given.jobs)
    plain = ["-q", "-s", "--assert=plain", "--tb=no"]
    without = [word for plugin in ("cacheprovider", "xdist", "logging") for word in ("-p", f"no:{plugin}")]
    with tempfile.TemporaryDirectory(prefix="sg.") as home:  # a folder of pytest's own is cleared by other runs of it
        pytest.main([*plain, *without, f"--basetemp={home}/t", *ground.asked], plugins=[trial])
    sys.stdout.write(f"{trial.made} mutants, {trial.survived} survive\n")


if __name__ == "__main__":
    main()
