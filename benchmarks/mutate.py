"""
Change one thing in a rule at a time, and see whether its tests notice.

    PYTHONPATH=. python benchmarks/mutate.py [--only gate/checks/backup_recent.py] [--every 1] [--jobs 2]

Comparisons are turned and moved by one, `and` and `or` exchanged, conditions denied, numbers raised, truths, outcomes
and relations exchanged, minima made maxima. Sentences, records of checks and annotations are left alone. Each mutant
runs in a child of its own, which takes over the tests that were collected once, those of the same name first; tests
that draw at random are left out, since what only they notice is noticed by luck. What survives is printed with its
line, and of each file how many were tried; a mutant that changes nothing anybody could see is a survivor too.
"""

import argparse
import ast
import copy
import importlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol


def _room(rule: str) -> str:
    """Return the name of the room that a file belongs to, as its tests are called."""
    return Path(rule).parts[1].removesuffix(".py")


RULES = (
    "gate/isolation.py",
    "gate/fate/pair.py",
    "gate/fate/rows.py",
    "gate/fate/rules.py",
    "gate/coverage.py",
    "gate/immutability.py",
    "gate/rotation.py",
    "gate/upkeep.py",
)
TESTS = (
    "tests/checks",
    *sorted({str(path) for rule in RULES for path in Path("tests").glob(f"test_{_room(rule)}*.py")}),
)
LONGEST_S = 120
"""A mutant that goes in a circle is noticed by that: of processor, since on a busy machine the clock says nothing."""

TURNED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}  # fmt: skip
OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
WORDS = {
    "PASSED": "FAILED", "FAILED": "PASSED", "UNKNOWN": "PASSED", "SAME": "DIFFERENT", "DIFFERENT": "SAME",
    "SIGN": "BLOCK", "BLOCK": "SIGN",
}  # fmt: skip
NAMED: dict[str, str] = {}
"""Likewise of what a file imports by name: set for each file, since `UNKNOWN` is an outcome here, a relation there."""

CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    what: str
    tree: ast.Module


def _changed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may stand in the place of a node, with a word for it."""
    if isinstance(node, ast.Compare):
        for number, op in enumerate(node.ops):
            for other in TURNED[type(op)]:
                made = copy.deepcopy(node)
                made.ops[number] = other()
                yield f"{type(op).__name__} -> {other.__name__}", made
    elif isinstance(node, ast.BoolOp):
        swap = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{type(node.op).__name__} -> {type(swap).__name__}", ast.BoolOp(swap, node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield f"{node.value} -> {node.value + 1}", ast.Constant(node.value + 1)
    elif isinstance(node, ast.BinOp) and type(node.op) in OTHER:
        made_op = OTHER[type(node.op)]
        yield f"{type(node.op).__name__} -> {made_op.__name__}", ast.BinOp(node.left, made_op(), node.right)
    elif isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        made_if = copy.deepcopy(node)
        made_if.test = ast.UnaryOp(ast.Not(), made_if.test)
        yield "condition denied", made_if
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value == "":
        yield '"" -> "mutant"', ast.Return(ast.Constant("mutant"))
    yield from _renamed(node)


def _renamed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Attribute) and node.attr in WORDS and isinstance(node.value, ast.Name):
        word = "DIFFERENT" if (node.value.id, node.attr) == ("Relation", "UNKNOWN") else WORDS[node.attr]
        yield f"{node.attr} -> {word}", ast.Attribute(node.value, word, node.ctx)
    elif isinstance(node, ast.Name) and node.id in NAMED:
        yield f"{node.id} -> {NAMED[node.id]}", ast.Name(NAMED[node.id], node.ctx)
    elif isinstance(node, ast.Name) and node.id in CALLS:
        yield f"{node.id} -> {CALLS[node.id]}", ast.Name(CALLS[node.id], node.ctx)


def _named(there: set[str]) -> dict[str, str]:
    """Return which of a file's names is exchanged for which: only for one that the file has, else any test would do."""
    good = "PASSED" if "PASSED" in there else "DIFFERENT"
    wanted = {"PASSED": "FAILED", "FAILED": "PASSED", "SAME": "DIFFERENT", "DIFFERENT": "SAME", "UNKNOWN": good}
    return {name: other for name, other in wanted.items() if name in there and other in there}


def _places(node: ast.AST, way: tuple[tuple[str, int | None], ...] = ()) -> Iterator[tuple[Any, ast.AST]]:
    """Yield every node of a function that may be changed, with the way to it."""
    yield way, node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args", "keywords") and isinstance(node, ast.arg):
            continue
        if name in ("annotation", "returns", "decorator_list") or isinstance(value, ast.JoinedStr):
            continue
        if isinstance(node, ast.FunctionDef | ast.Lambda) and name == "args":
            continue
        for number, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _places(child, (*way, (name, number)))


