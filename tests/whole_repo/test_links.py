"""What the pages point at is there: pages, headings, files named in backticks, tests that hold a promise."""

import ast
import re
from pathlib import Path

import pytest

from tests.repository import ROOT, files, name, parsed
from tests.whole_repo.test_layers import LAYERS, ONLY, PURE, PURE_FILES

PAGES = [path for path in files() if path.suffix == ".md"]
FENCE = re.compile(r"(?ms)^```.*?^```\n?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOPS = "app.py|config.yaml|(?:benchmarks|docs|gate|playbooks|requirements|static|templates|tests)/[A-Za-z0-9_./-]*"
NAMED = re.compile(rf"`({TOPS})(?:::(test_[a-z0-9_]+))?`")
MODEL = re.compile(r"[A-Z]{2,}")
"""A path with a word in capitals is a pattern, such as gate/checks/NAME.py."""

ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
THREATS = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    found: set[str] = set()
    for title in re.findall(r"(?m)^#+ (.*)$", _prose(page)):
        slug = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        found.add(next(one for one in (slug, *(f"{slug}-{n}" for n in range(1, 99))) if one not in found))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    for link in LINK.findall(_prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        whole = page.parent / target if target else page
        assert whole.exists(), link
        assert not anchor or anchor in _anchors(whole), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_and_test_that_a_page_names_is_there(page: Path) -> None:
    for path, test in NAMED.findall(page.read_text(encoding="utf-8")):
        if MODEL.search(path.replace("README", "").replace("CHANGELOG", "")):
            continue
        assert (ROOT / path).exists(), path
        if test:
            defined = {node.name for node in ast.walk(parsed(ROOT / path)) if isinstance(node, ast.FunctionDef)}
            assert test in defined, f"{path}::{test}"


def test_every_promise_names_a_test() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| .+? \| (.+) \|$", THREATS)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    assert all("::test_" in held for _, held in rows)


def test_the_picture_of_the_rooms_is_the_one_that_the_code_is_held_to() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| ((?:`[a-z]+` ?)+)\|", ARCHITECTURE)
    drawn = {int(number): set(re.findall(r"`([a-z]+)`", rooms)) for number, rooms in rows}
    assert drawn == dict(enumerate(LAYERS, start=1))
    assert list(drawn) == sorted(drawn, reverse=True), "the highest row stands on top"


def test_every_room_says_what_it_knows_and_never_touches() -> None:
    section = ARCHITECTURE.partition("## What each room")[2].partition("\n## ")[0]
    told = re.findall(r"(?m)^\| `([a-z]+)` \| [^|]+ \| [^|]+ \|$", section)
    assert sorted(told) == sorted(set().union(*LAYERS))


def test_the_page_says_which_rows_are_pure_and_which_rooms_are_held_tighter() -> None:
    found = re.search(r"Rows 1 to (\d+) are \*\*pure\*\*", ARCHITECTURE)
    assert found is not None
    assert set().union(*LAYERS[: int(found.group(1))]) == PURE
    assert all(f"`{path}`" in ARCHITECTURE for path in PURE_FILES)
    tighter = ARCHITECTURE.partition("Some rooms are held tighter")[2].partition("\n\n")[0]
    faces = {"api", "web", "serving"}
    assert all(f"`{room}`" in tighter for room in set(ONLY) - faces - {"export"})


def test_decisions_are_numbered_without_gaps_and_tell_what_they_cost() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        assert re.search(r"(?m)^Accepted, ", text), page.name
        assert {"## Context", "## Decision"} <= set(text.split("\n")), page.name
        assert re.search(r"(?m)^## (Negative consequences|Consequences)$", text), page.name
        if int(page.name[:4]) > 2:
            assert "## Negative consequences" in text.split("\n"), page.name
            assert "## Options" in text.split("\n"), page.name
        assert text.count("\n") <= 60, f"{page.name} is longer than a page"
