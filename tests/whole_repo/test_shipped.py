"""What somebody gets who installs the wheel, and what somebody sees who runs make."""

import io
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from gate.settings import load, shipped
from tests.parts import SWITCH, need
from tests.repository import ROOT, below, files

DATA = ("playbooks", "static", "templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if find_spec("hatchling") is None and os.environ.get(SWITCH) != "1":
        pytest.skip("hatchling is not installed here; make setup brings it")
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(io.BytesIO(built.read_bytes()))


def test_the_wheel_holds_code_pages_playbooks_and_configuration(wheel: zipfile.ZipFile) -> None:
    code = {str(path.relative_to(ROOT)) for path in below("gate")}
    data = {f"gate/{path.relative_to(ROOT)}" for path in files() if path.relative_to(ROOT).parts[0] in DATA}
    assert (code | data | {"gate/config.yaml"}) <= set(wheel.namelist())


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    entries = wheel.namelist()
    assert {entry.partition("/")[0] for entry in entries if ".dist-info/" not in entry} == {"gate"}
    assert not [entry for entry in entries if "__pycache__" in entry or "/tests/" in entry]


def test_what_is_shipped_is_found_beside_the_package_in_a_checkout() -> None:
    for name in (*DATA, "config.yaml", "playbooks/storage-virtualize/upgrade.yaml"):
        assert shipped(name) == ROOT / name


def test_what_is_shipped_is_found_inside_an_installed_package(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    words = (
        "from gate.settings import load, shipped; print(shipped('templates'), load(shipped('config.yaml')).playbooks)"
    )
    place = {"PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", words], cwd=tmp_path, env=os.environ | place, check=True, capture_output=True, text=True
    )
    inside = tmp_path / "site" / "gate"
    assert answer.stdout.split() == [str(inside / "templates"), str(inside / "playbooks")]


def test_every_playbook_that_is_shipped_can_be_named() -> None:
    settings = load(ROOT / "config.yaml")
    names = [path.relative_to(ROOT / "playbooks").with_suffix("") for path in below("playbooks", suffix=".yaml")]
    assert all(settings.read_playbook(str(name)) for name in names)


def test_make_alone_lists_its_targets() -> None:
    answer = subprocess.run(
        [need("make"), "-C", str(ROOT), "-s"], check=True, capture_output=True, text=True, timeout=30
    )
    listed = {line.split()[1] for line in answer.stdout.splitlines()}
    assert {"demo", "test", "check", "bench", "lock", "clean"} <= listed


@pytest.mark.parametrize(
    ("wanting", "sentence"),
    [
        ("version_info", "sangate needs Python 3.11 or later"),
        ("ensurepip", "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"),
    ],
)
def test_make_says_in_a_sentence_what_the_machine_lacks(tmp_path: Path, wanting: str, sentence: str) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "python").write_text(f'#!/bin/sh\ncase "$2" in *{wanting}*) exit 1;; esac\n', encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    for needed in ("requirements/core.txt", "requirements/build.txt", "pyproject.toml", "gate/__init__.py"):
        (tmp_path / needed).parent.mkdir(exist_ok=True)
        (tmp_path / needed).touch()
    command = [need("make"), "-C", str(tmp_path), "-s", "demo", "PYTHON=./python"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert answer.returncode != 0
    assert sentence in answer.stderr
