"""Every trap of evidence that the page tells of is held by a test that exists."""

import ast
import re
from collections import Counter
from functools import cache

import pytest

from tests.repository import ROOT

PAGE = (ROOT / "docs" / "evidence-traps.md").read_text(encoding="utf-8")
TEST = re.compile(r"`([a-z_/0-9]+\.py)::(test_[a-z0-9_]+)`")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| trap ")]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS)
def test_each_trap_names_tests_that_exist(row: str) -> None:
    cells = row.strip("| ").split(" | ")
    assert len(cells) == 3
    named = TEST.findall(cells[1])
    assert " ".join(f"`{path}::{name}`" for path, name in named) == cells[1]
    missing = [name for path, name in named if name not in names_in(path)]
    assert named
    assert not missing


def test_no_trap_is_told_twice_and_none_is_lost() -> None:
    twice = [trap for trap, times in Counter(row.split(" | ")[0] for row in ROWS).items() if times > 1]
    assert not twice
    assert len(ROWS) > 90
