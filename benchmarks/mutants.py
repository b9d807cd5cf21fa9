"""
The mutants of a file of rules: one thing changed in one function at a time, put in the place of the loaded code.

Comparisons are turned and moved by one, `and` and `or` exchanged, conditions denied, numbers raised, truths, outcomes
and relations exchanged, minima made maxima. Sentences, records of checks and annotations are left alone.
"""

import ast
import copy
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

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
    statement: range
    """The lines of the statement it is in: a test that comes to none of them cannot notice it."""


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
            whole = ast.fix_missing_locations(changed)
            yield Mutant(path, getattr(node, "lineno", 0), what, whole, _statement(list(_along(tree, way))))


def _along(tree: ast.AST, way: tuple[tuple[str, int | None], ...]) -> Iterator[ast.AST]:
    here: Any = tree
    for name, number in way:
        here = getattr(here, name) if number is None else getattr(here, name)[number]
        yield here


def _statement(way: list[ast.AST]) -> range:
    """Return the lines of the innermost statement, without those of the statements in its body."""
    inner = next(one for one in reversed(way) if isinstance(one, ast.stmt))
    if isinstance(inner, ast.If | ast.For | ast.While | ast.With):
        return range(inner.lineno, max(inner.body[0].lineno, inner.lineno + 1))
    return range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)


def put(path: str, tree: ast.Module) -> int:
    """
    Give every function of the loaded module its code in this tree, wherever that function was imported to.

    Return how many of them are other than before.
    """
    name = path.removesuffix(".py").replace("/", ".")
    old, new = importlib.import_module(name), ModuleType(name)
    new.__dict__.update({"__file__": path, "__package__": name.rpartition(".")[0]})
    exec(compile(tree, path, "exec"), new.__dict__)  # noqa: S102  our own file, at most one node changed
    return _transplant(vars(old), vars(new), name)


def _transplant(old: Any, new: Any, module: str) -> int:
    changed = 0
    for name, was in list(old.items()):
        given = new.get(name)
        if isinstance(was, type) and was.__module__ == module and isinstance(given, type):
            changed += _transplant(vars(was), vars(given), module)
        function, other = _function(was), _function(given)
        if function is not None and other is not None and function.__module__ == module:
            changed += function.__code__ != other.__code__
            function.__code__ = other.__code__
    return changed


def _function(thing: Any) -> FunctionType | None:
    for inner in ("fget", "func", "__wrapped__"):
        found = getattr(thing, inner, None)
        if isinstance(found, FunctionType):
            return found
    return thing if isinstance(thing, FunctionType) else None
