"""What is written about the code is what the code says."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docs.generate import PAGES
from gate.document import read
from gate.lab.images import listing
from gate.policy import Policy
from gate.settings import Config, schema
from gate.tree import Path as Place
from gate.tree import compose
from tests.repository import GATE, ROOT, files, name

CONFIG = (ROOT / "config.yaml").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_made_from_the_code_is_current(page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == PAGES[page](), "make docs"


def _keys(node: dict[str, Any], root: dict[str, Any]) -> set[str]:
    """Return every key that the schema knows, however deep."""
    found: set[str] = set()
    for definition in root["$defs"].values():
        found |= set(definition.get("properties", {}))
    return found | set(node["properties"])


def test_every_setting_stands_in_config_yaml_with_a_comment() -> None:
    # What the demo fleet does not have: a pair, a database server, a repository with a password, another medium,
    # files served over a network, a virtualiser, a hypervisor.
    optional = {"partner", "port", "database", "statements", "sql", "expect", "name", "config_file", "password_file"}
    optional |= {"region", "read_parts", "object_store"}
    # Nor a service on an array of its own, or in governance mode; nor another way in for production; nor a reporter.
    optional |= {"on_arrays", "bypass_holders", "production", "user", "reporters"}
    optional |= {"append_only_server"}  # nor a server that only adds
    optional |= {"url", "vkey"}  # nor has it a witness
    optional |= {"addresses", "target_ports", "behind", "on_arrays", "cluster", "disks", "disk", "datastore"}
    commented = set(re.findall(r"(?m)^[ #-]*([a-z0-9_]+):.*?  # \S", CONFIG))
    titles = set(re.findall(r"(?m)^([a-z]+):", CONFIG)) | {"hosts", "datasets", "protections", "arrays"}
    silent = _keys(schema(), schema()) - commented - titles - optional
    assert not silent


def test_every_limit_of_the_policy_says_where_its_number_comes_from() -> None:
    written = compose(CONFIG.encode(), "config.yaml")
    lines = CONFIG.split("\n")
    for limit in Policy.model_fields:
        spot: Place = ("policy", limit)
        line = lines[written.position(spot, key=True)[0] - 1]
        assert "  # " in line, limit


def test_the_images_of_the_demo_are_allowed_by_their_true_digests() -> None:
    made = {file: (version, digest) for file, version, digest in listing()}
    allowed = read(CONFIG.encode(), "config.yaml", Config).images.allowed
    assert allowed
    for image in allowed:
        assert made[image.file] == (image.version, image.sha256)


def test_every_check_has_a_file_of_its_name_and_its_own_words() -> None:
    table = importlib.import_module("gate.checks").CHECKS
    questions = {module.CHECK.question for module in table}
    assert len(questions) == len(table)
    for module in table:
        check = module.CHECK
        assert module.__name__.rpartition(".")[2] == check.name.replace("-", "_")
        assert check.question.endswith("?")
        assert check.meaning.endswith(".")
        assert check.way_out.endswith(".")
    asking = {path.stem for path in (GATE / "checks").glob("*.py") if "\nCHECK = " in path.read_text(encoding="utf-8")}
    assert asking == {module.__name__.rpartition(".")[2] for module in table}


@pytest.mark.parametrize("page", [path for path in files() if path.suffix == ".md"], ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        whole = (page.parent / target) if target else page
        assert whole.exists(), link
        if anchor and whole.suffix == ".md":
            titles = re.findall(r"(?m)^#+ (.*)$", whole.read_text(encoding="utf-8"))
            slugs = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, link


def test_the_project_names_the_requirements_that_are_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {line for line in (ROOT / "requirements/core.in").read_text(encoding="utf-8").split("\n") if line}
    assert set(project["project"]["dependencies"]) == asked


@pytest.mark.parametrize("lock", ["core", "build", "dev", "peers"])
def test_every_requirement_is_pinned_by_hash_and_names_no_registry(lock: str) -> None:
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=\S)", text.strip()):
        pinned = re.match(r"[a-z0-9._-]+==\S+( ; [^\\\n]+)? \\\n    --hash=sha256:[0-9a-f]{64}", entry)
        assert pinned, entry[:80]
    for wanted in (ROOT / f"requirements/{lock}.in").read_text(encoding="utf-8").split("\n"):
        if wanted and not wanted.startswith(("-r", "-c")):
            assert re.search(rf"(?m)^{re.split('[<>=]', wanted)[0]}==", text), wanted
    assert "://" not in text
