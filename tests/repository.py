"""The files of the repository, as the tests about the whole of it see them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
GATE = ROOT / "gate"
MADE = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "__pycache__", "data", "dist"}
"""What make and the tools leave behind; asked only where git is not there to say."""


@cache
def files() -> tuple[Path, ...]:
    """Return every file that belongs to the repository, sorted: all that git does not ignore."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in ROOT.rglob("*") if not MADE & set(path.relative_to(ROOT).parts)]
    else:
        found = [ROOT / name for name in answer.split("\0") if name]
    return tuple(sorted(path for path in found if path.is_file()))


def below(*folders: str, suffix: str = ".py") -> list[Path]:
    """Return the files of one kind in the named top folders."""
    return [path for path in files() if path.suffix == suffix and path.relative_to(ROOT).parts[0] in folders]


def name(path: Path) -> str:
    """Return a path as the reader of a test report wants it."""
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules() -> list[Path]:
    """Return the Python files of the product."""
    return [path for path in below("gate") if path != GATE / "__init__.py"]


def room(path: Path) -> str:
    """Return the room of a product file: the folder or module directly in gate/."""
    return path.relative_to(GATE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[tuple[str, ...]]:
    """Return every import of a file as words, wherever it hides: top, inside a function, under TYPE_CHECKING."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ["."] * node.level + (node.module or "").split(".")
            found |= {(*start, alias.name) for alias in node.names}
    return found
