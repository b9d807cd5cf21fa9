"""What an append-only server may answer, and what of it is believed: the disk beneath, and never the server alone."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from gate.backups.append_only import tried
from gate.backups.s3_words import REST, Role, read, spell
from gate.evidence import BackupRun, Immutability, Reply, ReplyState
from gate.immutability import HOLDING, held
from gate.inventory import BackupTool, Protection
from tests import cases
from tests.backups.append_only_server import NAME, NOW, PLACE, Server
from tests.backups.local import drive

PROTECTION = cases.protection("nightly", tool=BackupTool.RESTIC, append_only_server=PLACE)
RUN = BackupRun("ab" * 32, NOW, 5)


DELETE, PUT = f"rest nightly sentinel delete key=data/{NAME}", f"rest nightly sentinel put key=data/{NAME}"


def found(server: Callable[[str], Reply]) -> Immutability:
    return drive(tried(PROTECTION, PLACE, RUN, "there", NOW), server)


def test_all_that_can_be_tried_is_refused_and_the_real_repository_is_named_in_no_request() -> None:
    server = Server()
    record = found(server)
    assert (record.mode, record.problem, record.backup) == ("append-only", "", RUN.id)
    assert [one.action for one in record.attempts] == list(HOLDING["append-only-server"])
    assert held(record.attempts, HOLDING["append-only-server"]) is True
    assert held(record.attempts) is None
    assert not [line for line in server.asked if line.startswith("rest") and PROTECTION.repository in line]
    bypassed = [line for line in server.asked if line.startswith("rest nightly sentinel delete")]
    assert len(bypassed) == 8


def test_a_server_that_says_no_and_does_it_is_found_out_on_the_disk() -> None:
    server = Server()
    server.does[DELETE] = lambda: setattr(server, "there", None)
    record = found(server)
    assert (record.mode, [one.refused for one in record.attempts]) == ("", [False])
    server = Server()
    server.does[PUT + " text=sangate-sentinel-written"] = lambda: setattr(server, "there", b"something else")
    assert [one.refused for one in found(server).attempts] == [True, False]


@pytest.mark.parametrize("around", ["locks/../data", "data/locks", "config"])
def test_one_way_around_is_enough(around: str) -> None:
    server = Server()
    server.does[f"rest nightly sentinel delete key={around}"] = lambda: setattr(server, "there", None)
    record = found(server)
    assert (record.mode, [one.refused for one in record.attempts]) == ("", [True, True, False])


@pytest.mark.parametrize("status", [200, 301, 500, 503])
def test_an_answer_that_is_no_refusal_is_not_known_though_the_object_is_there(status: int) -> None:
    record = found(Server(answers={DELETE: status}))
    assert (record.mode, record.attempts[0].refused) == ("", None)


def test_one_way_around_that_is_not_known_leaves_bypassing_open() -> None:
    record = found(Server(answers={"rest nightly sentinel delete key=data/locks": 500}))
    assert (record.mode, [one.refused for one in record.attempts]) == ("", [True, True, None])


def test_a_login_that_may_delete_nothing_at_all_shows_nothing() -> None:
    record = found(Server(answers={"rest nightly sentinel delete": 403}))
    assert (record.mode, {one.refused for one in record.attempts}) == ("", {None})
    assert "shows nothing" in record.attempts[0].answer


def test_without_a_sentinel_on_the_repositorys_own_disk_nothing_is_tried() -> None:
    for server, words in (
        (Server(answers={PUT: 401}), "401 to writing it, and it does not lie in /backup/sangate"),
        (Server(disks=b"7\n8\n"), "do not lie in one file system"),
        (Server(disks=b""), "do not lie in one file system"),
        (Server(blind=True), "does the server serve that?"),
    ):
        record = found(server)
        assert (record.mode, record.attempts) == ("", ())
        assert words in record.problem
        assert not [line for line in server.asked if line.startswith("rest nightly sentinel delete")]


def test_a_server_that_goes_away_leaves_it_open() -> None:
    server = Server()

    def ask(command: str) -> Reply:
        reply = server(command)
        gone = command.startswith("rest nightly sentinel delete key=data/")
        return Reply("bk-1", command, ReplyState.LOST, NOW, NOW, problem="it ended") if gone else reply

    record = found(ask)
    assert (record.mode, record.attempts[0].refused) == ("", None)


def test_questions_are_spelled_and_taken_apart_alike() -> None:
    line = spell("nightly", Role.SENTINEL, "delete", beginning=REST, key="data/ab")
    assert line == "rest nightly sentinel delete key=data/ab"
    assert (read(line).verb, read(line).given) == ("delete", {"key": "data/ab"})
    with pytest.raises(ValueError, match="cannot be a word"):
        spell("nightly", Role.SENTINEL, "delete", beginning=REST, key="a b")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tool": BackupTool.BORG}, "for restic"),
        ({"append_only_server": {"endpoint": "https://a", "sentinels": "/elsewhere/sangate"}}, "beside the repository"),
        ({"append_only_server": {"endpoint": "https://a", "sentinels": "/backup/nightly"}}, "beside the repository"),
        ({"append_only_server": {"endpoint": "http://bk-1", "sentinels": "/backup/sangate"}}, "https"),
        ({"append_only_server": {"endpoint": "https://a", "sentinels": "/backup/../x"}}, "pattern"),
    ],
)
def test_a_server_that_cannot_be_is_refused_with_its_place(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Protection.model_validate({**PROTECTION.model_dump(), **changed})
