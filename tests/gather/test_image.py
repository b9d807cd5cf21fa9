"""The image on a real disk: one plain file is hashed, everything else is a sentence."""

import hashlib
import os
from pathlib import Path

import pytest

from gate.gather.image import LARGEST, read_image


def test_a_plain_file_is_hashed_and_counted(tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "a.img").write_bytes(content)
    reading = read_image(tmp_path, "a.img")
    assert (reading.size, reading.problem) == (3_000_001, "")
    assert reading.sha256 == "sha256:" + hashlib.sha256(content).hexdigest()
    assert reading.path == "a.img"


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.img").touch()
    assert read_image(tmp_path, "a.img").size == 0


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "a.img").symlink_to(tmp_path / "real")
    reading = read_image(tmp_path, "a.img")
    assert reading.sha256 is None
    assert reading.problem == "the image is a link, not a file"


def test_a_directory_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.img").mkdir()
    assert read_image(tmp_path, "a.img").problem == "the image is a directory"


def test_a_pipe_is_no_image_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.img")
    assert read_image(tmp_path, "a.img").problem == "the image is no plain file"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.img").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert "more than" in read_image(tmp_path, "a.img").problem


@pytest.mark.parametrize("name", ["missing.img", "a\0b", "x" * 300])
def test_what_is_not_there_is_a_problem(tmp_path: Path, name: str) -> None:
    reading = read_image(tmp_path, name)
    assert reading.sha256 is None
    assert reading.problem.startswith("the image cannot be read")
