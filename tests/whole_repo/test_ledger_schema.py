"""`sqlite_utils.Table.transform()` makes a table anew without its triggers, and says nothing: nobody may call it."""

import ast
from pathlib import Path

import pytest

from tests.repository import modules, name, parsed, room


def calls(path: Path) -> list[tuple[int, str]]:
    called = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    return [(func.lineno, func.attr) for func in called if isinstance(func, ast.Attribute)]


def test_no_table_is_transformed() -> None:
    made = [(name(path), *call) for path in modules() for call in calls(path)]
    assert [one for one in made if one[-1] in ("transform", "transform_sql")] == []


@pytest.mark.parametrize("path", [path for path in modules() if room(path) == "store"], ids=name)
def test_the_room_of_the_ledger_knows_no_library_that_could(path: Path) -> None:
    words = {word for node in ast.walk(parsed(path)) for word in _imported(node)}
    assert not words & {"sqlite_utils", "sqlalchemy"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name.split(".")[0] for one in node.names]
    return [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) else []
