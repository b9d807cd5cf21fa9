"""A cable that is pulled: an sshd in a network of its own, whose end of the wire goes away without a word."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gate.evidence import ReplyState
from gate.hostkeys import parse
from gate.inventory import Ssh
from gate.ssh.client import connect
from gate.ssh.wire import Timeouts
from tests.parts import need
from tests.real.sshd import USER, Server, servers

DEAD = Timeouts(connect_s=5, banner_s=10, login_s=10, channel_s=5, dead_peer_s=3)


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Give the name of a network namespace and the address of its end of a wire to this machine."""
    need("ip")
    name = f"sg{os.getpid()}"
    here, there = f"{name}a", f"{name}b"
    net = f"10.{os.getpid() % 200 + 20}.231"
    ip("netns", "add", name)
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("address", "add", f"{net}.1/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "address", "add", f"{net}.2/30", "dev", there)
        for device in ("lo", there):
            ip("-n", name, "link", "set", device, "up")
        yield name, f"{net}.2"
    finally:
        ip("netns", "del", name)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a network of its own")
def test_a_pulled_cable_is_noticed_within_seconds_and_the_command_is_lost_not_failed(tmp_path: Path) -> None:
    """Keepalives are never acknowledged, and TCP_USER_TIMEOUT ends the connection long before the deadline."""
    with cable() as (name, address), servers(tmp_path, inside=name, address=address) as start:
        server: Server = start()
        pinned = parse(f"[{address}]:{server.port} {server.host_line}\n", "known_hosts")
        endpoint = Ssh(host=address, port=server.port)
        with connect("west-2", endpoint, user=USER, key=server.key, pinned=pinned, timeouts=DEAD) as session:
            assert session.run("echo in", deadline_s=60).stdout == b"in\n"
            pull = threading.Timer(1, ip, ("-n", name, "link", "set", f"{name}b", "down"))
            pull.start()
            reply = session.run("sleep 300", deadline_s=120)
            pull.join()
            assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)
            assert not session.alive
            assert session.run("echo still", deadline_s=60).state is ReplyState.UNREACHABLE
