"""docs/sangate-keyholder.service: systemd reads all of it, and it names what the documents and the program name."""

import configparser
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gate.cli.keyholder import run
from gate.document import read
from gate.keyholding.pinned import Pinned
from tests.parts import need

DOCS = Path(__file__).parents[2] / "docs"
UNIT = DOCS / "sangate-keyholder.service"


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)  # systemd adds up a filter that is said twice
    found.optionxform = str  # type: ignore[assignment,method-assign]  # the manner of configparser
    found.read(UNIT)
    return found


def test_systemd_understands_every_directive(tmp_path: Path) -> None:
    """The program is not there on this machine, and so another one stands in its place."""
    words = shlex.split(next(line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")))
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(words[0], f"ExecStart={sys.executable}"))
    analyze = [need("systemd-analyze"), "verify", str(copy)]
    done = subprocess.run(analyze, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_little_is_left_that_it_could_do_to_the_machine() -> None:
    words = [need("systemd-analyze"), "security", "--offline=true", "--threshold=25", str(UNIT)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_its_folder_and_socket_are_those_of_the_program_and_the_example(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    usual = {option.name: option.default for option in run.params}
    assert usual["data"] == Path("/var/lib") / service["StateDirectory"]
    assert service["StateDirectoryMode"] == "0700"
    pinned = read((DOCS / "keyholder.yaml").read_bytes(), "keyholder.yaml", Pinned)
    assert pinned.socket == f"/run/{service['RuntimeDirectory']}/socket"
    assert "RuntimeDirectoryMode" not in service, "the gate's user has to come through to the socket"
    assert shlex.split(service["ExecStart"])[1:] == ["keyholder", "run"]


def test_its_user_is_the_one_that_the_page_makes_and_not_the_gates(unit: configparser.ConfigParser) -> None:
    user, page = unit["Service"]["User"], (DOCS / "operations.md").read_text()
    assert f"--shell /usr/sbin/nologin {user}\n" in page
    assert f"/var/lib/{unit['Service']['StateDirectory']}" in page
    pinned = read((DOCS / "keyholder.yaml").read_bytes(), "keyholder.yaml", Pinned)
    assert user not in pinned.clients
    assert unit["Service"].get("PrivateUsers", "no") == "no", "SO_PEERCRED tells users of another namespace as nobody"
