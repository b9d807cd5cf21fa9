"""
An array that knows SHA-1 alone, as far as Debian's sshd can still be one: reached by the legacy runner alone.

`make legacy` installs the runner beside the Python of these tests.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.errors import HostKeyRefused, Outside, Refused
from gate.evidence import ReplyState
from gate.gather.greeting import greet_one
from gate.gather.lines import Lines
from gate.hostkeys import HostKeys, parse
from gate.inventory import Array, ArrayFamily, Bastion, Criticality, Inventory, Ssh
from gate.ssh.relay import Relayed, reach
from gate.ssh.wire import Timeouts
from tests.parts import SWITCH, need
from tests.real.sshd import USER, Server, public, servers

Start = Callable[..., Server]
SHA1_ONLY = "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\nMACs hmac-sha1\n"
PATIENT = Timeouts(connect_s=10, banner_s=20, login_s=30, channel_s=20)
RUNNER = Path(sys.prefix) / "legacy" / "bin" / "python"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    if not RUNNER.exists():
        (pytest.fail if os.environ.get(SWITCH) == "1" else pytest.skip)("the legacy runner is missing: make legacy")
    with servers(tmp_path_factory.mktemp("legacy")) as begin:
        yield begin


def old(start: Start, below: Path, more: str = "", **given: str) -> tuple[Server, HostKeys]:
    """Start a server that has an RSA host key and SHA-1; return it with that key pinned. `given`: whom it trusts."""
    file = below / "rsa"
    subprocess.run([need("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(file)], check=True)
    server = start(more=f"HostKey {file}\n{SHA1_ONLY}{more}", **given)
    kind, key, *_ = file.with_suffix(".pub").read_text().split()
    return server, parse(f"[127.0.0.1]:{server.port} {kind} {key}\n", "known_hosts")


@pytest.fixture(scope="module")
def aged(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, HostKeys]:
    return old(start, tmp_path_factory.mktemp("aged"))


def reached(server: Server, pins: HostKeys, *, legacy: bool = True, **given: object) -> Relayed:
    way: dict[str, object] = {"user": USER, "key": server.key, "pinned": pins, "via": None, "timeouts": PATIENT}
    way |= {"pem": "", "legacy": legacy, "legacy_python": RUNNER, **given}
    session = reach("west-2", Ssh(host="127.0.0.1", port=server.port), **way)  # type: ignore[arg-type]
    assert isinstance(session, Relayed)
    return session


def fleet(server: Server, *, legacy: bool = True, via: Bastion | None = None) -> Inventory:
    array = Array(
        id="west-2", site="west", family=ArrayFamily.STORAGE_VIRTUALIZE, model="OLD", serial="SERIAL-1", legacy=legacy,
        criticality=Criticality.LOW, ssh=Ssh(host="127.0.0.1", port=server.port), via=via.id if via else None,
    )  # fmt: skip
    return Inventory(
        sites=("west",), arrays=(array,), hosts=(), datasets=(), protections=(), bastions=(via,) if via else ()
    )


def test_the_gate_itself_keeps_refusing_and_the_runner_gets_an_answer(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    with pytest.raises(Outside, match="IncompatiblePeer"):
        reached(server, pins, legacy=False)
    with reached(server, pins) as session:
        reply = session.run("echo old; echo wrong >&2; exit 3", deadline_s=30)
        assert (reply.state, reply.exit_status, reply.stdout, reply.stderr) == (
            ReplyState.ANSWERED, 3, b"old\n", b"wrong\n",
        )  # fmt: skip
        assert session.run("printf '\\000\\377'", deadline_s=30).stdout == b"\0\xff"
    assert not session.alive


def test_a_host_key_that_is_not_pinned_or_another_one_is_refused(aged: tuple[Server, HostKeys]) -> None:
    server, _ = aged
    with pytest.raises(HostKeyRefused, match="no host key is pinned"):
        reached(server, HostKeys())
    with pytest.raises(HostKeyRefused, match="another host key"):
        reached(server, server.pinned)


def test_deadlines_and_the_time_to_act_hold_as_they_do_for_others(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    with reached(server, pins) as session, pytest.raises(Refused, match="the time to act"):
        session.run("true", deadline_s=30, act_before=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(Refused, match="time of this connection"):
        reached(server, pins, not_after=datetime.now(UTC) - timedelta(seconds=1)).run("true", deadline_s=30)
    with reached(server, pins) as session:
        late = session.run("sleep 60", deadline_s=1)
        assert late.state is ReplyState.TIMED_OUT
        after = session.run("true", deadline_s=30)
        assert (after.state, "nothing was sent" in after.problem) == (ReplyState.UNREACHABLE, True)


def test_an_image_is_sent_only_if_it_is_the_approved_one(aged: tuple[Server, HostKeys], tmp_path: Path) -> None:
    server, pins = aged
    image, digest = tmp_path / "image", "sha256:" + "0" * 64
    image.write_bytes(b"firmware" * 4096)
    there = tmp_path / "there"
    there.mkdir()
    with reached(server, pins) as session, pytest.raises(Refused, match="not the approved image"):
        session.send(image, str(there), "copy", deadline_s=30, sha256=digest)
    with reached(server, pins) as session:
        assert session.send(image, str(there), "copy", deadline_s=60).stdout == b"\0\0\0"
    assert (there / "copy").read_bytes() == image.read_bytes()


def test_an_rsa_key_logs_in_where_no_other_is_known(start: Start, tmp_path: Path) -> None:
    server, pins = old(start, tmp_path, "PubkeyAcceptedAlgorithms ssh-rsa\n")
    login = tmp_path / "login"
    subprocess.run([need("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(login)], check=True)
    (server.home / "authorized").write_text(login.with_suffix(".pub").read_text())
    with reached(server, pins, pem=login.read_text()) as session:
        assert session.run("echo in", deadline_s=30).stdout == b"in\n"
    with pytest.raises(Outside, match="refused the login"):
        reached(server, pins)


def test_no_secret_stands_on_the_command_line_or_in_the_environment(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    with reached(server, pins) as session:
        process = Path("/proc") / str(session._runner._process.pid)
        seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        assert b"gate.ssh.relaying" in seen
        assert b"PRIVATE" not in seen
        assert set((process / "environ").read_bytes().split(b"\0")) <= {
            b"", b"PYTHONDONTWRITEBYTECODE=1", f"PYTHONPATH={Path(__file__).parents[2]}".encode(),
        }  # fmt: skip


def test_a_runner_that_is_killed_leaves_a_lost_command_and_no_answer(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    with reached(server, pins) as session:
        lost = session.run(f"kill -9 {session._runner._process.pid}; sleep 5", deadline_s=30)
        assert lost.state is ReplyState.LOST
        assert session.run("true", deadline_s=30).state is ReplyState.UNREACHABLE


def test_a_connection_that_is_cut_ends_its_command_as_lost(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    with reached(server, pins) as session:
        cutter = threading.Timer(1, session.cut)
        cutter.start()
        assert session.run("sleep 60", deadline_s=120).state is ReplyState.LOST
        cutter.join()


def test_without_a_runner_it_is_said_how_to_get_one(aged: tuple[Server, HostKeys], tmp_path: Path) -> None:
    server, pins = aged
    for python in (None, tmp_path / "none"):
        with pytest.raises(Outside, match="no legacy runner is installed") as refused:
            reached(server, pins, legacy_python=python)
        assert "make legacy" in refused.value.hint
    with pytest.raises(Outside, match="cannot speak as old arrays do"):
        reached(server, pins, legacy_python=Path(sys.executable))


def test_questions_go_the_same_way_and_only_for_the_array_that_is_marked(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    for legacy, state in ((True, ReplyState.ANSWERED), (False, ReplyState.UNREACHABLE)):
        with Lines(fleet(server, legacy=legacy), user=USER, key=server.key, pinned=pins, timeouts=PATIENT) as lines:
            lines.legacy_python = RUNNER
            assert lines.ask("west-2", "echo asked").state is state


def test_preflight_shows_the_key_over_the_runner_and_takes_a_mark_that_is_not_needed_as_wrong(
    aged: tuple[Server, HostKeys], start: Start
) -> None:
    server, pins = aged
    ((_, pinned),) = pins.entries
    shown = greet_one(fleet(server), "west-2", server.key, HostKeys(), PATIENT, RUNNER)
    assert shown.key == pinned
    unmarked = greet_one(fleet(server, legacy=False), "west-2", server.key, pins, PATIENT, RUNNER)
    assert unmarked.key is None
    assert "it offers diffie-hellman-group14-sha1" in unmarked.clash[0]
    assert "make legacy" in greet_one(fleet(server), "west-2", server.key, pins, PATIENT).problem
    today = start()
    assert "take the mark away" in greet_one(fleet(today), "west-2", today.key, pins, PATIENT, RUNNER).problem


def test_a_bastion_in_between_is_spoken_to_as_by_the_gate(aged: tuple[Server, HostKeys], start: Start) -> None:
    server, pins = aged
    words = f'restrict,port-forwarding,permitopen="127.0.0.1:{server.port}"'
    bastion = start(forwarding=True, options=words)
    (bastion.home / "authorized").write_text(f"{words} {public(server.key)}\n")
    both = replace(pins, entries=pins.entries + bastion.pinned.entries)
    way = Bastion(id="jump", ssh=Ssh(host="127.0.0.1", port=bastion.port), user=USER)
    with reached(server, both, via=way) as session:
        assert session.run("echo through", deadline_s=30).stdout == b"through\n"
    weak = start(more=SHA1_ONLY.splitlines()[0] + "\n", forwarding=True)
    jump = Bastion(id="jump", ssh=Ssh(host="127.0.0.1", port=weak.port), user=USER)
    known = replace(pins, entries=pins.entries + weak.pinned.entries)
    with pytest.raises(Outside, match="the bastion jump"):
        reached(server, known, via=jump)


def test_the_runner_ends_with_whoever_started_it(aged: tuple[Server, HostKeys]) -> None:
    server, pins = aged
    session = reached(server, pins)
    pid = session._runner._process.pid
    session._runner._into.close()
    session._runner._process.wait(30)
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
