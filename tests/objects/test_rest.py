"""One login at an append-only server: what it may be asked, and what an answer becomes."""

from datetime import timedelta
from pathlib import Path

import pytest

from gate.errors import BadInput
from gate.evidence import ReplyState
from gate.gather.objects import Objects
from gate.inventory import AppendOnlyServer, BackupTool
from gate.objects.credential import login
from tests import cases
from tests.places import free_port

LINE = "rest nightly sentinel "


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    server = AppendOnlyServer(endpoint=f"http://127.0.0.1:{free_port()}", sentinels="/backup/sangate")
    kept = cases.protection(tool=BackupTool.RESTIC, append_only_server=server)
    (tmp_path / "rest-nightly-sentinel").write_text("gate:secret-word\n")
    (tmp_path / "rest-nightly-sentinel").chmod(0o600)
    return Objects(cases.fleet(protections=(kept, cases.offsite())), tmp_path, connect_s=2, deadline_s=5)


@pytest.mark.parametrize(
    "line",
    [
        "delete key=../nightly/config",
        "delete key=data/../../nightly/config",
        "put key=.. text=x",
        "put key=../sangate-too/x text=x",
        "make key=x",
        "delete key=x text=y",
        "get key=x",
    ],
)
def test_nothing_outside_the_gates_own_repository_is_ever_asked(objects: Objects, line: str) -> None:
    with pytest.raises(ValueError, match="does not ask"):
        objects.ask(LINE + line)


@pytest.mark.parametrize("line", ["rest nightly read delete key=x", "rest offsite sentinel make"])
def test_no_other_role_and_no_other_protection_asks_there(objects: Objects, line: str) -> None:
    with pytest.raises(ValueError, match="no append-only server"):
        objects.ask(line)


def test_nobody_there_is_unreachable_and_the_secret_is_in_no_answer(objects: Objects) -> None:
    reply = objects.ask(LINE + "make", deadline_s=timedelta(seconds=5).total_seconds())
    assert reply.state is ReplyState.UNREACHABLE
    assert "secret-word" not in repr(reply)


def test_a_login_is_one_line_that_nobody_else_may_read(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "rest-nightly-sentinel"
    assert login(path).access == "gate"
    assert "secret-word" not in repr(login(path))
    path.chmod(0o640)
    with pytest.raises(BadInput, match="other users may read"):
        login(path)
    path.chmod(0o600)
    for text in ("", "gate", "gate:a\nb:c\n", ":secret", "gate:\n", "gate:a b"):
        path.write_text(text)
        with pytest.raises(BadInput, match="no login"):
            login(path)
    path.unlink()
    assert "cannot be read" in objects.ask(LINE + "make").problem
