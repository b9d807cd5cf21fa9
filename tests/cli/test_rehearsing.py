"""What the command line tells while a rehearsal runs, from what the server says at each look."""

import threading
from typing import Any

import pytest

from gate.cli.client import Client
from gate.cli.evidence import watched


class Server(Client):
    """Answers each look with one sentence more, and the rehearsal when it has been looked at so often."""

    def __init__(self, before: list[str], looks: list[list[str]]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._looks = iter([before, *looks])
        self._last = before
        self._done = threading.Event()

    def get(self, path: str, **query: object) -> Any:
        look = next(self._looks, None)
        if look is None:
            self._done.set()
        self._last = self._last if look is None else look
        return [{"id": "sidekick", "protections": [{"id": "nightly", "progress": self._last}]}, {"id": "other"}]

    def post(self, path: str, body: object = None, *, seen: int | None = None, within: float = 0) -> Any:
        assert path == "/datasets/sidekick/rehearse"
        assert self._done.wait(30)
        return {"rehearsals": []}


def test_each_step_is_told_once_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    looks = [["asking"], ["asking", "restoring"], ["asking", "restoring"], ["asking", "restoring", "removing"]]
    assert watched(Server([], looks), "sidekick") == {"rehearsals": []}
    assert capsys.readouterr().err.split("\n") == [
        "  nightly: asking", "  nightly: restoring", "  nightly: removing", ""
    ]  # fmt: skip


def test_what_an_earlier_rehearsal_has_told_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    old = ["asking", "old"]
    watched(Server(old, [old, ["asking"], ["asking", "new\x1b"]]), "sidekick")
    assert capsys.readouterr().err.split("\n")[:-1] == ["  nightly: asking", "  nightly: new\N{REPLACEMENT CHARACTER}"]
