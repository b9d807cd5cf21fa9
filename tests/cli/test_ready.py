"""Telling systemd that a service answers: one datagram where it asked for one."""

import socket
from pathlib import Path

import pytest

from gate.cli.ready import READY, tell_ready


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.mark.parametrize("abstract", [False, True])
def test_whoever_asked_is_told_once(name: str, abstract: bool) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}" if abstract else name)
        tell_ready({"NOTIFY_SOCKET": f"@{name}" if abstract else name})
        listener.setblocking(False)
        assert listener.recv(64) == READY
        with pytest.raises(BlockingIOError):
            listener.recv(64)


@pytest.mark.parametrize("told", ["", "relative", "/nowhere/there", "vsock:2:1", "/" + "x" * 200])
def test_where_nobody_listens_nothing_happens(told: str) -> None:
    tell_ready({"NOTIFY_SOCKET": told})
    tell_ready({})
