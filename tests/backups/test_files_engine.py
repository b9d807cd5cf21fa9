"""The digest over a tree: everything that is in it changes it, and what cannot be read is never left out."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.backups.answers import Unread
from gate.backups.examiner import Opened, Restored
from gate.backups.files_engine import EXAMINER
from gate.backups.files_tree import hashed, holds_names
from gate.evidence import BackupRun, Reply, TableDigest
from gate.inventory import Dataset, Engine, Statement
from tests.backups.local import Asker, Machine, drive, failed, lost, saying

AWKWARD = ["plain", "with space", "line\nend", "back\\slash", "quote'\"", "Ümlaut", "-rf", "*", "$(touch x)"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "empty").mkdir()
    for number, name in enumerate(AWKWARD):
        (root / "deep" / name).write_bytes(b"%d" % number)
    (root / "deep" / "er" / "none").write_bytes(b"")
    (root / "link").symlink_to("deep/plain")
    os.mknod(root / "deep" / os.fsdecode(b"\xff\xfe"), 0o600)
    return root


def dataset(path: Path, **more: object) -> Dataset:
    told = {"id": "photos", "tier": 2, "engine": Engine.FILES, "host": "db-1", "path": str(path), "mount": str(path)}
    return Dataset.model_validate(told | more)


def opened(path: Path, asker: Asker | None = None, **more: object) -> Opened:
    run = BackupRun("r", datetime.now(UTC), 1)
    restored = Restored(str(path), dataset(path, **more), run, str(path.parent / "work"))
    return drive(EXAMINER.examine(restored, []), asker or Machine())


def spoil(asker: Asker, part: str, how: Callable[[Reply], Reply]) -> Asker:
    return lambda command: how(asker(command)) if part in command else asker(command)


def content(path: Path) -> tuple[TableDigest, ...]:
    found = drive(EXAMINER.content(dataset(path)), Machine())
    assert found.problem == ""
    return found.tables


def test_a_copy_of_a_tree_reads_as_the_tree_wherever_it_lies(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "else" / "where"
    shutil.copytree(tree, copy, symlinks=True)
    there = opened(copy)
    assert there.tables == content(tree)
    assert there.examined == ("read_in_full",)
    assert [(table.table, table.rows) for table in there.tables] == [
        ("files", len(AWKWARD) + 2),
        ("directories-and-links", 4),
    ]


def relinked(link: Path) -> None:
    link.unlink()
    link.symlink_to("deep/-rf")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda tree: (tree / "deep" / "plain").write_bytes(b"9"),
    "a name": lambda tree: (tree / "deep" / "plain").rename(tree / "deep" / "plane"),
    "another place": lambda tree: (tree / "deep" / "plain").rename(tree / "plain"),
    "two exchanged": lambda tree: (
        (tree / "deep" / "plain").write_bytes(b"6"),
        (tree / "deep" / "-rf").write_bytes(b"0"),
    ),
    "an empty file gone": lambda tree: (tree / "deep" / "er" / "none").unlink(),
    "an empty directory gone": lambda tree: (tree / "empty").rmdir(),
    "a link elsewhere": lambda tree: relinked(tree / "link"),
    "a file more": lambda tree: (tree / "more").write_bytes(b""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_shows(tree: Path, change: Callable[[Path], object]) -> None:
    before = content(tree)
    change(tree)
    assert content(tree) != before


def test_a_dataset_that_is_one_file_is_read(tree: Path) -> None:
    one = content(tree / "deep" / "plain")
    assert [table.rows for table in one] == [1, 0]


def test_an_empty_tree_is_a_problem_because_a_mount_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is none" in drive(EXAMINER.content(dataset(tmp_path / "empty")), Machine()).problem
    assert "there is none" in opened(tmp_path / "empty").problem


def test_a_tree_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert "exit status 1" in opened(tmp_path / "gone").problem


@pytest.mark.parametrize(
    "how",
    [
        lost,
        failed,
        saying(b"what\n"),
        lambda reply: replace(reply, stdout=reply.stdout[:-9]),
        lambda reply: replace(reply, stdout=reply.stdout * 2),
        lambda reply: replace(reply, exit_status=1),
    ],
)
def test_a_reading_that_is_not_whole_is_a_problem(tree: Path, how: Callable[[Reply], Reply]) -> None:
    machine = Machine()
    for part in ("sha256sum", "-mindepth"):
        found = opened(tree, spoil(machine, part, how))
        assert found.problem
        assert found.tables == ()


def test_no_statement_can_be_asked_of_files(tree: Path) -> None:
    found = opened(tree, statements=(Statement(name="count", sql="SELECT 1", expect="1"),))
    assert "no business statement" in found.problem


def test_names_of_files_are_told_apart(tree: Path) -> None:
    said: list[str] = []
    drive(EXAMINER.content(dataset(tree)), Machine(), said)
    assert said
    assert all(holds_names(command) for command in said)
    assert not holds_names("find /backup/data -type f -exec sha256sum {} +")


@pytest.mark.parametrize("name", [b"/etc/passwd", b"../x", b"a/../../x", b"./.."])
def test_a_list_that_leads_out_of_its_tree_is_refused(name: bytes) -> None:
    with pytest.raises(Unread, match="leads out"):
        hashed(b"ab" * 32 + b"  " + name + b"\n", "", "the list")


def test_a_list_is_read_with_either_spelling_of_here_and_of_the_mode() -> None:
    digest = b"ab" * 32
    assert hashed(digest + b"  ./a\n" + digest + b" *b\n", "", "x") == {b"a": digest, b"b": digest}
    with pytest.raises(Unread, match="twice"):
        hashed(digest + b"  ./a\n" + digest + b"  a\n", "", "x")
