"""Tests go through real parts: patches are counted, and so are waits for the clock and what several files share."""

import ast
from collections.abc import Iterator

from tests.repository import below, name, parsed

SHARE_MAX = 0.05
PATCHING = {"patch", "Mock", "MagicMock", "AsyncMock", "create_autospec", "PropertyMock"}
TIMED = {"perf_counter", "monotonic", "time", "process_time", "perf_counter_ns", "monotonic_ns", "time_ns"}

SHARED = {"backups": {"site"}, "export": {"packed"}, "tests": {"cheap_passwords"}, "web": {"made"}}
"""Fixtures for the tests of several files: nothing that they give can be changed by one of them."""


def _functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in below("tests"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name(path)}:{node.lineno}", node


def _called(node: ast.Call) -> tuple[str, str]:
    """Return the words before and after the last dot of what is called."""
    if isinstance(node.func, ast.Attribute):
        return ast.unparse(node.func.value), node.func.attr
    return "", ast.unparse(node.func)


def test_at_most_one_test_in_twenty_replaces_a_part() -> None:
    tests = [place for place, node in _functions() if node.name.startswith("test_")]
    patches = []
    for place, function in _functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                before, last = _called(node)
                replaces = before.endswith("monkeypatch") and last not in ("chdir", "context", "undo")
                if replaces or last in PATCHING or before.rpartition(".")[2] in PATCHING:
                    patches.append(f"{place}: {before}.{last}")
    assert len(patches) <= SHARE_MAX * len(tests), patches


def test_no_test_asserts_how_long_something_took() -> None:
    timed = []
    for place, function in _functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Assert):
                spans = [
                    inner for inner in ast.walk(node) if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub)
                ]
                calls = [_called(call) for span in spans for call in ast.walk(span) if isinstance(call, ast.Call)]
                if any(before == "time" and last in TIMED for before, last in calls):
                    timed.append(place)
    assert not timed, "a slow machine would fail these; wait for the event instead"


def test_every_test_is_named_by_a_sentence() -> None:
    short = [
        f"{place} {node.name}"
        for place, node in _functions()
        if node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert not short


def test_what_a_test_can_change_is_shared_with_its_own_file_at_most() -> None:
    found: dict[str, set[str]] = {}
    for place, function in _functions():
        lasts = any("scope='session'" in ast.unparse(one) for one in function.decorator_list)
        path = place.partition(":")[0]
        if lasts and path.endswith("conftest.py"):
            found.setdefault(path.split("/")[-2], set()).add(function.name)
    assert found == SHARED, "the tests of other files, any of them, were there before"
