"""What no file of the repository contains."""

import re
from pathlib import Path

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


def _find(pattern: re.Pattern[str], *excused: str) -> list[str]:
    """Return every line of a file that is not excused in which the pattern is found."""
    found = []
    for path in LINES:
        text = path.read_text(encoding="utf-8")
        if path.name not in excused and pattern.search(text):
            lines = enumerate(text.split("\n"), start=1)
            found += [f"{name(path)}:{number}: {line}" for number, line in lines if pattern.search(line)]
    return found


HERE = Path(__file__).name


def test_text_is_plain_and_finished() -> None:
    assert not _find(UNFINISHED)
    assert not _find(re.compile(r"(?m)[ \t]+$|\r$"))
    assert not _find(TURNED, HERE)
    assert not _find(re.compile(r"\t"), *TABBED)
    for path in LINES:
        text = path.read_bytes()
        if path.suffix != ".json":  # canonical bytes have no line end
            assert not text or text.endswith(b"\n"), f"{name(path)}: the last line has no end"
            assert not text.endswith(b"\n\n"), f"{name(path)}: an empty line at the end"


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert not _find(PLACES, HERE)
    assert not _find(REGISTRY, HERE)


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
