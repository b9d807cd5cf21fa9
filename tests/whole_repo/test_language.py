"""What no file of the repository contains."""

import re
from pathlib import Path

import pytest

from tests.repository import ROOT, files, name

TEXT = {".py", ".md", ".yaml", ".toml", ".html", ".css", ".js", ".svg", ".txt", ".in", ".json", ""}
TABBED = {"Makefile"}
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
PLACES = re.compile(r"(?<![\w.])/(work|root|home/[a-z]+)/|/tmp/(sangate|bash_jobs)|file:///")
"""Paths of somebody's own machine."""

REGISTRY = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|files\.pythonhosted|pypi\.org/simple")
TURNED = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff]")
"""Characters that make a reader see something else than the machine reads."""

LINES = [path for path in files() if path.suffix in TEXT and path.name != "LICENSE" and "vendor" not in path.parts]


def _find(pattern: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [f"{name(path)}:{number}: {line}" for number, line in enumerate(lines, start=1) if pattern.search(line)]


@pytest.mark.parametrize("path", LINES, ids=name)
def test_text_is_plain_and_finished(path: Path) -> None:
    assert not _find(UNFINISHED, path)
    assert not _find(re.compile(r"[ \t]+$|\r$"), path)
    if path != Path(__file__):
        assert not _find(TURNED, path)
    if path.name not in TABBED:
        assert not _find(re.compile(r"\t"), path)
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".json":  # canonical bytes have no line end
        assert not text or text.endswith("\n"), "the last line has no end"
        assert not text.endswith("\n\n"), "an empty line at the end"


@pytest.mark.parametrize("path", [path for path in LINES if path != Path(__file__)], ids=name)
def test_no_file_knows_the_machine_it_was_written_on(path: Path) -> None:
    assert not _find(PLACES, path)
    assert not _find(REGISTRY, path)


def test_every_line_of_prose_fits_the_width() -> None:
    wide = []
    for path in LINES:
        # ruff measures Python; the page of the checks is made from their own words, a line each.
        if path.suffix in (".md", ".yaml", ".toml") and path.name != "checks.md":
            text = re.sub(
                r"(?ms)^```.*?^```$", lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8")
            )
            for number, line in enumerate(text.split("\n"), start=1):
                if len(line) > 120 and not line.lstrip().startswith(("|", "http")) and "](" not in line:
                    wide.append(f"{name(path)}:{number}")
    assert not wide


def test_names_of_files_are_plain() -> None:
    strange = [name(path) for path in files() if not re.fullmatch(r"[A-Za-z0-9._/-]+", str(path.relative_to(ROOT)))]
    assert not strange
