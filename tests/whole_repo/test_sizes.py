"""Small files, short functions, names that say something."""

import ast
from pathlib import Path

from tests.repository import below, modules, name, parsed

FILE_MAX = 300
FUNCTION_MAX = 60
LONGER: dict[str, int] = {
    "gate/change.py": 400,  # plain records, as below
    "gate/evidence.py": 700,  # plain records, one after the other; nothing in it decides
    "gate/export/verify.py": 1400,  # one file by contract: it is copied into every pack and needs nothing beside it
    "gate/inventory.py": 735,  # plain records, as above
    "gate/gather/gather.py": 350,  # one gathering from its first question to its evidence
    "gate/landscape.py": 310,  # one index and its look-ups
    "gate/settings.py": 315,  # every setting, and where what it names lies
    "gate/iscsi.py": 530,  # one protocol, RFC 7143: its PDUs make no sense apart
}
"""Files that may be longer, how much, and why."""

SHAPELESS = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}


def _lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def test_a_file_has_one_purpose_and_a_length_to_match() -> None:
    found = {name(path): _lines(path) for path in modules()}
    assert not {path: lines for path, lines in found.items() if lines > LONGER.get(path, FILE_MAX)}


def test_a_function_fits_on_a_screen() -> None:
    long = []
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_MAX:
                    long.append(f"{name(path)}: {node.name} has {length} lines")
    assert not long


def test_a_file_that_may_be_longer_exists_and_is() -> None:
    long = {name(path) for path in modules() if _lines(path) > FILE_MAX}
    assert set(LONGER) <= long


def test_a_module_is_named_for_what_it_is_about() -> None:
    found = below("gate", "tests", "docs", "benchmarks")
    assert not [name(path) for path in found if SHAPELESS & {*path.stem.split("_"), path.stem, path.parent.name}]