def mutants(path: str) -> Iterator[Mutant]:
    """Yield every mutant of one file's functions."""
    tree = ast.parse(Path(path).read_text())
    NAMED.clear()
    NAMED.update(
        _named(
            {one.name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for one in each.names}
            | {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        )
    )
    for way, node in _places(tree):
        if not way or not any(isinstance(one, ast.FunctionDef) for one in _along(tree, way)):
            continue
        for what, made in _changed(node):
            changed = copy.deepcopy(tree)
            parent: Any = changed
            for name, number in way[:-1]:
                parent = getattr(parent, name) if number is None else getattr(parent, name)[number]
            name, number = way[-1]
            if number is None:
                setattr(parent, name, made)
            else:
                getattr(parent, name)[number] = made
            yield Mutant(path, getattr(node, "lineno", 0), what, ast.fix_missing_locations(changed))


def _along(tree: ast.AST, way: tuple[tuple[str, int | None], ...]) -> Iterator[ast.AST]:
    here: Any = tree
    for name, number in way:
        here = getattr(here, name) if number is None else getattr(here, name)[number]
        yield here


def put(mutant: Mutant) -> None:
    """Give every function of the loaded module the code of the mutant, wherever that function was imported to."""
    name = mutant.path.removesuffix(".py").replace("/", ".")
    old, new = importlib.import_module(name), ModuleType(name)
    new.__dict__.update({"__file__": mutant.path, "__package__": name.rpartition(".")[0]})
    exec(compile(mutant.tree, mutant.path, "exec"), new.__dict__)  # noqa: S102  our own file, one node changed
    _transplant(vars(old), vars(new), name)


def _transplant(old: Any, new: Any, module: str) -> None:
    for name, was in list(old.items()):
        given = new.get(name)
        if isinstance(was, type) and was.__module__ == module and isinstance(given, type):
            _transplant(vars(was), vars(given), module)
        function, other = _function(was), _function(given)
        if function is not None and other is not None and function.__module__ == module:
            function.__code__ = other.__code__


def _function(thing: Any) -> FunctionType | None:
    for inner in ("fget", "func", "__wrapped__"):
        found = getattr(thing, inner, None)
        if isinstance(found, FunctionType):
            return found
    return thing if isinstance(thing, FunctionType) else None


class Trial:
    """Instead of running the tests once, runs them for each mutant, each in a child."""

    def __init__(self, files: list[str], every: int, jobs: int) -> None:
        self.files, self.every, self.jobs = files, every, jobs
        self.survived: list[Mutant] = []
        self.made = 0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all of them; True: nothing is left for pytest to do."""
        session.items = [one for one in session.items if not hasattr(getattr(one, "obj", None), "hypothesis")]
        if not self._holds(session.items):
            raise SystemExit("the tests fail without any mutant")
        under_way: dict[int, Mutant] = {}
        for path in self.files:
            before = self.made
            for number, mutant in enumerate(mutants(path)):
                if number % self.every:
                    continue
                if len(under_way) >= self.jobs:
                    self._reap(under_way)
                self.made += 1
                under_way[self._child(mutant, session.items)] = mutant
            self._say(f"{path}: {self.made - before} mutants")
        while under_way:
            self._reap(under_way)
        return True

    def _child(self, mutant: Mutant, items: list[pytest.Item]) -> int:
        child = os.fork()
        if child:
            return child
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
        signal.alarm(LONGEST_S * 30)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            put(mutant)
            os._exit(0 if self._holds(self._ordered(items, mutant.path)) else 1)
        except BaseException:  # noqa: BLE001  whatever it is, it was noticed
            os._exit(1)

    def _reap(self, under_way: dict[int, Mutant]) -> None:
        child, status = os.wait()
        mutant = under_way.pop(child)
        if status == 0:
            self.survived.append(mutant)
            self._say(f"{mutant.path}:{mutant.line}: {mutant.what}")

    @staticmethod
    def _say(line: str) -> None:
        sys.__stdout__.write(f"{line}\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]

    @staticmethod
    def _ordered(items: list[pytest.Item], path: str) -> list[pytest.Item]:
        own = f"test_{Path(path).stem}"
        return sorted(items, key=lambda item: own not in item.nodeid)

    @staticmethod
    def _holds(items: list[pytest.Item]) -> bool:
        return all(not report.failed for item in items for report in runtestprotocol(item, log=False))


def main() -> None:
    """Print what survives, and the figure."""
    options = argparse.ArgumentParser(description="mutants of the rules about evidence")
    options.add_argument("--only", nargs="+", default=[])
    options.add_argument("--every", type=int, default=1, help="take every n-th mutant of a file")
    options.add_argument("--jobs", type=int, default=2)
    given = options.parse_args()
    checks = sorted(str(path) for path in Path("gate/checks").glob("*.py") if path.name != "__init__.py")
    trial = Trial(given.only or [*RULES, *checks], given.every, given.jobs)
    pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS], plugins=[trial])
    sys.stdout.write(f"{trial.made} mutants, {len(trial.survived)} survive\n")


if __name__ == "__main__":
    main()
